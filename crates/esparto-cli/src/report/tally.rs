//! Counts by size, site and owner.

use rustc_hash::FxHashMap;

/// What was asked for under one heading. Sums saturate: a damaged trace may hold any size.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Blocks handed out.
    pub(crate) allocation_count: u64,
    /// Bytes handed out over the whole trace, growth included.
    pub(crate) allocated_bytes: u64,
    /// Blocks live now.
    pub(crate) live_count: u64,
    /// Bytes live now.
    pub(crate) live_bytes: u64,
    /// The most bytes that were live.
    pub(crate) peak_bytes: u64,
    /// The most blocks that were live.
    pub(crate) peak_count: u64,
    /// Requests that failed.
    pub(crate) failure_count: u64,
}

impl Tally {
    #[inline]
    pub(crate) fn allocate(&mut self, size_bytes: u64) {
        self.allocation_count += 1;
        self.allocated_bytes = self.allocated_bytes.saturating_add(size_bytes);
        self.take(size_bytes);
    }

    #[inline]
    pub(crate) fn deallocate(&mut self, size_bytes: u64) {
        self.live_count -= 1;
        self.live_bytes = self.live_bytes.saturating_sub(size_bytes);
    }

    /// A block of this heading went from one size to another.
    #[inline]
    pub(crate) fn resize(&mut self, old_size_bytes: u64, size_bytes: u64) {
        let grown_bytes = size_bytes.saturating_sub(old_size_bytes);
        self.allocated_bytes = self.allocated_bytes.saturating_add(grown_bytes);
        self.live_bytes = self.live_bytes.saturating_sub(old_size_bytes).saturating_add(size_bytes);
        self.peak_bytes = self.peak_bytes.max(self.live_bytes);
    }

    /// A block came under this heading without being asked for anew.
    #[inline]
    pub(crate) fn take(&mut self, size_bytes: u64) {
        self.live_count += 1;
        self.live_bytes = self.live_bytes.saturating_add(size_bytes);
        self.peak_bytes = self.peak_bytes.max(self.live_bytes);
        self.peak_count = self.peak_count.max(self.live_count);
    }
}

/// Tallies under small dense numbers (owners, sites). Grows to the largest number seen.
#[derive(Debug, Default)]
pub(crate) struct Dense(Vec<Tally>);

impl Dense {
    #[inline]
    pub(crate) fn at(&mut self, index: usize) -> &mut Tally {
        if index >= self.0.len() {
            self.0.resize(index + 1, Tally::default());
        }
        &mut self.0[index]
    }

    /// All that were ever touched.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (usize, &Tally)> {
        self.0.iter().enumerate().filter(|(_, tally)| **tally != Tally::default())
    }
}

/// Sizes below this are counted in an array.
const SMALL_BYTES: usize = 4096;
/// Distinct sizes above that are counted one by one; what comes later is counted together.
const LARGE_SIZES: usize = 16_384;

/// Tallies by size: each size on its own, as far as the bound on distinct sizes goes.
#[derive(Debug)]
pub(crate) struct Sizes {
    small: Vec<Tally>,
    large: FxHashMap<u64, Tally>,
    other: Tally,
}

impl Sizes {
    pub(crate) fn new() -> Self {
        Self {
            small: vec![Tally::default(); SMALL_BYTES],
            large: FxHashMap::default(),
            other: Tally::default(),
        }
    }

    #[inline]
    pub(crate) fn at(&mut self, size_bytes: u64) -> &mut Tally {
        if size_bytes < SMALL_BYTES as u64 {
            return &mut self.small[size_bytes as usize];
        }
        if self.large.len() >= LARGE_SIZES && !self.large.contains_key(&size_bytes) {
            return &mut self.other;
        }
        self.large.entry(size_bytes).or_default()
    }

    /// Every size counted on its own.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u64, &Tally)> {
        let small = self.small.iter().enumerate().map(|(size, tally)| (size as u64, tally));
        let large = self.large.iter().map(|(&size, tally)| (size, tally));
        small.chain(large).filter(|(_, tally)| **tally != Tally::default())
    }

    /// The sizes counted together.
    pub(crate) fn other(&self) -> &Tally {
        &self.other
    }
}
