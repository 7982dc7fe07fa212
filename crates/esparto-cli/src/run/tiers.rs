//! `esparto run --tiers`: what pools in front of the heap make of a trace, beside the heap alone.

use std::alloc::Layout;
use std::fmt;
use std::str::FromStr;

use esparto::{Caps, Class, Event, Memory, Policy, RegionId, Tiers};
use esparto_trace::Entry;
use rustc_hash::FxHashMap;
use serde::Serialize;

use super::HeapChoice;
use super::replay::congruent_bytes;
use crate::report::TraceFile;
use crate::{Failure, Output};

/// The most classes; the documented set has as many.
const CLASSES: usize = 4;
/// How many times a run is looked at.
const LOOKS: usize = 1000;
const NAMES: [&str; CLASSES] = ["Small", "Medium", "Large", "XLarge"];

/// Which pools stand in front of the heap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TiersChoice {
    /// These block sizes and counts.
    Classes(Vec<(usize, usize)>),
    /// The sizes of the documented set, as many blocks of each as the trace has live at once.
    Fit,
}

impl FromStr for TiersChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let of = |classes: &[Class]| {
            Self::Classes(classes.iter().map(|it| (it.block_bytes, it.block_count)).collect())
        };
        match text {
            "fit" => return Ok(Self::Fit),
            "service" => return Ok(of(&Class::SERVICE)),
            "multi-size" => return Ok(of(&Class::MULTI_SIZE)),
            _ => {}
        }
        let class = |part: &str| {
            let (bytes, count) = part.split_once('x')?;
            Some((bytes.parse().ok()?, count.parse().ok()?))
        };
        let classes: Option<Vec<_>> = text.split(',').map(class).collect();
        match classes {
            Some(classes) if classes.len() <= CLASSES => Ok(Self::Classes(classes)),
            Some(classes) => Err(format!("{} classes are more than {CLASSES}", classes.len())),
            None => Err("give `fit`, `service`, `multi-size`, or BYTESxCOUNT,… as in \
                         64x100,256x50"
                .to_owned()),
        }
    }
}

/// An operation of the trace on the block that it numbers.
#[derive(Clone, Copy)]
enum Op {
    Take { block: usize, layout: Layout },
    Resize { block: usize, size_bytes: usize },
    Give { block: usize },
}

/// The operations of a trace, and what it needs at the most.
#[derive(Default)]
struct Work {
    ops: Vec<Op>,
    /// The sizes live at once at the peak, summed.
    peak_bytes: usize,
    /// The most blocks live at once of each class of the documented set.
    peak_counts: [usize; CLASSES],
}

impl Work {
    fn read(trace: &mut TraceFile) -> Result<Self, Failure> {
        let mut work = Self::default();
        let mut live = FxHashMap::<usize, (usize, usize)>::default();
        let (mut live_bytes, mut live_counts, mut block_count) = (0, [0; CLASSES], 0);
        while let Some(record) = trace.next()? {
            let Entry::Event(event) = record.entry else { continue };
            let (gone, come) = match event {
                Event::Allocate { addr, size_bytes, align_log2, .. } => {
                    let align_bytes = 1_usize.checked_shl(align_log2.into()).unwrap_or(0);
                    let Ok(layout) = Layout::from_size_align(size_bytes.max(1), align_bytes) else {
                        continue;
                    };
                    work.ops.push(Op::Take { block: block_count, layout });
                    block_count += 1;
                    (None, Some((addr, (block_count - 1, layout.size()))))
                }
                Event::Resize { old_addr, addr, size_bytes, .. } => {
                    let Some((block, old_bytes)) = live.remove(&old_addr) else { continue };
                    let size_bytes = size_bytes.max(1);
                    work.ops.push(Op::Resize { block, size_bytes });
                    (Some(old_bytes), Some((addr, (block, size_bytes))))
                }
                Event::Deallocate { addr, .. } => {
                    let Some((block, old_bytes)) = live.remove(&addr) else { continue };
                    work.ops.push(Op::Give { block });
                    (Some(old_bytes), None)
                }
                _ => continue,
            };
            if let Some(bytes) = gone {
                live_bytes -= bytes;
                if let Some(class) = class_of(bytes) {
                    live_counts[class] -= 1;
                }
            }
            if let Some((addr, (block, bytes))) = come {
                live.insert(addr, (block, bytes));
                live_bytes += bytes;
                if let Some(class) = class_of(bytes) {
                    live_counts[class] += 1;
                    work.peak_counts[class] = work.peak_counts[class].max(live_counts[class]);
                }
            }
            work.peak_bytes = work.peak_bytes.max(live_bytes);
        }
        Ok(work)
    }
}

fn class_of(bytes: usize) -> Option<usize> {
    Class::SERVICE.iter().position(|class| bytes <= class.block_bytes)
}

/// What came of a run.
#[derive(Clone, Copy, Debug, Default, Serialize)]
struct Outcome {
    /// Requests and resizes that got nothing.
    failure_count: u64,
    /// Of the heap: 100 − 100 · largest / free, its mean and its worst.
    mean_fragmentation_percent: f64,
    worst_fragmentation_percent: u8,
    /// Requests that a pool served.
    pooled_count: u64,
}

/// A block that gives itself back.
trait Held {
    fn resize(&mut self, size_bytes: usize) -> bool;
}

impl<const N: usize> Held for esparto::Block<'static, N> {
    fn resize(&mut self, size_bytes: usize) -> bool {
        Self::resize(self, size_bytes).is_ok()
    }
}

impl<const N: usize> Held for esparto::tiers::TiersBlock<'static, CLASSES, N> {
    fn resize(&mut self, size_bytes: usize) -> bool {
        Self::resize(self, size_bytes).is_ok()
    }
}

/// Carries the operations out.
fn replay<B: Held>(
    work: &Work,
    memory: &'static Memory<1>,
    mut take: impl FnMut(Layout) -> Option<B>,
) -> Outcome {
    let mut outcome = Outcome::default();
    let mut blocks = FxHashMap::<usize, B>::default();
    let look_every = (work.ops.len() / LOOKS).max(1);
    let mut looks = 0;
    for (at, op) in work.ops.iter().enumerate() {
        match *op {
            Op::Take { block, layout } => match take(layout) {
                Some(taken) => _ = blocks.insert(block, taken),
                None => outcome.failure_count += 1,
            },
            Op::Resize { block, size_bytes } => {
                if let Some(held) = blocks.get_mut(&block) {
                    outcome.failure_count += u64::from(!held.resize(size_bytes));
                }
            }
            Op::Give { block } => _ = blocks.remove(&block),
        }
        if at % look_every == 0
            && let Some(stats) = memory.region_stats(RegionId(0))
        {
            let percent = stats.fragmentation_percent();
            outcome.worst_fragmentation_percent = outcome.worst_fragmentation_percent.max(percent);
            outcome.mean_fragmentation_percent += f64::from(percent);
            looks += 1;
        }
    }
    outcome.mean_fragmentation_percent /= f64::from(looks.max(1));
    outcome
}

const CAPS: Caps =
    Caps::INTERNAL.union(Caps::BYTE).union(Caps::WORD).union(Caps::ATOMIC).union(Caps::ISR_SAFE);

/// One stretch of memory under `heap`. Never given back: a run is one run of the tool.
fn memory(heap: HeapChoice, len_bytes: usize) -> Result<&'static Memory<1>, Failure> {
    let memory: &'static Memory<1> = Box::leak(Box::new(Memory::new()));
    heap.add(memory, "memory", congruent_bytes(0, len_bytes), CAPS)
        .map_err(|error| Failure::bad_input(error).mend("give it more room"))?;
    Ok(memory)
}

/// What is shown.
#[derive(Debug, Serialize)]
struct Comparison {
    heap: String,
    room_bytes: usize,
    peak_bytes: usize,
    operation_count: usize,
    /// Block sizes and counts.
    classes: Vec<(usize, usize)>,
    heap_alone: Outcome,
    with_tiers: Outcome,
    /// How much less the heap is fragmented with tiers than without, in percent of that; negative
    /// when it is more.
    reduction_percent: Option<f64>,
}

/// What the design promises of pools: so much less fragmentation than the heap alone, in percent.
const CLAIM: &str = "60 to 80 %";

/// Replays a trace twice, in a stretch of `room_percent` of what it has live at its peak, or of
/// `room_bytes`: on the heap alone, and with tiers in front of it.
pub(crate) fn compare(
    trace: &mut TraceFile,
    heap: HeapChoice,
    choice: &TiersChoice,
    room_bytes: usize,
    room_percent: Option<u32>,
    out: &mut Output<'_>,
) -> Result<(), Failure> {
    let work = Work::read(trace)?;
    let room_bytes = match room_percent {
        Some(percent) => (work.peak_bytes as u64 * u64::from(percent) / 100) as usize,
        None => room_bytes,
    };
    let sizes = match choice {
        TiersChoice::Classes(classes) => classes.clone(),
        TiersChoice::Fit => Class::SERVICE
            .map(|class| class.block_bytes)
            .into_iter()
            .zip(work.peak_counts)
            .collect(),
    };
    let mut classes = [Class::new("", 8, 0); CLASSES];
    for ((class, &(bytes, count)), name) in classes.iter_mut().zip(&sizes).zip(NAMES) {
        *class = Class::new(name, bytes.max(1), count);
    }
    let alone = memory(heap, room_bytes)?;
    let heap_alone = replay(&work, alone, |layout| alone.take(layout, Policy::ANY).ok());
    let behind = memory(heap, room_bytes)?;
    let tiers: &'static Tiers<'static, CLASSES, 1> =
        Box::leak(Box::new(Tiers::new(behind, classes)));
    tiers.init().map_err(|error| {
        Failure::bad_input(format!("{error}, in {room_bytes} bytes"))
            .mend("give smaller classes, or more room")
    })?;
    let mut with_tiers = replay(&work, behind, |layout| tiers.take(layout).ok());
    with_tiers.pooled_count =
        tiers.stats().classes.iter().map(|class| u64::from(class.alloc_count)).sum();
    let alone_percent = heap_alone.mean_fragmentation_percent;
    let reduction_percent = (alone_percent > 0.0)
        .then(|| 100.0 - 100.0 * with_tiers.mean_fragmentation_percent / alone_percent);
    let comparison = Comparison {
        heap: heap.to_string(),
        room_bytes,
        peak_bytes: work.peak_bytes,
        operation_count: work.ops.len(),
        classes: sizes,
        heap_alone,
        with_tiers,
        reduction_percent,
    };
    out.show(&comparison, |writer| writeln!(writer, "{comparison}"))
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let classes: Vec<_> =
            self.classes.iter().map(|(bytes, count)| format!("{bytes}x{count}")).collect();
        writeln!(
            f,
            "{} operations, at most {} bytes live, in {} bytes of {}; tiers {}",
            self.operation_count,
            self.peak_bytes,
            self.room_bytes,
            self.heap,
            classes.join(",")
        )?;
        for (name, outcome) in
            [("the heap alone:", &self.heap_alone), ("tiers in front:", &self.with_tiers)]
        {
            writeln!(
                f,
                "  {name} {} failures, fragmentation of the heap {:.1} % in the mean, {} % at worst, {} requests from pools",
                outcome.failure_count,
                outcome.mean_fragmentation_percent,
                outcome.worst_fragmentation_percent,
                outcome.pooled_count
            )?;
        }
        match self.reduction_percent {
            Some(percent) if percent >= 0.0 => {
                write!(
                    f,
                    "  {percent:.1} % less fragmentation with tiers; {CLAIM} is claimed of pools"
                )
            }
            Some(percent) => write!(
                f,
                "  {:.1} % more fragmentation with tiers; {CLAIM} less is claimed of pools",
                -percent
            ),
            None => write!(f, "  no fragmentation without tiers; {CLAIM} less is claimed of pools"),
        }
    }
}
