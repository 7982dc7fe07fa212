//! Writes a trace of any length, to measure how fast reports are made:
//!
//! ```text
//! cargo run --release -p esparto-cli --example generate-trace -- 10000000 long.trace
//! cargo build --release -p esparto-cli && time target/release/esparto report long.trace
//! ```
//!
//! The events are those of the real heap under a made-up load: four tasks with sizes of their own
//! take and give back blocks in internal and external memory, ever more of them; a few requests
//! fail, and what is live at the end is never given back.

use std::alloc::Layout;
use std::error::Error;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::mem::MaybeUninit;

use esparto::{Block, Caps, Event, LinkedList, Memory, Owner, Policy, RegionId, Sink};
use esparto_trace::{Encoder, Header, RegionDefinition};

const REGIONS: [(&str, usize, usize, Caps); 2] = [
    ("sram", 0x3FC8_8000, 320 << 10, Caps::INTERNAL.union(Caps::BYTE).union(Caps::WORD)),
    ("psram", 0x3C00_0000, 4 << 20, Caps::EXTERNAL.union(Caps::BYTE).union(Caps::WORD)),
];
const TASKS: [&str; 4] = ["radio", "camera", "ui", "log"];

/// Keeps what the heap told last.
#[derive(Default)]
struct Last(Option<(Owner, Event)>);

impl Sink for Last {
    fn record(&mut self, owner: Owner, event: Event) {
        self.0 = Some((owner, event));
    }
}

/// A small generator of numbers that are the same in every run (splitmix64).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % limit
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let (Some(count), Some(file)) = (args.next(), args.next()) else {
        return Err("usage: generate-trace EVENTS FILE".into());
    };
    let event_count: u64 = count.parse()?;
    let mut file = BufWriter::new(File::create(file)?);

    let memory: &'static Memory<2, Last> = Box::leak(Box::new(Memory::with_sink(Last::default())));
    let mut to_chip = Vec::new();
    let mut definitions = Vec::new();
    for (name, start_addr, size_bytes, caps) in REGIONS {
        let bytes = Vec::leak(vec![MaybeUninit::uninit(); size_bytes + 4096]);
        let skip = start_addr.wrapping_sub(bytes.as_ptr().addr()) % 4096;
        let bytes = &mut bytes[skip..skip + size_bytes];
        to_chip.push(start_addr.wrapping_sub(bytes.as_ptr().addr()));
        let id = memory.add_static::<LinkedList>(name, bytes, caps)?;
        let stats = memory.region_stats(id).ok_or("the region just added is not there")?;
        definitions.push(RegionDefinition { start_addr, ..RegionDefinition::from(&stats) });
    }

    let mut header = Header::new("esp32s3", "linked-list", 1_000_000);
    header.pointer_bytes = 4;
    header.frame_count = 1;
    let mut fault = None;
    let write = |block: &[u8]| {
        if let Err(error) = file.write_all(block) {
            fault.get_or_insert(error);
        }
    };
    let mut encoder = Encoder::<_, 4096>::new(write, &header, definitions);
    for (owner, name) in TASKS.iter().enumerate() {
        encoder.define_owner(Owner(owner as u16 + 1), name);
    }
    for stage in 0..8 {
        encoder.define_mark(stage, &format!("stage {stage}"));
    }

    let mut numbers = Numbers(1);
    let mut live: Vec<Block<'static, 2, Last>> = Vec::new();
    let mut now = 0_u32;
    for done in 0..event_count {
        now = now.wrapping_add(numbers.below(40) as u32);
        let task = numbers.below(TASKS.len() as u64);
        memory.set_owner(Owner(task as u16 + 1));
        // The load swells over the trace, and ebbs within each of its stages.
        let stage_events = (event_count / 8).max(1);
        let (stage, within) = (done / stage_events, done % stage_events);
        let target = 200 + 150 * stage + 250 * within / stage_events;
        if within == 0 {
            memory.mark(stage.min(7) as u32);
        } else if (live.len() as u64) < target && numbers.below(8) != 0 || live.is_empty() {
            let (size, policy) = match task {
                // Now and then somebody asks for what is not to be had.
                3 if numbers.below(5000) == 0 => (300 << 10, Policy::require(Caps::INTERNAL)),
                0 => (16 + numbers.below(8) * 16, Policy::require(Caps::INTERNAL)),
                1 => (512 << numbers.below(5), Policy::prefer(Caps::EXTERNAL)),
                2 => (24 + numbers.below(400), Policy::prefer(Caps::INTERNAL)),
                _ => (1 + numbers.below(100), Policy::require(Caps::INTERNAL)),
            };
            let layout = Layout::from_size_align(size as usize, 4)?;
            if let Ok(block) = memory.take(layout, policy) {
                live.push(block);
            } else {
                // Out of memory: a task that gives up gives back.
                let at = numbers.below(live.len() as u64) as usize;
                tell(memory, &to_chip, &mut encoder, now, task);
                drop(live.swap_remove(at));
            }
        } else if numbers.below(16) == 0 {
            let at = numbers.below(live.len() as u64) as usize;
            let size = live[at].layout().size();
            // A block that cannot grow stays as it is; the failure is in the trace.
            let _ = live[at].resize(size + 1 + numbers.below(64) as usize);
        } else {
            let at = numbers.below(live.len() as u64) as usize;
            drop(live.swap_remove(at));
        }
        tell(memory, &to_chip, &mut encoder, now, task);
        if within == stage_events / 2 {
            let stats: Vec<_> = (0..2).filter_map(|id| memory.region_stats(RegionId(id))).collect();
            encoder.snapshot(now, &stats);
        }
    }
    encoder.finish();
    // What is live now is what the report should find.
    std::mem::forget(live);
    if let Some(error) = fault {
        return Err(error.into());
    }
    file.flush()?;
    Ok(())
}

/// Passes the last event on, with the chip's addresses and a call site of the task's own.
fn tell<F: FnMut(&[u8]), const BLOCK: usize>(
    memory: &Memory<2, Last>,
    to_chip: &[usize],
    encoder: &mut Encoder<F, BLOCK>,
    now: u32,
    task: u64,
) {
    let Some((owner, mut event)) = memory.with_sink_mut(|last| last.0.take()).flatten() else {
        return;
    };
    let mut size = 0;
    match &mut event {
        Event::Allocate { region, addr, size_bytes, .. } => {
            *addr = addr.wrapping_add(to_chip[region.index()]);
            size = *size_bytes;
        }
        Event::Deallocate { region, addr, .. } => {
            *addr = addr.wrapping_add(to_chip[region.index()]);
        }
        Event::Resize { region, old_addr, addr, .. } => {
            // The load moves between regions only from the first to the second and back; the old
            // address tells by itself which it was in.
            let old_region = usize::from(
                old_addr.wrapping_add(to_chip[0]).wrapping_sub(REGIONS[0].1) >= REGIONS[0].2,
            );
            *old_addr = old_addr.wrapping_add(to_chip[old_region]);
            *addr = addr.wrapping_add(to_chip[region.index()]);
        }
        Event::Failure { size_bytes, .. } => size = *size_bytes,
        Event::Mark { .. } => {}
    }
    encoder.event(now, owner, &event, &[0x4200_0000 + task as usize * 0x1000 + size / 64 * 4]);
}
