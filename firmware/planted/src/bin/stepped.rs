//! Adds up, for a debugger to look on. There is no error in it.
#![no_std]
#![no_main]

extern crate alloc;

use core::hint::black_box;
use core::sync::atomic::{AtomicU32, Ordering};

use board_virt::{exit, println};

/// The sum so far.
static SUM: AtomicU32 = AtomicU32::new(100);

#[inline(never)]
fn add(step: u32) -> u32 {
    let sum = SUM.load(Ordering::Relaxed) + black_box(step);
    SUM.store(sum, Ordering::Relaxed); // watched
    sum
}

#[inline(never)]
fn add_up(count: u32) -> u32 {
    let mut sum = 0;
    for step in 1..=black_box(count) {
        sum = add(step); // called
    }
    sum
}

#[board_virt::entry]
fn main() -> ! {
    planted::start();
    println!("{}", add_up(4));
    exit::success()
}
