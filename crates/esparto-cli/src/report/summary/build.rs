//! From a finished model to the report.

use esparto::fragmentation_percent;

use super::{
    Failure, Leak, Loss, Mark, OwnerLine, ProblemLine, Region, SCHEMA, Series, SiteLine, SizeLine,
    Snapshot, Summary, Timeline, Trace,
};
use crate::report::model::{Failed, Model, RegionState};
use crate::report::tally::Tally;
use crate::report::timeline::Moment;

/// Leaks, sites and sizes that are listed; `*_count` fields count all.
const LISTED: usize = 200;

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
        let (overlays, slots) = super::overlays::of(model);
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
            overlays,
            slots,
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
    if model.overlays.omitted_count > 0 {
        notes.push(format!(
            "{} more stays of overlays in their slots are in the sums and not on the line of time.",
            model.overlays.omitted_count
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
