//! What a trace says, one thing at a time.

use esparto::{Caps, Event, Owner, PoolEvent, RegionId, RegionStats};

use crate::{Health, Name, OverlayEvent};

/// One thing that a trace says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    /// When, in ticks of the header's clock. Never decreases.
    pub time_ticks: u64,
    /// Who was at work. Meaningless for definitions and snapshots.
    pub owner: Owner,
    /// What.
    pub entry: Entry,
}

/// What a record says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Entry {
    /// Something happened in the memory.
    Event(Event),
    /// Something happened in tiers.
    Pool(PoolEvent),
    /// Something happened to an overlay.
    Overlay(OverlayEvent),
    /// From here on the recorder was full: so many events are not in the trace.
    Lost {
        /// How many.
        count: u32,
    },
    /// One region as it was at this moment. A snapshot is one of these per region.
    Snapshot(RegionSnapshot),
    /// How something fared at this moment.
    Health(Health),
    /// There is a region. Regions of the start come right after the header, later ones when they
    /// are added.
    Region(RegionDefinition),
    /// An owner has a name.
    OwnerName {
        /// Which owner.
        owner: Owner,
        /// Its name.
        name: Name,
    },
    /// A mark has a name.
    MarkName {
        /// Which mark.
        id: u32,
        /// Its name.
        name: Name,
    },
    /// An overlay has a name.
    OverlayName {
        /// Which overlay.
        overlay: u16,
        /// Its name.
        name: Name,
    },
    /// Lenient reading found blocks missing or damaged here. Never written.
    Gap {
        /// How many blocks.
        block_count: u32,
    },
}

/// A region of the trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RegionDefinition {
    /// The number by which events call it.
    pub id: RegionId,
    /// Its name.
    pub name: Name,
    /// Its capabilities.
    pub caps: Caps,
    /// Its first address.
    pub start_addr: usize,
    /// Its length.
    pub size_bytes: usize,
    /// What the heap keeps for itself at the start.
    pub bookkeeping_bytes: usize,
}

impl From<&RegionStats> for RegionDefinition {
    fn from(stats: &RegionStats) -> Self {
        Self {
            id: stats.id,
            name: Name::new(stats.name),
            caps: stats.caps,
            start_addr: stats.start_addr,
            size_bytes: stats.size_bytes,
            bookkeeping_bytes: stats.bookkeeping_bytes,
        }
    }
}

/// The figures of one region at one moment, as [`RegionStats`] has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RegionSnapshot {
    /// Which region.
    pub region: RegionId,
    /// No other region follows in this snapshot.
    pub is_last: bool,
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
    /// The largest request that would succeed.
    pub largest_free_bytes: usize,
    /// Requests that ended here without a block.
    pub failure_count: usize,
}

impl RegionSnapshot {
    /// Takes the figures of `stats`.
    #[must_use]
    pub fn new(stats: &RegionStats, is_last: bool) -> Self {
        Self {
            region: stats.id,
            is_last,
            free_bytes: stats.free_bytes,
            live_bytes: stats.live_bytes,
            bookkeeping_bytes: stats.bookkeeping_bytes,
            peak_bytes: stats.peak_bytes,
            live_count: stats.live_count,
            free_count: stats.free_count,
            largest_free_bytes: stats.largest_free_bytes,
            failure_count: stats.failure_count,
        }
    }
}
