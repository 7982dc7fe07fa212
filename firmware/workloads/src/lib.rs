//! What the workloads have in common: a name, phases, and the recording around them.
//!
//! Each program in `bin/` is one workload of a real library on real data. It prints a `result`
//! line that depends on everything it computed, so a miscompiled or miscounted run shows.
#![no_std]

use board_virt::{exit, println};
use esparto::{Caps, Owner};
use recording::{Names, Traced};

/// Events that may wait until they are fetched.
pub const RING_SLOTS: usize = 256;

/// Return addresses kept with an event.
pub const TRACE_FRAMES: usize = 8;

/// The memory of a workload.
pub type WorkloadMemory = Traced<RING_SLOTS, TRACE_FRAMES>;

const OWNER_STACK: Owner = Owner(1);

/// The phases of a workload, by index. Each is an owner in the trace.
pub struct Phases {
    memory: &'static WorkloadMemory,
    names: &'static [&'static str],
    done_count: usize,
    total_count: usize,
}

impl Phases {
    /// Runs `work` as phase `index` of the names: its blocks are that owner's, and the account is
    /// proved when it is over.
    pub fn run<T>(&mut self, index: usize, work: impl FnOnce() -> T) -> T {
        let others = self.memory.set_owner(owner_of(index));
        self.memory.mark(index as u32);
        let value = work();
        self.memory.set_owner(others);
        recording::snapshot(self.memory);
        self.done_count += 1;
        println!("progress {}/{} {}", self.done_count, self.total_count, self.names[index]);
        value
    }
}

const fn owner_of(index: usize) -> Owner {
    Owner(2 + index as u16)
}

/// The most phases that a workload names.
const MAX_PHASES: usize = 8;

/// Runs a workload of `total_count` phases in all, on a stack of `stack_bytes`, and ends the
/// program.
pub fn run(
    memory: &'static WorkloadMemory,
    names: &'static [&'static str],
    total_count: usize,
    stack_bytes: usize,
    work: impl FnOnce(&mut Phases),
) -> ! {
    let mut owners = [(Owner::default(), "main"); 2 + MAX_PHASES];
    let mut marks = [(0, ""); MAX_PHASES];
    owners[1] = (OWNER_STACK, "stack");
    for (index, name) in names.iter().enumerate() {
        owners[2 + index] = (owner_of(index), name);
        marks[index] = (index as u32, name);
    }
    let names_of = Names { owners: &owners[..2 + names.len()], marks: &marks[..names.len()] };
    recording::start(memory, names_of);
    recording::snapshot(memory);
    let mut phases = Phases { memory, names, done_count: 0, total_count };
    let internal = Caps::INTERNAL | Caps::BYTE;
    let high_water_bytes =
        recording::run_on_own_stack(memory, OWNER_STACK, internal, stack_bytes, || {
            work(&mut phases);
        });
    println!("stack main size={stack_bytes} high_water={high_water_bytes}");
    recording::finish(memory);
    println!("ok");
    exit::success()
}
