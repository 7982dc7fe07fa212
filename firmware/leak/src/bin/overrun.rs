//! A task digs itself into its stack until that ends. Found in software, by the canary, when it is
//! switched away from; then in hardware, by the PMP, before a byte is written: in both cases the
//! task is named and its neighbours are unharmed.
#![no_std]
#![no_main]

use core::alloc::Layout;
use core::hint::black_box;
use core::mem::MaybeUninit;
use core::ptr::NonNull;

use board::{exit, println, stack};
#[cfg(target_arch = "riscv32")]
use esparto::stack::StackSpan;
use esparto::stack::{StackBreach, Task, TaskTable};
use esparto::{Owner, Stack};
use leak::{INTERNAL, MEMORY};

const STACK_BYTES: usize = 1024;
/// What lies on both sides of a stack.
const NEIGHBOUR_BYTES: usize = 256;
const FILL: u8 = 0x5A;

/// A stack between two neighbours. Never given back: the PMP's entry stays locked.
struct Place {
    start: NonNull<u8>,
}

impl Place {
    fn take() -> Self {
        let layout =
            Layout::from_size_align(STACK_BYTES + 2 * NEIGHBOUR_BYTES, 64).expect("a small layout");
        let start = MEMORY.allocate(layout, INTERNAL).expect("room for a stack");
        // SAFETY: just granted, and this long.
        unsafe { start.write_bytes(FILL, layout.size()) };
        Self { start }
    }

    fn stack_memory(&self) -> &'static mut [MaybeUninit<u8>] {
        // SAFETY: inside of the block, called once, and never given back.
        unsafe {
            let start = self.start.add(NEIGHBOUR_BYTES).cast::<MaybeUninit<u8>>();
            NonNull::slice_from_raw_parts(start, STACK_BYTES).as_mut()
        }
    }

    fn assert_neighbours_unharmed(&self) {
        for start in [0, NEIGHBOUR_BYTES + STACK_BYTES] {
            for offset in start..start + NEIGHBOUR_BYTES {
                // SAFETY: inside of the block.
                let byte = unsafe { self.start.add(offset).read_volatile() };
                assert_eq!(byte, FILL, "byte {offset} of the place was written");
            }
        }
    }
}

/// Takes 16 bytes of stack in each of `depth` calls.
#[inline(never)]
fn dig(depth: u32) -> u32 {
    // Not a tail call: there is something to do after it.
    if depth == 0 { 0 } else { black_box(dig(depth - 1)) + 1 }
}

/// The canary is looked at whenever the task is switched away from; each time it ran it had dug one
/// call deeper.
fn by_canary() {
    let place = Place::take();
    let stack = Stack::adopt("digger", place.stack_memory()).expect("large enough");
    let mut tasks = TaskTable::<1>::with_overhead(0);
    tasks.add(Task::new(Owner(1), &stack)).expect("one task");
    let breach = (1..STACK_BYTES as u32).find_map(|depth| {
        // SAFETY: nothing else runs on this stack.
        unsafe { stack::run_on(&stack, || _ = black_box(dig(depth))) };
        tasks.check().err()
    });
    let breach = breach.expect("found");
    println!("{breach}");
    assert!(matches!(breach, StackBreach::Canary { name: "digger", .. }));
    assert!(stack.unused_bytes() < 16, "dug to the end");
    place.assert_neighbours_unharmed();
}

/// The core itself stops the task.
#[cfg(target_arch = "riscv32")]
fn by_guard() {
    let place = Place::take();
    let stack = Stack::adopt("runaway", place.stack_memory()).expect("large enough");
    let guard = stack.guard(GUARD_BYTES).expect("a guard much smaller than the stack");
    // SAFETY: nothing else runs on this stack, and its memory is never given back.
    let end = unsafe {
        stack::run_guarded(&stack, &guard, || {
            black_box(dig(u32::MAX));
        })
    };
    let breach = end.expect_err("nothing else stops it");
    println!("{breach}");
    assert!(matches!(breach, StackBreach::Guard { name: "runaway", .. }));
    assert_eq!(stack.check(), Ok(()), "the canary below the guard is whole");
    place.assert_neighbours_unharmed();
    let used_bytes = StackSpan::high_water_bytes(&stack);
    assert!(used_bytes >= STACK_BYTES - 2 * GUARD_BYTES, "{used_bytes}");
}

#[cfg(target_arch = "riscv32")]
const GUARD_BYTES: usize = 64;

#[cfg_attr(target_arch = "riscv32", board::entry)]
#[cfg_attr(target_arch = "xtensa", unsafe(no_mangle))]
fn main() -> ! {
    leak::start();
    by_canary();
    // Not every core can.
    #[cfg(target_arch = "riscv32")]
    by_guard();
    println!("ok");
    exit::success()
}
