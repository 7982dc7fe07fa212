//! Counts atomically in PSRAM, which cannot do that.
#![no_std]
#![no_main]

extern crate alloc;

use core::alloc::Layout;
use core::sync::atomic::Ordering;

use board_virt::{exit, println};
use esparto::Caps;
use planted::MEMORY;

#[cfg(target_has_atomic = "32")]
fn count(counter: &core::sync::atomic::AtomicU32) -> u32 {
    counter.fetch_add(1, Ordering::Relaxed) // planted
}

#[cfg(not(target_has_atomic = "32"))]
fn count(counter: &core::sync::atomic::AtomicU32) -> u32 {
    counter.load(Ordering::Relaxed)
}

#[board_virt::entry]
fn main() -> ! {
    planted::start();
    let layout = Layout::new::<u32>();
    let block = MEMORY.allocate(layout, Caps::EXTERNAL).expect("there is PSRAM");
    let counter = block.cast::<core::sync::atomic::AtomicU32>();
    // SAFETY: the block is the counter's alone, and is written before it is read.
    let counter = unsafe {
        counter.write(core::sync::atomic::AtomicU32::new(1));
        counter.as_ref()
    };
    println!("{}", count(counter));
    exit::success()
}
