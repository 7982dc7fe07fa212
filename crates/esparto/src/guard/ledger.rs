//! Who holds which block, since when, and where it was asked for.

use core::fmt;
use core::panic::Location;

use crate::{Event, Owner, Silent, Sink};

/// A place in the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Site {
    /// The file.
    pub file: &'static str,
    /// The line.
    pub line: u32,
}

impl Site {
    /// The place that called, if that function and all between say `#[track_caller]`.
    #[must_use]
    #[track_caller]
    pub const fn here() -> Self {
        let caller = Location::caller();
        Self { file: caller.file(), line: caller.line() }
    }
}

/// Writes `FILE:LINE`.
impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// What is known of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its first address.
    pub addr: usize,
    /// Its size as asked for.
    pub size_bytes: usize,
    /// For whom it was asked.
    pub owner: Owner,
    /// Where it was asked for, if that was said.
    pub site: Option<Site>,
    /// When, by the ledger's clock.
    pub time: u32,
    /// Who gave it back and when; `None` of a live block. Freed ones are kept until their place is
    /// needed.
    pub freed: Option<Freed>,
    /// Counts the frees: the lowest was freed first.
    freed_order: u32,
}

/// Who gave a block back, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Freed {
    /// For whom.
    pub owner: Owner,
    /// When, by the ledger's clock.
    pub time: u32,
}

/// Writes `24 bytes at 0x3fc80010 of owner 2, asked for in src/main.rs:10 at 1234`.
impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes at {:#010x} of owner {}", self.size_bytes, self.addr, self.owner.0)?;
        match self.site {
            Some(site) => write!(f, ", asked for in {site} at {}", self.time)?,
            None => write!(f, ", asked for at {}", self.time)?,
        }
        match self.freed {
            Some(freed) => write!(f, ", given back by owner {} at {}", freed.owner.0, freed.time),
            None => Ok(()),
        }
    }
}

/// The live blocks of an owner.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OwnerHeap {
    /// Their bytes as asked for.
    pub live_bytes: usize,
    /// How many there are.
    pub live_count: usize,
}

/// A table of the live blocks of a memory: up to `RECORDS` of them, what is beyond is counted.
///
/// A sink: events go on to the sink `S` behind it. A block belongs to the owner for whom it was
/// asked, whoever gives it back. Each event is O(RECORDS), inside the memory's lock.
#[derive(Debug)]
pub struct Ledger<const RECORDS: usize, S: Sink = Silent> {
    records: [Option<Record>; RECORDS],
    site: Option<Site>,
    clock: fn() -> u32,
    freed_count: u32,
    unrecorded_live_count: usize,
    unrecorded_count: u32,
    sink: S,
}

impl<const RECORDS: usize> Ledger<RECORDS> {
    /// An empty ledger without a clock: the time is always 0.
    #[must_use]
    pub const fn new() -> Self {
        Self::with_sink(Silent)
    }
}

impl<const RECORDS: usize> Default for Ledger<RECORDS> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const RECORDS: usize, S: Sink> Ledger<RECORDS, S> {
    /// An empty ledger that hands every event on to `sink`.
    #[must_use]
    pub const fn with_sink(sink: S) -> Self {
        fn no_clock() -> u32 {
            0
        }
        Self {
            records: [const { None }; RECORDS],
            site: None,
            clock: no_clock,
            freed_count: 0,
            unrecorded_live_count: 0,
            unrecorded_count: 0,
            sink,
        }
    }

    /// The same, with a clock, in whatever unit. It is read inside locks.
    #[must_use]
    pub const fn with_clock(mut self, clock: fn() -> u32) -> Self {
        self.clock = clock;
        self
    }

    /// Says where the requests come from that are told from now on; returns where until now.
    pub const fn set_site(&mut self, site: Option<Site>) -> Option<Site> {
        core::mem::replace(&mut self.site, site)
    }

    /// The sink behind.
    pub const fn sink_mut(&mut self) -> &mut S {
        &mut self.sink
    }

    /// Enters a block. For blocks that no memory tells of: those of a pool.
    pub fn enter(&mut self, addr: usize, size_bytes: usize, owner: Owner, site: Option<Site>) {
        let record = Record {
            addr,
            size_bytes,
            owner,
            site,
            time: (self.clock)(),
            freed: None,
            freed_order: 0,
        };
        match self.vacant() {
            Some(place) => *place = Some(record),
            None => {
                self.unrecorded_count = self.unrecorded_count.wrapping_add(1);
                self.unrecorded_live_count += 1;
            }
        }
    }

    /// A place for a record: one never used, or that of the block freed first.
    fn vacant(&mut self) -> Option<&mut Option<Record>> {
        let place = self
            .records
            .iter()
            .enumerate()
            .filter_map(|(index, record)| match record {
                None => Some((0, index)),
                Some(record) => record.freed.map(|_| (record.freed_order, index)),
            })
            .min();
        place.map(|(_, index)| &mut self.records[index])
    }

    /// Strikes out a block that is given back.
    pub fn strike(&mut self, addr: usize, owner: Owner) {
        let freed = Freed { owner, time: (self.clock)() };
        self.freed_count = self.freed_count.wrapping_add(1).max(1);
        let freed_order = self.freed_count;
        match self.live_mut(addr) {
            Some(record) => {
                record.freed = Some(freed);
                record.freed_order = freed_order;
            }
            // One of those that found no place.
            None => self.unrecorded_live_count = self.unrecorded_live_count.saturating_sub(1),
        }
    }

    fn live_mut(&mut self, addr: usize) -> Option<&mut Record> {
        self.records
            .iter_mut()
            .flatten()
            .find(|record| record.addr == addr && record.freed.is_none())
    }

    fn resize(&mut self, old_addr: usize, addr: usize, size_bytes: usize) {
        if let Some(record) = self.live_mut(old_addr) {
            record.addr = addr;
            record.size_bytes = size_bytes;
        }
    }

    /// The live blocks that have a record.
    pub fn live(&self) -> impl Iterator<Item = &Record> {
        self.records.iter().flatten().filter(|record| record.freed.is_none())
    }

    /// What is known of the block at this address: the live one, or else the one that was freed
    /// last, while its record is there.
    #[must_use]
    pub fn record_of(&self, addr: usize) -> Option<&Record> {
        self.records
            .iter()
            .flatten()
            .filter(|record| record.addr == addr)
            .max_by_key(|record| (record.freed.is_none(), record.freed_order))
    }

    /// The live blocks of an owner that have a record.
    #[must_use]
    pub fn owner_heap(&self, owner: Owner) -> OwnerHeap {
        let mut heap = OwnerHeap::default();
        for record in self.live().filter(|record| record.owner == owner) {
            heap.live_bytes += record.size_bytes;
            heap.live_count += 1;
        }
        heap
    }

    /// Live blocks that found no place in the table.
    #[must_use]
    pub const fn unrecorded_live_count(&self) -> usize {
        self.unrecorded_live_count
    }

    /// All blocks that ever found no place in the table: make it larger.
    #[must_use]
    pub const fn unrecorded_count(&self) -> u32 {
        self.unrecorded_count
    }

    /// The records by place, for reports that let the lock go in between.
    pub(super) const fn records(&self) -> &[Option<Record>; RECORDS] {
        &self.records
    }
}

impl<const RECORDS: usize, S: Sink> Sink for Ledger<RECORDS, S> {
    fn record(&mut self, owner: Owner, event: Event) {
        match event {
            Event::Allocate { addr, size_bytes, .. } => {
                self.enter(addr, size_bytes, owner, self.site);
            }
            Event::Deallocate { addr, .. } => self.strike(addr, owner),
            Event::Resize { old_addr, addr, size_bytes, .. } => {
                self.resize(old_addr, addr, size_bytes);
            }
            Event::Failure { .. } | Event::Mark { .. } => {}
        }
        self.sink.record(owner, event);
    }
}
