//! Reads a block after it was freed.
#![no_std]
#![no_main]

extern crate alloc;

use alloc::boxed::Box;
use core::hint::black_box;

use board_virt::{exit, println};

#[board_virt::entry]
fn main() -> ! {
    planted::start();
    let block = black_box(Box::into_raw(Box::new([7u32; 10])));
    // SAFETY: the block came from a box.
    drop(unsafe { Box::from_raw(block) });
    // SAFETY: none: this is the error.
    let value = unsafe { block.cast::<u32>().add(3).read_volatile() }; // planted
    println!("{value}");
    exit::success()
}
