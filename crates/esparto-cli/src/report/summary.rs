//! The report as data: what `--json` writes, and what the text and the page show.
//!
//! Field names are stable: fields may be added within [`SCHEMA`], and none changes its meaning.
//! Sizes end in `_bytes`, addresses in `_addr`, counts in `_count`, times in `_ticks` (of
//! `trace.tick_hz`), fractions in `_percent`. Absent figures are `null`. *Live* bytes are bytes as
//! asked for; what a heap adds by rounding shows in `snapshot.live_bytes` only.

use esparto::fragmentation_percent;
use serde::Serialize;

use super::model::{Failed, Model, RegionState};
use super::tally::Tally;
use super::timeline::Moment;

/// The version of the JSON.
pub const SCHEMA: &str = "esparto-report/1";

/// Leaks, sites and sizes that are listed; `*_count` fields count all.
const LISTED: usize = 200;

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

impl Summary {
    /// Sums up a finished model. `trace` says where it comes from; its counts are filled in here.
    pub(crate) fn new(model: &Model, trace: Trace, mut notes: Vec<String>) -> Self {
        notes.extend(notes_on(model));
        let regions: Vec<_> = model.regions.iter().map(|region| region_of(model, region)).collect();
        let (sites, site_count) = top(
            model.by_site.iter().map(|(site, tally)| {
                let site = model.sites.site(site as u32);
                SiteLine {
                    name: site.name.clone(),
                    location: site.location.clone(),
                    counts: tally.into(),
                }
            }),
            |line| line.counts.allocated_bytes,
        );
        let mut all_sizes: Vec<_> = model
            .by_size
            .iter()
            .map(|(size, tally)| SizeLine { size_bytes: Some(size), counts: tally.into() })
            .collect();
        if *model.by_size.other() != Tally::default() {
            all_sizes.push(SizeLine { size_bytes: None, counts: model.by_size.other().into() });
        }
        let (sizes, size_count) = top(all_sizes.into_iter(), |line| line.counts.allocated_bytes);
        let (owners, _) = top(
            model.by_owner.iter().map(|(owner, tally)| OwnerLine {
                owner: owner as u16,
                name: owner_name(model, owner as u16),
                counts: tally.into(),
            }),
            |line| line.counts.peak_bytes,
        );
        let (leaks, leak_group_count) = leaks_of(model);
        Self {
            schema: SCHEMA,
            trace: counted(model, trace),
            regions,
            owners,
            sites,
            site_count,
            sizes,
            size_count,
            leaks,
            leak_group_count,
            failures: model.failures.iter().map(|failed| failure_of(model, failed)).collect(),
            marks: model
                .marks
                .iter()
                .map(|&(moment, _, id)| Mark {
                    time_ticks: moment.time_ticks,
                    event_count: moment.event_count,
                    id,
                    name: mark_name(model, id),
                })
                .collect(),
            losses: model
                .losses
                .iter()
                .map(|&(moment, lost_count)| Loss {
                    time_ticks: moment.time_ticks,
                    event_count: moment.event_count,
                    lost_count,
                })
                .collect(),
            problems: model
                .problems
                .iter()
                .map(|problem| ProblemLine {
                    kind: problem.kind.name(),
                    count: problem.count,
                    first_event_count: problem.first.event_count,
                    first_ticks: problem.first.time_ticks,
                    what: problem.what.clone(),
                })
                .collect(),
            notes,
            timeline: timeline_of(model),
        }
    }
}

/// The first [`LISTED`] by `weight`, and how many there are. Equal weights keep their order, so
/// that the same trace gives the same report.
fn top<T>(lines: impl Iterator<Item = T>, weight: impl Fn(&T) -> u64) -> (Vec<T>, usize) {
    let mut lines: Vec<_> = lines.collect();
    let count = lines.len();
    lines.sort_by_key(|line| std::cmp::Reverse(weight(line)));
    lines.truncate(LISTED);
    (lines, count)
}

/// An owner's name, or its number.
pub(crate) fn owner_name(model: &Model, owner: u16) -> String {
    match model.owner_names.get(&owner) {
        Some(name) => name.clone(),
        None if owner == 0 => "(nobody)".to_owned(),
        None => format!("owner {owner}"),
    }
}

fn mark_name(model: &Model, id: u32) -> String {
    model.mark_names.get(&id).cloned().unwrap_or_else(|| format!("mark {id}"))
}

fn counted(model: &Model, trace: Trace) -> Trace {
    let start_ticks = model.start_ticks.unwrap_or(0);
    let duration_ticks = model.now.time_ticks.saturating_sub(start_ticks);
    let sum = |count: fn(&RegionState) -> u64| model.regions.iter().map(count).sum();
    Trace {
        start_ticks,
        duration_ticks,
        duration_seconds: duration_ticks as f64 / f64::from(trace.tick_hz.max(1)),
        event_count: model.now.event_count,
        allocation_count: sum(|region| region.tally.allocation_count),
        deallocation_count: sum(|region| region.deallocation_count),
        resize_count: model.resize_count,
        failure_count: model.failure_count,
        mark_count: model.mark_count,
        snapshot_count: model.snapshot_count,
        lost_count: model.lost_count,
        damaged_block_count: model.missing_block_count,
        ..trace
    }
}

fn region_of(model: &Model, region: &RegionState) -> Region {
    let snapshot = region.last_snapshot.as_ref().map(|(moment, snapshot)| Snapshot {
        time_ticks: moment.time_ticks,
        event_count: moment.event_count,
        free_bytes: snapshot.free_bytes as u64,
        live_bytes: snapshot.live_bytes as u64,
        bookkeeping_bytes: snapshot.bookkeeping_bytes as u64,
        largest_free_bytes: snapshot.largest_free_bytes as u64,
        peak_bytes: snapshot.peak_bytes as u64,
        live_count: snapshot.live_count as u64,
        free_count: snapshot.free_count as u64,
    });
    let last = snapshot.as_ref().filter(|last| last.event_count == model.now.event_count);
    let (free_bytes, largest_free_bytes) = match last {
        Some(last) => (last.free_bytes, last.largest_free_bytes),
        None => (region.free_bytes(), region.largest_gap_bytes),
    };
    Region {
        id: region.definition.id.0,
        name: region.definition.name.to_string(),
        caps: region.definition.caps.to_string(),
        start_addr: region.start_addr(),
        size_bytes: region.size_bytes(),
        bookkeeping_bytes: region.bookkeeping_bytes,
        live_bytes: region.tally.live_bytes,
        live_count: region.tally.live_count,
        peak_bytes: region.tally.peak_bytes,
        peak_ticks: region.peak.time_ticks,
        free_bytes,
        largest_free_bytes,
        fragmentation_percent: percent(free_bytes, largest_free_bytes),
        is_exact: last.is_some(),
        allocation_count: region.tally.allocation_count,
        deallocation_count: region.deallocation_count,
        failure_count: region.tally.failure_count,
        first_failure_ticks: region.first_failure.map(|moment| moment.time_ticks),
        snapshot,
    }
}

/// Nothing free is not fragmented here: there is nothing to be split.
fn percent(free_bytes: u64, largest_bytes: u64) -> u8 {
    // Beyond 2^48 the core's formula would overflow; no region of a chip comes near.
    const LIMIT: u64 = 1 << 48;
    if free_bytes == 0 {
        return 0;
    }
    fragmentation_percent(free_bytes.min(LIMIT) as usize, largest_bytes.min(LIMIT) as usize)
}

fn failure_of(model: &Model, failed: &Failed) -> Failure {
    let site = model.sites.site(model.sites.site_of(failed.stack));
    let largest_gap_region = failed
        .largest_gap
        .map(|(index, _)| model.regions[usize::from(index)].definition.name.to_string());
    let largest_gap_bytes = failed.largest_gap.map(|(_, gap)| gap);
    let could_serve =
        model.regions.iter().any(|region| region.definition.caps.contains(failed.require));
    let reason = failed.reason.clone().unwrap_or_else(|| {
        match (could_serve, &largest_gap_region, largest_gap_bytes) {
            (false, ..) => format!("no region has {}", failed.require),
            (true, Some(region), Some(gap)) => {
                format!("{} bytes free, the longest gap is {gap} in {region}", failed.free_bytes)
            }
            _ => format!("{} bytes free", failed.free_bytes),
        }
    });
    Failure {
        time_ticks: failed.moment.time_ticks,
        event_count: failed.moment.event_count,
        owner: owner_name(model, failed.owner.0),
        site: site.name.clone(),
        stack: model.sites.stack_lines(failed.stack),
        size_bytes: failed.size_bytes,
        align_bytes: failed.align_bytes,
        require: failed.require.to_string(),
        prefer: failed.prefer.to_string(),
        free_bytes: failed.free_bytes,
        largest_gap_bytes,
        largest_gap_region,
        reason,
    }
}

fn leaks_of(model: &Model) -> (Vec<Leak>, usize) {
    // Blocks of the same origin are one entry: (owner, region, stack).
    let mut groups = std::collections::BTreeMap::<(u16, u8, u32), (u64, u64, u64, u64)>::new();
    for (addr, block) in model.live() {
        let group = groups.entry((block.owner, block.region, block.stack)).or_insert((
            0,
            0,
            u64::MAX,
            u64::MAX,
        ));
        group.0 += 1;
        group.1 = group.1.saturating_add(block.size_bytes);
        (group.2, group.3) = (group.2, group.3).min((block.born_ticks, addr));
    }
    let lines = groups.into_iter();
    let (groups, count) = top(lines, |(_, (_, bytes, ..))| *bytes);
    let leaks = groups.into_iter().map(|((owner, region, stack), (count, bytes, ticks, addr))| {
        let site = model.sites.site(model.sites.site_of(stack));
        Leak {
            owner: owner_name(model, owner),
            region: model.regions[usize::from(region)].definition.name.to_string(),
            site: site.name.clone(),
            location: site.location.clone(),
            stack: model.sites.stack_lines(stack),
            block_count: count,
            live_bytes: bytes,
            oldest_ticks: ticks,
            oldest_addr: addr,
        }
    });
    (leaks.collect(), count)
}

fn notes_on(model: &Model) -> Vec<String> {
    let mut notes = Vec::new();
    if model.lost_count > 0 {
        notes.push(format!(
            "{} events were lost because the recorder was full: figures after a loss are lower bounds. Drain the recorder more often or give it more slots.",
            model.lost_count
        ));
    }
    if model.missing_block_count > 0 {
        notes.push(format!(
            "{} blocks of the file are damaged or missing, and their events with them.",
            model.missing_block_count
        ));
    }
    let earlier: u64 = model.regions.iter().map(|region| region.earlier_count).sum();
    if earlier > 0 {
        notes.push(format!(
            "{earlier} blocks were live before the trace began: they are in the snapshots, but not in the figures by owner, site and size."
        ));
    }
    if model.now.event_count == 0 {
        notes.push("The trace has no events.".to_owned());
    }
    notes
}

fn timeline_of(model: &Model) -> Timeline {
    let moments = model.timeline.moments();
    let list = |value: fn(&Moment) -> u64| moments.iter().map(value).collect();
    let regions = model.regions.iter().enumerate().map(|(index, region)| {
        let points = model.timeline.points(index);
        let free: Vec<_> = points
            .iter()
            .map(|point| {
                let used = point.bookkeeping_bytes.saturating_add(point.live_bytes);
                region.size_bytes().saturating_sub(used)
            })
            .collect();
        Series {
            live_min_bytes: points.iter().map(|point| point.live_min_bytes).collect(),
            live_max_bytes: points.iter().map(|point| point.live_max_bytes).collect(),
            live_bytes: points.iter().map(|point| point.live_bytes).collect(),
            largest_gap_bytes: points.iter().map(|point| point.largest_gap_bytes).collect(),
            fragmentation_percent: points
                .iter()
                .zip(&free)
                .map(|(point, &free)| point.largest_gap_bytes.map(|gap| percent(free, gap)))
                .collect(),
            failure_count: points.iter().map(|point| point.failure_count).collect(),
            free_bytes: free,
        }
    });
    Timeline {
        bucket_event_count: model.timeline.stride(),
        time_ticks: list(|moment| moment.time_ticks),
        event_count: list(|moment| moment.event_count),
        regions: regions.collect(),
    }
}
