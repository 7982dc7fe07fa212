//! Figures of regions and capabilities at one moment.

use crate::{Caps, RegionId};

/// One region at one moment. `free + live + bookkeeping = size`, to the byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RegionStats {
    /// Which region.
    pub id: RegionId,
    /// Its name.
    pub name: &'static str,
    /// Its capabilities.
    pub caps: Caps,
    /// Its first address.
    pub start_addr: usize,
    /// Its length.
    pub size_bytes: usize,
    /// Bytes that a request could get, summed over all free blocks.
    pub free_bytes: usize,
    /// Bytes in live blocks, rounding included.
    pub live_bytes: usize,
    /// Bytes that the heap keeps for itself.
    pub bookkeeping_bytes: usize,
    /// The most that was ever live.
    pub peak_bytes: usize,
    /// Live blocks.
    pub live_count: usize,
    /// Free blocks.
    pub free_count: usize,
    /// The size of the smallest of them; 0 when there is none.
    pub smallest_free_bytes: usize,
    /// The largest request that would succeed now at the word's alignment.
    pub largest_free_bytes: usize,
    /// Requests that ended here without a block.
    pub failure_count: usize,
}

impl RegionStats {
    /// Fragmentation in percent, see [`fragmentation_percent`].
    #[must_use]
    pub fn fragmentation_percent(&self) -> u8 {
        fragmentation_percent(self.free_bytes, self.largest_free_bytes)
    }
}

/// All regions that have a set of capabilities, at one moment.
///
/// The largest block is the largest of any one region: a block never spans two.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CapsStats {
    /// How many regions have the capabilities.
    pub region_count: usize,
    /// The sum of their lengths.
    pub size_bytes: usize,
    /// The sum of their free bytes.
    pub free_bytes: usize,
    /// The sum of their live bytes.
    pub live_bytes: usize,
    /// The sum of their bookkeeping bytes.
    pub bookkeeping_bytes: usize,
    /// The largest request that would succeed now.
    pub largest_free_bytes: usize,
}

impl CapsStats {
    /// Fragmentation in percent, see [`fragmentation_percent`].
    #[must_use]
    pub fn fragmentation_percent(&self) -> u8 {
        fragmentation_percent(self.free_bytes, self.largest_free_bytes)
    }

    pub(crate) fn add(&mut self, region: &RegionStats) {
        self.region_count += 1;
        self.size_bytes += region.size_bytes;
        self.free_bytes += region.free_bytes;
        self.live_bytes += region.live_bytes;
        self.bookkeeping_bytes += region.bookkeeping_bytes;
        self.largest_free_bytes = self.largest_free_bytes.max(region.largest_free_bytes);
    }
}

/// `100 − 100 · largest / free`, rounded up; 100 when nothing is free.
#[must_use]
pub fn fragmentation_percent(free_bytes: usize, largest_free_bytes: usize) -> u8 {
    if free_bytes == 0 {
        return 100;
    }
    let largest = largest_free_bytes.min(free_bytes) as u64;
    // Both fit 64 bits with room for the factor on every target (`usize` sizes are below 2^48).
    (100 - 100 * largest / free_bytes as u64) as u8
}
