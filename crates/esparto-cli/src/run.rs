//! `esparto run`: a recorded trace on another memory map, with another heap.

mod heap;
mod map;
mod replay;
mod tiers;

use std::path::PathBuf;

use esparto_trace::{Entry, Name};

use crate::report::{self, Model, Options, TraceFile};
use crate::{Failure, Output};
pub(crate) use heap::parse_bytes;
pub use heap::{HeapChoice, UnknownHeap};
use map::Map;
use replay::Replay;
pub use tiers::TiersChoice;

/// What the long help says below the options.
pub(crate) const LONG_HELP: &str = "\
Every allocation, resize and free of the trace is carried out by the very code that runs on a
device, on host memory as large as each region of the chip. Addresses are shown as the chip has
them. A request that failed on the device is asked again and, if it succeeds here, given back at
once. The report is that of `esparto report`; failures carry the heap's own reason.

Links, headers, rounding and placement are those of a chip with 32-bit pointers, whatever this host
has. Only what a heap keeps once for each region, a few words, may be larger here.

Heaps:
  default                the same as realtime
  realtime               a hard bound on every operation, nothing put off
  throughput             the highest speed on average: small blocks are kept aside, unmerged
  linked-list            first fit, neighbours merged when a request fails
  linked-list:best       the smallest block that fits
  linked-list:no-merge   free blocks are never merged
  linked-list:carried    each block carries its address
                         (these three combine, as in linked-list:best:no-merge)
  heap_1, bump           never frees
  heap_2                 best fit, never merged
  heap_4                 first fit, neighbours merged at the free
  heap_5                 heap_4 over several stretches; a chip's regions are heaps of their own, so
                         here it is heap_4

heap_3 wraps another malloc and owns no memory: there is nothing to replay in.";

/// The arguments of `esparto run`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The chip to run on, or `recorded` for the regions of the trace itself
    pub chip: String,

    /// The trace to replay
    pub trace: PathBuf,

    /// The heap of every region
    #[arg(long, default_value = "default")]
    pub heap: HeapChoice,

    /// PSRAM on the module, in bytes; K and M are understood
    #[arg(long, value_name = "BYTES", default_value = "0", value_parser = heap::parse_bytes)]
    pub psram: u32,

    /// Compare: the heap alone, and with pools of these block sizes and counts in front of it, as
    /// in 64x100,256x50; or `service`, `multi-size`, or `fit` for what the trace needs. Both in one
    /// stretch as long as the largest internal region
    #[arg(long, value_name = "CLASSES")]
    pub tiers: Option<TiersChoice>,

    /// With --tiers: in a stretch of so many percent of what the trace has live at its peak
    #[arg(long, value_name = "PERCENT", requires = "tiers")]
    pub room: Option<u32>,

    /// How.
    #[command(flatten)]
    pub options: Options,
}

/// Replays a trace and reports on it.
///
/// # Errors
/// An unknown chip, a chip without PSRAM that is given some, a trace that cannot be read or is
/// damaged; output that cannot be written.
pub fn run(args: &Args, out: &mut Output<'_>) -> Result<(), Failure> {
    // A chip is looked up before anything is read: its name may be mistyped.
    let chip_map = match args.chip.as_str() {
        "recorded" => None,
        name => Some(Map::of_chip(name, args.psram)?),
    };
    let mut trace = TraceFile::open(&args.trace, args.options.lenient)?;
    if let Some(choice) = &args.tiers {
        let room_bytes = chip_map.as_ref().map_or(0, Map::largest_internal_bytes);
        if room_bytes == 0 && args.room.is_none() {
            let error = Failure::usage("`--tiers` on recorded regions needs to know the room");
            return Err(error.mend("give `--room PERCENT`, or a chip"));
        }
        return tiers::compare(&mut trace, args.heap, choice, room_bytes, args.room, out);
    }
    let mut notes = Vec::new();
    let sites = report::sites(&trace, &args.options, &mut notes)?;
    let mut model = Model::new(sites);
    let mut about = report::about(&trace);
    about.replayed = true;
    about.allocator = args.heap.to_string();

    let mut recorded = Map::new(about.chip.clone());
    let mut waiting = None;
    // The regions of a trace come before its events.
    while let Some(record) = trace.next()? {
        match &record.entry {
            Entry::Region(definition) => recorded.push_recorded(definition),
            Entry::OwnerName { .. } | Entry::MarkName { .. } => {
                report::describe(&mut model, record.time_ticks, &record.entry);
            }
            _ => {
                waiting = Some((record, trace.frames().to_vec()));
                break;
            }
        }
    }
    let map = chip_map.unwrap_or(recorded);
    about.chip = map.chip.clone();
    let mut replay = Replay::new(&map, args.heap)?;
    replay.start(&mut model, waiting.as_ref().map_or(0, |(record, _)| record.time_ticks));
    if let Some((record, frames)) = waiting {
        replay.record(&mut model, &record, &frames);
    }
    while let Some(record) = trace.next()? {
        replay.record(&mut model, &record, trace.frames());
    }
    replay.finish(&mut model, &mut notes);
    model.finish();
    report::show(&model, about, report::notes_on(&trace, notes), &args.options, out)
}

/// A name that lives as long as the program, as regions want it. A replay has a handful.
fn forever(name: &str) -> &'static str {
    Box::leak(Name::new(name).as_str().to_owned().into_boxed_str())
}
