//! The camera on the emulated core: all of its memory is Esparto's, and every byte is accounted
//! for at every snapshot.
//!
//! Lines on the serial line, for people and for the host's tools:
//! `region ID NAME RANGE (CAPS)` and `account …` at the start; `progress DONE/TOTAL frame F
//! STAGE` when a stage is over; `result …` for each frame, the same text as the host prints;
//! `stack …`, `total …`, `trace …` and `ok` at the end. Anything else is a failure, and QEMU
//! exits with 1.
#![no_std]
#![no_main]

use board_virt::{exit, println};
use esparto::{Caps, Owner};
use pipeline::{Detection, FRAME_COUNT, Platform, Stage};
use recording::{Names, Recorder, Traced};

/// Events that may wait until they are fetched.
const RING_SLOTS: usize = 256;

/// Return addresses kept with an event: enough to get past the allocator's own and `alloc`'s.
const TRACE_FRAMES: usize = 8;

/// The stack of everything but the network; the JPEG decoder needs most of it.
const STACK_BYTES: usize = 64 * 1024;

#[global_allocator]
static MEMORY: Traced<RING_SLOTS, TRACE_FRAMES> = Traced::with_sink(Recorder::new());

const OWNER_STACK: Owner = Owner(1);
const OWNER_NETWORK_STACK: Owner = Owner(2);

const fn owner_of(stage: Stage) -> Owner {
    Owner(3 + stage as u16)
}

/// Tells the memory whom it works for, and proves its account after every stage.
struct Watch {
    done_count: usize,
    network_stack_bytes: usize,
}

impl Platform for Watch {
    fn enter(&mut self, _frame: usize, stage: Stage) {
        MEMORY.set_owner(owner_of(stage));
        MEMORY.mark(stage as u32);
    }

    fn leave(&mut self, frame: usize, stage: Stage) {
        MEMORY.set_owner(Owner::default());
        recording::snapshot(&MEMORY);
        self.done_count += 1;
        let total_count = FRAME_COUNT * Stage::ALL.len();
        println!("progress {}/{total_count} frame {frame} {}", self.done_count, stage.name());
    }

    // All layers' tensors live in one stack frame, too large for what SRAM has left beside the
    // rest: like a task whose stack is in PSRAM.
    fn on_stack(&mut self, size_bytes: usize, work: &mut dyn FnMut()) {
        self.network_stack_bytes = recording::run_on_own_stack(
            &MEMORY,
            OWNER_NETWORK_STACK,
            Caps::EXTERNAL,
            size_bytes,
            work,
        );
    }
}

#[board_virt::entry]
fn main() -> ! {
    let owners = [
        (Owner::default(), "main"),
        (OWNER_STACK, "stack"),
        (OWNER_NETWORK_STACK, "network stack"),
        (owner_of(Stage::Decode), Stage::Decode.name()),
        (owner_of(Stage::Scale), Stage::Scale.name()),
        (owner_of(Stage::Detect), Stage::Detect.name()),
        (owner_of(Stage::Report), Stage::Report.name()),
        (owner_of(Stage::Compress), Stage::Compress.name()),
    ];
    let marks = Stage::ALL.map(|stage| (stage as u32, stage.name()));
    recording::start(&MEMORY, Names { owners: &owners, marks: &marks });
    recording::snapshot(&MEMORY);
    let mut watch = Watch { done_count: 0, network_stack_bytes: 0 };
    let internal = Caps::INTERNAL | Caps::BYTE;
    let stack_bytes =
        recording::run_on_own_stack(&MEMORY, OWNER_STACK, internal, STACK_BYTES, || {
            pipeline::run(FRAME_COUNT, MEMORY.with(Caps::EXTERNAL), &mut watch, |result| {
                println!("{result}");
            })
            .expect("a frame failed");
        });
    println!("stack main size={STACK_BYTES} high_water={stack_bytes}");
    println!(
        "stack network size={} high_water={}",
        Detection::STACK_BYTES,
        watch.network_stack_bytes
    );
    recording::finish(&MEMORY);
    println!("ok");
    exit::success()
}
