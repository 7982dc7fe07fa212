//! The operations of a trace, carried out by the real heap.

use std::alloc::Layout;
use std::mem::MaybeUninit;

use esparto::{AllocError, Block, Caps, Event, Memory, Owner, Policy, RegionId, Sink};
use esparto_trace::{Entry, Record, RegionDefinition, RegionSnapshot};
use rustc_hash::FxHashMap;

use super::map::Map;
use super::{HeapChoice, forever};
use crate::Failure;
use crate::report::{self, Model};

/// Places for regions; no chip has half as many.
const PLACES: usize = 32;
/// Host memory has the same address as the chip's up to a multiple of this, so that alignment
/// costs the same bytes.
const CONGRUENT_BYTES: usize = 4096;

type HostMemory = Memory<PLACES, Tape>;

/// Holds what the heap tells until the model takes it.
#[derive(Debug, Default)]
struct Tape(Vec<(Owner, Event)>);

impl Sink for Tape {
    fn record(&mut self, owner: Owner, event: Event) {
        self.0.push((owner, event));
    }
}

/// Where the memory of a region is on the host and on the chip.
struct Place {
    host_addr: usize,
    chip_addr: usize,
    size_bytes: usize,
}

impl Place {
    fn on_chip(&self, host_addr: usize) -> usize {
        host_addr.wrapping_sub(self.host_addr).wrapping_add(self.chip_addr)
    }
}

/// A memory map with heaps, and the blocks of the trace in it.
pub(crate) struct Replay {
    memory: &'static HostMemory,
    /// Where the memory of each region is.
    places: Vec<Place>,
    /// By the address that the device had given.
    blocks: FxHashMap<usize, Block<'static, PLACES, Tape>>,
    events: Vec<(Owner, Event)>,
    next_snapshot_event: u64,
    last_ticks: u64,
    impossible_count: u64,
    recorded_failure_count: u64,
}

impl Replay {
    /// Takes the memory from the host. It is never given back: a replay is one run of the tool.
    pub(crate) fn new(map: &Map, heap: HeapChoice) -> Result<Self, Failure> {
        map.check()?;
        let memory: &'static HostMemory = Box::leak(Box::new(Memory::with_sink(Tape::default())));
        let mut places = Vec::new();
        for piece in &map.pieces {
            let bytes = congruent_bytes(piece.start_addr, piece.size_bytes);
            let host_addr = bytes.as_ptr().addr();
            heap.add(memory, forever(&piece.name), bytes, piece.caps).map_err(|error| {
                Failure::bad_input(format!("region {}: {error}", piece.name))
                    .mend("replay on another chip")
            })?;
            places.push(Place {
                host_addr,
                chip_addr: piece.start_addr,
                size_bytes: piece.size_bytes,
            });
        }
        Ok(Self {
            memory,
            places,
            blocks: FxHashMap::default(),
            events: Vec::new(),
            next_snapshot_event: 1,
            last_ticks: 0,
            impossible_count: 0,
            recorded_failure_count: 0,
        })
    }

    fn region_ids(&self) -> impl Iterator<Item = RegionId> + use<> {
        (0..self.places.len()).map(|index| RegionId(index as u8))
    }

    /// Tells the model of the regions.
    pub(crate) fn start(&mut self, model: &mut Model, time_ticks: u64) {
        for id in self.region_ids() {
            if let Some(stats) = self.memory.region_stats(id) {
                let mut definition = RegionDefinition::from(&stats);
                definition.start_addr = self.chip_addr(id, stats.start_addr);
                model.define(definition);
            }
        }
        self.last_ticks = time_ticks;
        self.snapshot(model);
    }

    /// Carries out one record.
    pub(crate) fn record(&mut self, model: &mut Model, record: &Record, frames: &[usize]) {
        self.last_ticks = record.time_ticks;
        match &record.entry {
            Entry::Event(event) => {
                self.memory.set_owner(record.owner);
                let outcome = self.event(event);
                self.tell(model, frames);
                if let Err(error) = outcome {
                    model.explain_failure(error.to_string());
                }
                if model.now.event_count >= self.next_snapshot_event {
                    self.next_snapshot_event = model.now.event_count.saturating_mul(2);
                    self.snapshot(model);
                }
            }
            // What the device's own heap looked like says nothing of this one.
            Entry::Snapshot(_) | Entry::Region(_) => {}
            other => report::describe(model, record.time_ticks, other),
        }
    }

    fn event(&mut self, event: &Event) -> Result<(), AllocError> {
        match *event {
            Event::Allocate { addr, size_bytes, align_log2, require, prefer, .. } => {
                let Some(layout) = self.layout(size_bytes, align_log2) else { return Ok(()) };
                let block = self.memory.take(layout, policy(require, prefer))?;
                self.blocks.insert(addr, block);
            }
            Event::Deallocate { addr, .. } => {
                // A block that could not be had here has nothing to give back.
                self.blocks.remove(&addr);
            }
            Event::Resize { old_addr, addr, size_bytes, .. } => {
                if let Some(mut block) = self.blocks.remove(&old_addr) {
                    let resized = block.resize(size_bytes);
                    self.blocks.insert(addr, block);
                    resized?;
                }
            }
            Event::Failure { size_bytes, align_log2, require, prefer } => {
                self.recorded_failure_count += 1;
                let Some(layout) = self.layout(size_bytes, align_log2) else { return Ok(()) };
                drop(self.memory.take(layout, policy(require, prefer))?);
            }
            Event::Mark { id } => self.memory.mark(id),
        }
        Ok(())
    }

    fn layout(&mut self, size_bytes: usize, align_log2: u8) -> Option<Layout> {
        let layout = 1_usize
            .checked_shl(u32::from(align_log2))
            .and_then(|align| Layout::from_size_align(size_bytes, align).ok())
            .filter(|layout| layout.size() > 0);
        self.impossible_count += u64::from(layout.is_none());
        layout
    }

    /// Passes on what the heap told, with the chip's addresses.
    fn tell(&mut self, model: &mut Model, frames: &[usize]) {
        let events = &mut self.events;
        self.memory.with_sink_mut(|tape| std::mem::swap(&mut tape.0, events));
        for index in 0..self.events.len() {
            let (owner, event) = self.events[index];
            model.event(self.last_ticks, owner, &self.on_chip(event), frames);
        }
        self.events.clear();
    }

    fn on_chip(&self, mut event: Event) -> Event {
        match &mut event {
            Event::Allocate { region, addr, .. } | Event::Deallocate { region, addr, .. } => {
                *addr = self.chip_addr(*region, *addr);
            }
            Event::Resize { region, old_addr, addr, .. } => {
                *old_addr = self.chip_addr_anywhere(*old_addr);
                *addr = self.chip_addr(*region, *addr);
            }
            Event::Failure { .. } | Event::Mark { .. } => {}
        }
        event
    }

    fn chip_addr(&self, region: RegionId, host_addr: usize) -> usize {
        self.places[region.index()].on_chip(host_addr)
    }

    /// A block that moved may have come from another region than it is in.
    fn chip_addr_anywhere(&self, host_addr: usize) -> usize {
        let home = self
            .places
            .iter()
            .find(|place| host_addr.wrapping_sub(place.host_addr) < place.size_bytes);
        home.map_or(host_addr, |place| place.on_chip(host_addr))
    }

    fn snapshot(&mut self, model: &mut Model) {
        let last = self.places.len() - 1;
        for id in self.region_ids() {
            if let Some(stats) = self.memory.region_stats(id) {
                let snapshot = RegionSnapshot::new(&stats, id.index() == last);
                model.snapshot(self.last_ticks, &snapshot);
            }
        }
    }

    /// Takes the last figures and says what the reader should know.
    pub(crate) fn finish(&mut self, model: &mut Model, notes: &mut Vec<String>) {
        self.snapshot(model);
        // Blocks that are live at the end stay so: they are the leaks of the report.
        for (_, block) in self.blocks.drain() {
            std::mem::forget(block);
        }
        if self.recorded_failure_count > 0 {
            notes.push(format!(
                "{} requests failed when the trace was recorded; each was asked again and given back at once where it succeeded.",
                self.recorded_failure_count
            ));
        }
        if self.impossible_count > 0 {
            notes.push(format!(
                "{} requests of size 0 or of an impossible alignment were left out.",
                self.impossible_count
            ));
        }
    }
}

fn policy(require: Caps, prefer: Caps) -> Policy {
    // Plain data memory is what every request needs; a recorded request may not say so.
    Policy::require(require | Caps::BYTE).and_prefer(prefer)
}

/// Host memory whose address is `start_addr` up to a multiple of [`CONGRUENT_BYTES`].
pub(super) fn congruent_bytes(
    start_addr: usize,
    size_bytes: usize,
) -> &'static mut [MaybeUninit<u8>] {
    let bytes = Vec::leak(vec![MaybeUninit::<u8>::uninit(); size_bytes + CONGRUENT_BYTES]);
    let skip = start_addr.wrapping_sub(bytes.as_ptr().addr()) % CONGRUENT_BYTES;
    &mut bytes[skip..skip + size_bytes]
}
