//! What the trace hook costs, in instructions: the same operations on a silent memory and on a
//! recording one, and what lies between.
//!
//! Prints a line `hook OPERATION …` for each operation, their mean and `ok`. Ends with a failure
//! when the mean without frames is above [`LIMIT`].
#![no_std]
#![no_main]

use core::alloc::Layout;
use core::ptr::NonNull;

#[cfg(target_arch = "riscv32")]
use board::frames;
use board::{counter, exit, memory, println};
use esparto::{Caps, LinkedList, Memory, Region, Sink};
use esparto_trace::{Probe, Recorder};

/// What the design grants the hook, on average.
const LIMIT: u32 = 40;
const BLOCK_COUNT: usize = 100;
const OPERATIONS: [&str; 3] = ["allocate", "resize", "deallocate"];

/// The clock and the chain of frame pointers, and nothing else.
struct Core;

impl Probe for Core {
    #[inline(always)]
    fn now() -> u32 {
        counter::mark()
    }

    // Elsewhere code keeps no chain of frames.
    #[cfg(target_arch = "riscv32")]
    #[inline(always)]
    fn frames(frames: &mut [usize]) {
        frames::capture(frames);
    }
}

static SILENT: Memory<1> = Memory::new();
static TRACED: Memory<1, Recorder<Core, 512>> = Memory::with_sink(Recorder::new());
static FRAMED: Memory<1, Recorder<Core, 512, 8>> = Memory::with_sink(Recorder::new());

fn layout(size: usize) -> Layout {
    Layout::from_size_align(size, 4).expect("a small size is a layout")
}

/// Instructions of each operation, summed over all blocks.
#[inline(never)]
fn work<S: Sink>(memory: &Memory<1, S>) -> [u32; 3] {
    let size = |index: usize| 16 + index * 37 % 200;
    let mut blocks = [NonNull::<u8>::dangling(); BLOCK_COUNT];
    let start = counter::mark();
    for (index, block) in blocks.iter_mut().enumerate() {
        *block = memory.allocate(layout(size(index)), Caps::BYTE).expect("there is room");
    }
    let allocated = counter::mark();
    for (index, block) in blocks.iter_mut().enumerate() {
        // SAFETY: the block is live and has this layout.
        *block = unsafe { memory.resize(*block, layout(size(index)), layout(8), Caps::BYTE) }
            .expect("a smaller block needs no room");
    }
    let resized = counter::mark();
    for block in blocks {
        // SAFETY: the block is live and has this layout since it was resized.
        unsafe { memory.deallocate(block, layout(8)) };
    }
    let end = counter::mark();
    [(start, allocated), (allocated, resized), (resized, end)]
        .map(|(from, to)| counter::between(from, to))
}

/// What each operation costs more than on the silent memory; returns their sum for one block each.
fn compare(name: &str, silent: [u32; 3], recording: [u32; 3]) -> u32 {
    let count = BLOCK_COUNT as u32;
    let mut sum = 0;
    for ((operation, silent), recording) in OPERATIONS.iter().zip(silent).zip(recording) {
        let hook = recording - silent;
        println!(
            "{name} {operation} silent={} recording={} hook={}.{:02}",
            silent / count,
            recording / count,
            hook / count,
            hook % count
        );
        sum += hook;
    }
    let operations = OPERATIONS.len() as u32 * count;
    println!("{name} mean={}.{:02}", sum / operations, sum % operations * 100 / operations);
    sum
}

#[cfg_attr(target_arch = "riscv32", board::entry)]
#[cfg_attr(target_arch = "xtensa", unsafe(no_mangle))]
fn main() -> ! {
    // Three parts of the same SRAM, so that all memories are alike.
    let [sram, ..] = memory::regions();
    let part_bytes = sram.len_bytes() / 3;
    let part = |index: usize| {
        Region::at("part", sram.start_addr() + index * part_bytes, part_bytes, sram.caps())
            .map(Region::trimmed)
            .expect("no region starts at 0")
    };
    let added = "a third of the SRAM is a region";
    // SAFETY: the linker keeps this range free; the parts do not overlap.
    unsafe { SILENT.add::<LinkedList>(part(0)) }.expect(added);
    // SAFETY: as above.
    unsafe { TRACED.add::<LinkedList>(part(1)) }.expect(added);
    // SAFETY: as above.
    unsafe { FRAMED.add::<LinkedList>(part(2)) }.expect(added);

    let silent = work(&SILENT);
    let hook = compare("hook", silent, work(&TRACED));
    // There is nothing to be recorded where code keeps no chain of frames.
    if cfg!(target_arch = "riscv32") {
        compare("hook-with-8-frames", silent, work(&FRAMED));
    }
    let lost_count = TRACED.with_sink_mut(|recorder| recorder.lost_total_count());
    assert_eq!(lost_count, Some(0), "every event found its place");
    assert!(
        hook <= LIMIT * (OPERATIONS.len() * BLOCK_COUNT) as u32,
        "the hook is granted {LIMIT} instructions on average"
    );
    println!("ok");
    exit::success()
}
