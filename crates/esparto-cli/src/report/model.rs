//! What a trace says, in one pass: the state of every region and the figures derived from it.
//!
//! Memory is bounded by the live blocks, the bound on distinct call stacks and sizes, and the
//! fixed lengths of the time series and the history. An event costs a few hash look-ups and no
//! allocation of its own.

use std::collections::BTreeMap;

use esparto::{Caps, Event, Owner};
use esparto_trace::{MAX_FRAMES, RegionDefinition, RegionSnapshot};
use rustc_hash::FxHashMap;

use super::history::{History, Life};
use super::overlays::Overlays;
use super::problems::{Kind, Problems};
use super::sites::Sites;
use super::tally::{Dense, Sizes, Tally};
use super::timeline::{Moment, Timeline};

/// Regions of a trace at the most: their number is one byte.
const REGIONS: usize = 256;
/// Failures, marks and losses that are kept one by one; all are counted.
const KEPT: usize = 1000;
/// Failures at which the regions are measured.
const MEASURED_FAILURES: u64 = 64;

/// A live block.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Live {
    pub(crate) size_bytes: u64,
    pub(crate) born_ticks: u64,
    /// The event that put it where it is.
    pub(crate) first_event: u64,
    pub(crate) stack: u32,
    pub(crate) site: u32,
    pub(crate) owner: u16,
    pub(crate) region: u8,
}

/// A region as the trace defined it and as it is now.
#[derive(Debug)]
pub(crate) struct RegionState {
    pub(crate) definition: RegionDefinition,
    pub(crate) tally: Tally,
    pub(crate) deallocation_count: u64,
    pub(crate) peak: Moment,
    pub(crate) bookkeeping_bytes: u64,
    /// Blocks that were live before the first event.
    pub(crate) earlier_count: u64,
    pub(crate) last_snapshot: Option<(Moment, RegionSnapshot)>,
    pub(crate) first_failure: Option<Moment>,
    /// The longest stretch without a live block after the last event.
    pub(crate) largest_gap_bytes: u64,
}

impl RegionState {
    pub(crate) fn size_bytes(&self) -> u64 {
        self.definition.size_bytes as u64
    }

    pub(crate) fn start_addr(&self) -> u64 {
        self.definition.start_addr as u64
    }

    /// What is neither live nor bookkeeping, as far as the events tell.
    pub(crate) fn free_bytes(&self) -> u64 {
        self.size_bytes()
            .saturating_sub(self.bookkeeping_bytes)
            .saturating_sub(self.tally.live_bytes)
    }
}

/// A request that failed.
#[derive(Clone, Debug)]
pub(crate) struct Failed {
    pub(crate) moment: Moment,
    pub(crate) owner: Owner,
    pub(crate) stack: u32,
    pub(crate) size_bytes: u64,
    pub(crate) align_bytes: u64,
    pub(crate) require: Caps,
    pub(crate) prefer: Caps,
    /// The region with the longest gap among those that could have served it, and that gap.
    pub(crate) largest_gap: Option<(u8, u64)>,
    /// Free bytes of all regions that could have served it.
    pub(crate) free_bytes: u64,
    /// What the heap itself said, where it was asked.
    pub(crate) reason: Option<String>,
}

/// The state after the events so far, and what led to it.
#[derive(Debug)]
pub(crate) struct Model {
    pub(crate) now: Moment,
    pub(crate) start_ticks: Option<u64>,
    pub(crate) regions: Vec<RegionState>,
    region_index: [u8; REGIONS],
    live: FxHashMap<u64, Live>,
    pub(crate) sites: Sites,
    pub(crate) by_owner: Dense,
    pub(crate) by_site: Dense,
    pub(crate) by_size: Sizes,
    pub(crate) owner_names: BTreeMap<u16, String>,
    pub(crate) mark_names: BTreeMap<u32, String>,
    pub(crate) overlays: Overlays,
    pub(crate) timeline: Timeline,
    pub(crate) history: History,
    pub(crate) problems: Problems,
    pub(crate) failures: Vec<Failed>,
    pub(crate) failure_count: u64,
    pub(crate) marks: Vec<(Moment, Owner, u32)>,
    pub(crate) mark_count: u64,
    pub(crate) losses: Vec<(Moment, u64)>,
    pub(crate) lost_count: u64,
    pub(crate) missing_block_count: u64,
    pub(crate) resize_count: u64,
    pub(crate) snapshot_count: u64,
    measured_blocks: u64,
    scratch: Vec<Vec<(u64, u64)>>,
}

const NO_REGION: u8 = u8::MAX;

impl Model {
    pub(crate) fn new(sites: Sites) -> Self {
        Self {
            now: Moment { event_count: 0, time_ticks: 0 },
            start_ticks: None,
            regions: Vec::new(),
            region_index: [NO_REGION; REGIONS],
            live: FxHashMap::default(),
            sites,
            by_owner: Dense::default(),
            by_site: Dense::default(),
            by_size: Sizes::new(),
            owner_names: BTreeMap::new(),
            mark_names: BTreeMap::new(),
            overlays: Overlays::default(),
            timeline: Timeline::new(),
            history: History::new(),
            problems: Problems::default(),
            failures: Vec::new(),
            failure_count: 0,
            marks: Vec::new(),
            mark_count: 0,
            losses: Vec::new(),
            lost_count: 0,
            missing_block_count: 0,
            resize_count: 0,
            snapshot_count: 0,
            measured_blocks: 0,
            scratch: Vec::new(),
        }
    }

    /// There is a region.
    pub(crate) fn define(&mut self, definition: RegionDefinition) {
        let id = usize::from(definition.id.0);
        if self.region_index[id] != NO_REGION {
            let known = &self.regions[usize::from(self.region_index[id])].definition;
            if *known != definition {
                let what = format!("region {id} is defined twice, and not alike");
                self.problems.add(Kind::Region, self.now, || what);
            }
            return;
        }
        let end = (definition.start_addr as u64).checked_add(definition.size_bytes as u64);
        if end.is_none() || self.regions.len() == usize::from(NO_REGION) {
            self.problems.add(Kind::Region, self.now, || {
                format!("region {id} runs past the end of the address space")
            });
            return;
        }
        self.region_index[id] = self.regions.len() as u8;
        self.regions.push(RegionState {
            definition,
            tally: Tally::default(),
            deallocation_count: 0,
            peak: self.now,
            bookkeeping_bytes: definition.bookkeeping_bytes as u64,
            earlier_count: 0,
            last_snapshot: None,
            first_failure: None,
            largest_gap_bytes: 0,
        });
        self.scratch.push(Vec::new());
        self.timeline.add_region(definition.bookkeeping_bytes as u64);
    }

    /// Do return addresses need to be marked with the overlay that they are in?
    pub(crate) fn has_overlays(&self) -> bool {
        self.sites.overlays().is_some()
    }

    /// Marks them, in `place`.
    pub(crate) fn mark_overlays<'f>(
        &self,
        frames: &[usize],
        place: &'f mut [usize; MAX_FRAMES],
    ) -> &'f [usize] {
        let place = &mut place[..frames.len()];
        place.copy_from_slice(frames);
        if let Some(symbols) = self.sites.overlays() {
            symbols.mark(place, |overlay| self.overlays.is_present(overlay));
        }
        place
    }

    /// Takes one event. `frames` are return addresses, innermost first.
    pub(crate) fn event(&mut self, time_ticks: u64, owner: Owner, event: &Event, frames: &[usize]) {
        self.now = Moment { event_count: self.now.event_count + 1, time_ticks };
        if self.start_ticks.is_none() {
            self.start_ticks = Some(time_ticks);
        }
        match *event {
            Event::Allocate { region, addr, size_bytes, .. } => {
                if let Some(region) = self.region_at(region.0) {
                    let stack = self.sites.stack(frames);
                    self.allocate(
                        region,
                        addr as u64,
                        Live {
                            size_bytes: size_bytes as u64,
                            born_ticks: time_ticks,
                            first_event: self.now.event_count,
                            stack,
                            site: self.sites.site_of(stack),
                            owner: owner.0,
                            region,
                        },
                    );
                }
            }
            Event::Deallocate { region, addr, size_bytes } => {
                if let Some(region) = self.region_at(region.0) {
                    self.deallocate(region, addr as u64, size_bytes as u64);
                }
            }
            Event::Resize { region, old_addr, addr, old_size_bytes, size_bytes, .. } => {
                self.resize_count += 1;
                if let Some(region) = self.region_at(region.0) {
                    let old = (old_addr as u64, old_size_bytes as u64);
                    self.resize(region, old, (addr as u64, size_bytes as u64));
                }
            }
            Event::Failure { size_bytes, align_log2, require, prefer } => {
                let stack = self.sites.stack(frames);
                self.fail(owner, stack, size_bytes as u64, align_log2, require, prefer);
            }
            Event::Mark { id } => {
                self.mark_count += 1;
                if self.marks.len() < KEPT {
                    self.marks.push((self.now, owner, id));
                }
            }
        }
        self.history.advance(self.now.event_count, time_ticks);
        if self.timeline.is_due(self.now.event_count) {
            self.close_bucket();
        }
    }

    #[inline]
    fn region_at(&mut self, id: u8) -> Option<u8> {
        let index = self.region_index[usize::from(id)];
        if index == NO_REGION {
            self.problems.add(Kind::Region, self.now, || {
                format!("an event names region {id}, which the trace does not define")
            });
            return None;
        }
        Some(index)
    }

    #[inline]
    fn allocate(&mut self, index: u8, addr: u64, block: Live) {
        let region = &mut self.regions[usize::from(index)];
        let offset = addr.wrapping_sub(region.start_addr());
        if offset.checked_add(block.size_bytes).is_none_or(|end| end > region.size_bytes()) {
            let (start, size) = (region.start_addr(), region.size_bytes());
            self.problems.add(Kind::Outside, self.now, || {
                format!(
                    "a block of {} bytes at {addr:#010x} is not inside its region {start:#010x} + {size}",
                    block.size_bytes
                )
            });
            return;
        }
        if let Some(old) = self.live.insert(addr, block) {
            self.problems.add(Kind::Overlap, self.now, || {
                format!(
                    "{addr:#010x} was handed out while {} bytes there were live",
                    old.size_bytes
                )
            });
            self.forget(addr, &old);
        }
        let region = &mut self.regions[usize::from(index)];
        region.tally.allocate(block.size_bytes);
        if region.tally.live_bytes == region.tally.peak_bytes {
            region.peak = self.now;
        }
        self.timeline.set_live(usize::from(index), region.tally.live_bytes);
        self.by_owner.at(usize::from(block.owner)).allocate(block.size_bytes);
        self.by_site.at(block.site as usize).allocate(block.size_bytes);
        self.by_size.at(block.size_bytes).allocate(block.size_bytes);
    }

    #[inline]
    fn deallocate(&mut self, index: u8, addr: u64, size_bytes: u64) {
        let Some(block) = self.live.remove(&addr) else {
            self.unmatched(index, addr, size_bytes);
            return;
        };
        // Another heap's hook may not know the size, and says 0.
        let is_size_wrong = size_bytes != 0 && block.size_bytes != size_bytes;
        if is_size_wrong || block.region != index {
            self.problems.add(Kind::Size, self.now, || {
                format!(
                    "{addr:#010x} was freed as {size_bytes} bytes, but {} were allocated there",
                    block.size_bytes
                )
            });
        }
        self.regions[usize::from(block.region)].deallocation_count += 1;
        self.forget(addr, &block);
    }

    #[cold]
    fn unmatched(&mut self, index: u8, addr: u64, size_bytes: u64) {
        let name = self.regions[usize::from(index)].definition.name;
        self.problems.add(Kind::Unmatched, self.now, || {
            format!("{size_bytes} bytes at {addr:#010x} in {name} were freed or resized, but no live block is known there")
        });
    }

    /// Takes a block out of the account.
    #[inline]
    fn forget(&mut self, addr: u64, block: &Live) {
        let region = &mut self.regions[usize::from(block.region)];
        region.tally.deallocate(block.size_bytes);
        self.timeline.set_live(usize::from(block.region), region.tally.live_bytes);
        self.by_owner.at(usize::from(block.owner)).deallocate(block.size_bytes);
        self.by_site.at(block.site as usize).deallocate(block.size_bytes);
        self.by_size.at(block.size_bytes).deallocate(block.size_bytes);
        self.history.keep(life(addr, block, self.now.event_count));
    }

    fn resize(&mut self, index: u8, old: (u64, u64), new: (u64, u64)) {
        let ((old_addr, old_size), (addr, size_bytes)) = (old, new);
        let Some(block) = self.live.remove(&old_addr) else {
            self.unmatched(index, old_addr, old_size);
            return;
        };
        if block.size_bytes != old_size {
            self.problems.add(Kind::Size, self.now, || {
                format!(
                    "{old_addr:#010x} was resized as {old_size} bytes, but {} were allocated there",
                    block.size_bytes
                )
            });
        }
        let region = &self.regions[usize::from(index)];
        let offset = addr.wrapping_sub(region.start_addr());
        if offset.checked_add(size_bytes).is_none_or(|end| end > region.size_bytes()) {
            self.problems.add(Kind::Outside, self.now, || {
                format!(
                    "a block resized to {size_bytes} bytes at {addr:#010x} is not inside its region"
                )
            });
            self.forget(old_addr, &block);
            return;
        }
        self.history.keep(life(old_addr, &block, self.now.event_count));
        let resized =
            Live { size_bytes, first_event: self.now.event_count, region: index, ..block };
        if let Some(other) = self.live.insert(addr, resized) {
            self.problems.add(Kind::Overlap, self.now, || {
                format!(
                    "a block moved to {addr:#010x} while {} bytes there were live",
                    other.size_bytes
                )
            });
            self.forget(addr, &other);
        }
        if block.region == index {
            self.regions[usize::from(index)].tally.resize(block.size_bytes, size_bytes);
        } else {
            let from = usize::from(block.region);
            self.regions[from].tally.deallocate(block.size_bytes);
            self.timeline.set_live(from, self.regions[from].tally.live_bytes);
            self.regions[usize::from(index)].tally.take(size_bytes);
        }
        let region = &mut self.regions[usize::from(index)];
        if region.tally.live_bytes == region.tally.peak_bytes {
            region.peak = self.now;
        }
        self.timeline.set_live(usize::from(index), region.tally.live_bytes);
        self.by_owner.at(usize::from(block.owner)).resize(block.size_bytes, size_bytes);
        self.by_site.at(block.site as usize).resize(block.size_bytes, size_bytes);
        self.by_size.at(block.size_bytes).deallocate(block.size_bytes);
        self.by_size.at(size_bytes).take(size_bytes);
    }

    #[cold]
    fn fail(
        &mut self,
        owner: Owner,
        stack: u32,
        size_bytes: u64,
        align_log2: u8,
        require: Caps,
        prefer: Caps,
    ) {
        self.failure_count += 1;
        self.by_owner.at(usize::from(owner.0)).failure_count += 1;
        let site = self.sites.site_of(stack);
        self.by_site.at(site as usize).failure_count += 1;
        self.by_size.at(size_bytes).failure_count += 1;
        let gaps = (self.failure_count <= MEASURED_FAILURES).then(|| self.measure());
        let mut largest_gap = None;
        let mut free_bytes = 0;
        for (index, region) in self.regions.iter_mut().enumerate() {
            if !region.definition.caps.contains(require) {
                continue;
            }
            region.tally.failure_count += 1;
            region.first_failure.get_or_insert(self.now);
            self.timeline.add_failure(index);
            free_bytes += region.free_bytes();
            if let Some(gaps) = &gaps
                && largest_gap.is_none_or(|(_, gap)| gaps[index] > gap)
            {
                largest_gap = Some((index as u8, gaps[index]));
            }
        }
        if self.failures.len() < KEPT {
            self.failures.push(Failed {
                moment: self.now,
                owner,
                stack,
                size_bytes,
                // A power beyond 63 is nonsense that a damaged trace may hold.
                align_bytes: 1_u64.checked_shl(u32::from(align_log2)).unwrap_or(0),
                require,
                prefer,
                largest_gap,
                free_bytes,
                reason: None,
            });
        }
    }

    /// Takes the figures that a heap gave of itself, and holds them against the account.
    pub(crate) fn snapshot(&mut self, time_ticks: u64, snapshot: &RegionSnapshot) {
        self.now.time_ticks = time_ticks;
        let Some(index) = self.region_at(snapshot.region.0) else { return };
        self.snapshot_count += u64::from(snapshot.is_last);
        let complete = self.is_complete();
        let region = &mut self.regions[usize::from(index)];
        let name = region.definition.name;
        let size = region.size_bytes();
        let [free, live, own] =
            [snapshot.free_bytes, snapshot.live_bytes, snapshot.bookkeeping_bytes];
        let sum = free as u128 + live as u128 + own as u128;
        if sum != u128::from(size) {
            self.problems.add(Kind::Account, self.now, || {
                format!("{name}: free {free} + live {live} + bookkeeping {own} = {sum}, but the region has {size}")
            });
        }
        if region.last_snapshot.is_none() && self.now.event_count == 0 {
            region.earlier_count = snapshot.live_count as u64;
        }
        let expected = region.tally.live_count + region.earlier_count;
        if complete && region.earlier_count == 0 {
            if snapshot.live_count as u64 != expected {
                self.problems.add(Kind::Account, self.now, || {
                    format!(
                        "{name}: the heap counts {} live blocks, the events {expected}",
                        snapshot.live_count
                    )
                });
            }
            let asked = region.tally.live_bytes;
            if (live as u64) < asked {
                self.problems.add(Kind::Account, self.now, || {
                    format!(
                        "{name}: the heap counts {live} live bytes, the events asked for {asked}"
                    )
                });
            }
        }
        region.bookkeeping_bytes = own as u64;
        region.last_snapshot = Some((self.now, *snapshot));
        self.timeline.set_bookkeeping(usize::from(index), own as u64);
    }

    /// Is nothing missing so far?
    pub(crate) fn is_complete(&self) -> bool {
        self.lost_count == 0 && self.missing_block_count == 0
    }

    /// The recorder dropped events here.
    pub(crate) fn lost(&mut self, time_ticks: u64, count: u64) {
        self.now.time_ticks = time_ticks;
        self.lost_count += count;
        if self.losses.len() < KEPT {
            self.losses.push((self.now, count));
        }
    }

    /// Why the last failure happened, in the heap's own words.
    pub(crate) fn explain_failure(&mut self, reason: String) {
        if self.failure_count == self.failures.len() as u64
            && let Some(failed) = self.failures.last_mut()
        {
            failed.reason = Some(reason);
        }
    }

    /// Ends the pass.
    pub(crate) fn finish(&mut self) {
        let gaps = self.measure();
        for (region, gap) in self.regions.iter_mut().zip(&gaps) {
            region.largest_gap_bytes = *gap;
        }
        self.timeline.finish(self.now, &gaps);
        let live = self.live.iter().map(|(&addr, block)| life(addr, block, u64::MAX));
        self.history.finish(self.now, live);
        self.overlays.finish(self.now.time_ticks);
    }

    /// The live blocks, in no order.
    pub(crate) fn live(&self) -> impl Iterator<Item = (u64, &Live)> {
        self.live.iter().map(|(&addr, block)| (addr, block))
    }

    #[cold]
    fn close_bucket(&mut self) {
        // Measuring sorts the live blocks. Its share of the time stays bounded: on average at most
        // two blocks are sorted per event, after an advance that lets short traces be measured at
        // every bucket.
        let allowed = 2 * self.now.event_count + 5_000_000;
        let gaps = (self.measured_blocks <= allowed).then(|| self.measure());
        self.timeline.close(self.now, gaps.as_deref());
    }

    /// The longest stretch without a live block, per region.
    fn measure(&mut self) -> Vec<u64> {
        self.measured_blocks += self.live.len() as u64;
        for blocks in &mut self.scratch {
            blocks.clear();
        }
        for (&addr, block) in &self.live {
            self.scratch[usize::from(block.region)].push((addr, block.size_bytes));
        }
        let mut gaps = Vec::with_capacity(self.regions.len());
        for (region, blocks) in self.regions.iter().zip(&mut self.scratch) {
            blocks.sort_unstable();
            let mut free_from = region.start_addr();
            let mut largest = 0;
            for &(addr, size_bytes) in &*blocks {
                if addr < free_from {
                    self.problems.add(Kind::Overlap, self.now, || {
                        format!("the block at {addr:#010x} begins inside the one before it, which ends at {free_from:#010x}")
                    });
                }
                largest = largest.max(addr.saturating_sub(free_from));
                free_from = free_from.max(addr + size_bytes);
            }
            let end = region.start_addr() + region.size_bytes();
            largest = largest.max(end.saturating_sub(free_from));
            // The heap's own bytes lie in some gap; no gap offers more than is free.
            gaps.push(largest.min(region.free_bytes()));
        }
        gaps
    }
}

fn life(addr: u64, block: &Live, end_event: u64) -> Life {
    Life {
        region: block.region,
        owner: block.owner,
        site: block.site,
        addr,
        size_bytes: block.size_bytes,
        born_ticks: block.born_ticks,
        first_event: block.first_event,
        end_event,
    }
}
