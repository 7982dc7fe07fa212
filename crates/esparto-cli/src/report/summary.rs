//! The report as data: what `--json` writes, and what the text and the page show.
//!
//! Field names are stable: fields may be added within [`SCHEMA`], and none changes its meaning.
//! Sizes end in `_bytes`, addresses in `_addr`, counts in `_count`, times in `_ticks` (of
//! `trace.tick_hz`), fractions in `_percent`. Absent figures are `null`. *Live* bytes are bytes as
//! asked for; what a heap adds by rounding shows in `snapshot.live_bytes` only.

mod build;
mod overlays;

use serde::Serialize;

use super::tally::Tally;

pub(crate) use build::owner_name;
pub use overlays::{OverlayLine, Phases, SlotLine, Stay};

/// The version of the JSON.
pub const SCHEMA: &str = "esparto-report/1";

/// A report.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    /// [`SCHEMA`].
    pub schema: &'static str,
    /// Where it comes from.
    pub trace: Trace,
    /// The regions, in the order of the trace.
    pub regions: Vec<Region>,
    /// By owner, the highest peak first.
    pub owners: Vec<OwnerLine>,
    /// By place in the user's code, the most bytes first.
    pub sites: Vec<SiteLine>,
    /// How many sites there are.
    pub site_count: usize,
    /// By size, the most bytes first.
    pub sizes: Vec<SizeLine>,
    /// How many sizes there are.
    pub size_count: usize,
    /// Blocks live after the last event, the largest group first.
    pub leaks: Vec<Leak>,
    /// How many groups of such blocks there are.
    pub leak_group_count: usize,
    /// The first requests that failed.
    pub failures: Vec<Failure>,
    /// The first marks.
    pub marks: Vec<Mark>,
    /// Where events are missing.
    pub losses: Vec<Loss>,
    /// Overlays, by number.
    pub overlays: Vec<OverlayLine>,
    /// The slots that they were in.
    pub slots: Vec<SlotLine>,
    /// What does not add up. Empty for a sound trace.
    pub problems: Vec<ProblemLine>,
    /// Remarks on how far the figures can be trusted.
    pub notes: Vec<String>,
    /// Use over time.
    pub timeline: Timeline,
}

/// Where a report comes from.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Trace {
    /// The file.
    pub file: String,
    /// Its length.
    pub file_bytes: u64,
    /// The chip; of a replay, the chip it ran on.
    pub chip: String,
    /// The heap; of a replay, the heap it ran on.
    pub allocator: String,
    /// The build of the firmware, in hexadecimal.
    pub build_id: String,
    /// Ticks per second.
    pub tick_hz: u32,
    /// Was the trace replayed (`esparto run`), or is this what the device recorded?
    pub replayed: bool,
    /// The time of the first event.
    pub start_ticks: u64,
    /// From the first event to the last.
    pub duration_ticks: u64,
    /// The same in seconds.
    pub duration_seconds: f64,
    /// Events: allocations, frees, resizes, failures and marks.
    pub event_count: u64,
    /// Blocks handed out.
    pub allocation_count: u64,
    /// Blocks given back.
    pub deallocation_count: u64,
    /// Blocks resized.
    pub resize_count: u64,
    /// Requests that failed.
    pub failure_count: u64,
    /// Marks.
    pub mark_count: u64,
    /// Snapshots.
    pub snapshot_count: u64,
    /// Events that the recorder had no room for.
    pub lost_count: u64,
    /// Blocks of the file that are damaged or missing.
    pub damaged_block_count: u64,
}

/// A region.
#[derive(Clone, Debug, Serialize)]
pub struct Region {
    /// Its number in the trace.
    pub id: u8,
    /// Its name.
    pub name: String,
    /// Its capabilities, joined by ` | `.
    pub caps: String,
    /// Its first address.
    pub start_addr: u64,
    /// Its length.
    pub size_bytes: u64,
    /// What the heap keeps for itself, as last told.
    pub bookkeeping_bytes: u64,
    /// Live after the last event.
    pub live_bytes: u64,
    /// Blocks live after the last event.
    pub live_count: u64,
    /// The most that was live.
    pub peak_bytes: u64,
    /// When that was.
    pub peak_ticks: u64,
    /// Neither live nor bookkeeping after the last event. The heap's own figure if it gave one
    /// (`is_exact`), else computed.
    pub free_bytes: u64,
    /// The largest request that would succeed after the last event: the heap's own figure
    /// (`is_exact`), else the longest stretch without a live block, which rounding may shorten.
    pub largest_free_bytes: u64,
    /// `100 − 100 · largest_free / free`, rounded up.
    pub fragmentation_percent: u8,
    /// Are the two figures above the heap's own, taken after the last event?
    pub is_exact: bool,
    /// Blocks handed out here.
    pub allocation_count: u64,
    /// Blocks given back here.
    pub deallocation_count: u64,
    /// Requests that this region could have served and that failed.
    pub failure_count: u64,
    /// When the first of those was.
    pub first_failure_ticks: Option<u64>,
    /// The last figures that the heap gave of itself.
    pub snapshot: Option<Snapshot>,
}

/// Figures that a heap gave of itself. `free + live + bookkeeping = size`.
#[derive(Clone, Debug, Serialize)]
pub struct Snapshot {
    /// When.
    pub time_ticks: u64,
    /// Events before it.
    pub event_count: u64,
    /// Free.
    pub free_bytes: u64,
    /// Live, rounding included.
    pub live_bytes: u64,
    /// The heap's own.
    pub bookkeeping_bytes: u64,
    /// The largest request that would succeed.
    pub largest_free_bytes: u64,
    /// The most that was live.
    pub peak_bytes: u64,
    /// Live blocks.
    pub live_count: u64,
    /// Free blocks.
    pub free_count: u64,
}

/// What was asked for under one heading.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Counts {
    /// Blocks handed out.
    pub allocation_count: u64,
    /// Bytes handed out over the whole trace, growth included.
    pub allocated_bytes: u64,
    /// The most bytes live.
    pub peak_bytes: u64,
    /// The most blocks live.
    pub peak_count: u64,
    /// Bytes live after the last event.
    pub live_bytes: u64,
    /// Blocks live after the last event.
    pub live_count: u64,
    /// Requests that failed.
    pub failure_count: u64,
}

impl From<&Tally> for Counts {
    fn from(tally: &Tally) -> Self {
        Self {
            allocation_count: tally.allocation_count,
            allocated_bytes: tally.allocated_bytes,
            peak_bytes: tally.peak_bytes,
            peak_count: tally.peak_count,
            live_bytes: tally.live_bytes,
            live_count: tally.live_count,
            failure_count: tally.failure_count,
        }
    }
}

/// One owner.
#[derive(Clone, Debug, Serialize)]
pub struct OwnerLine {
    /// Its number.
    pub owner: u16,
    /// Its name.
    pub name: String,
    /// Its figures.
    #[serde(flatten)]
    pub counts: Counts,
}

/// One site.
#[derive(Clone, Debug, Serialize)]
pub struct SiteLine {
    /// The function, or its address.
    pub name: String,
    /// `file:line`.
    pub location: Option<String>,
    /// Its figures.
    #[serde(flatten)]
    pub counts: Counts,
}

/// One size.
#[derive(Clone, Debug, Serialize)]
pub struct SizeLine {
    /// The size; `null` for sizes beyond the bound on distinct ones, counted together.
    pub size_bytes: Option<u64>,
    /// Its figures.
    #[serde(flatten)]
    pub counts: Counts,
}

/// Blocks of one origin that are live after the last event.
#[derive(Clone, Debug, Serialize)]
pub struct Leak {
    /// The owner's name.
    pub owner: String,
    /// The region's name.
    pub region: String,
    /// The site.
    pub site: String,
    /// `file:line` of the site.
    pub location: Option<String>,
    /// The call stack, innermost first.
    pub stack: Vec<String>,
    /// How many blocks.
    pub block_count: u64,
    /// Their bytes.
    pub live_bytes: u64,
    /// When the oldest was allocated.
    pub oldest_ticks: u64,
    /// Where the oldest lies.
    pub oldest_addr: u64,
}

/// A request that failed.
#[derive(Clone, Debug, Serialize)]
pub struct Failure {
    /// When.
    pub time_ticks: u64,
    /// Events up to it.
    pub event_count: u64,
    /// The owner's name.
    pub owner: String,
    /// The site.
    pub site: String,
    /// The call stack, innermost first.
    pub stack: Vec<String>,
    /// The size asked for.
    pub size_bytes: u64,
    /// The alignment asked for.
    pub align_bytes: u64,
    /// The capabilities required.
    pub require: String,
    /// The capabilities preferred.
    pub prefer: String,
    /// Free in all regions that could have served it.
    pub free_bytes: u64,
    /// The longest gap in one of them, where it was measured.
    pub largest_gap_bytes: Option<u64>,
    /// Which region that is.
    pub largest_gap_region: Option<String>,
    /// Why: the heap's own words in a replay, else what the figures say.
    pub reason: String,
}

/// A mark.
#[derive(Clone, Debug, Serialize)]
pub struct Mark {
    /// When.
    pub time_ticks: u64,
    /// Events up to it.
    pub event_count: u64,
    /// Its number.
    pub id: u32,
    /// Its name.
    pub name: String,
}

/// A place where events are missing.
#[derive(Clone, Debug, Serialize)]
pub struct Loss {
    /// When.
    pub time_ticks: u64,
    /// Events up to it.
    pub event_count: u64,
    /// How many are missing.
    pub lost_count: u64,
}

/// What does not add up.
#[derive(Clone, Debug, Serialize)]
pub struct ProblemLine {
    /// `account`, `overlap`, `outside_region`, `unmatched_free`, `size_mismatch` or
    /// `unknown_region`.
    pub kind: &'static str,
    /// How often.
    pub count: u64,
    /// Events up to the first.
    pub first_event_count: u64,
    /// When the first was.
    pub first_ticks: u64,
    /// What the first was.
    pub what: String,
}

/// Use over time, in at most 512 buckets of equally many events.
#[derive(Clone, Debug, Serialize)]
pub struct Timeline {
    /// Events per bucket.
    pub bucket_event_count: u64,
    /// The time at the end of each bucket.
    pub time_ticks: Vec<u64>,
    /// The events up to the end of each bucket.
    pub event_count: Vec<u64>,
    /// One series per region, in the order of `regions`.
    pub regions: Vec<Series>,
}

/// One region over time; every list has one entry per bucket.
#[derive(Clone, Debug, Serialize)]
pub struct Series {
    /// The least that was live in the bucket.
    pub live_min_bytes: Vec<u64>,
    /// The most that was live in the bucket.
    pub live_max_bytes: Vec<u64>,
    /// Live at its end.
    pub live_bytes: Vec<u64>,
    /// Free at its end.
    pub free_bytes: Vec<u64>,
    /// The longest stretch without a live block at its end, where measured.
    pub largest_gap_bytes: Vec<Option<u64>>,
    /// `100 − 100 · largest_gap / free` at its end, where measured.
    pub fragmentation_percent: Vec<Option<u8>>,
    /// Failures in it.
    pub failure_count: Vec<u64>,
}
