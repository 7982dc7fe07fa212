//! Forgets a block.
#![no_std]
#![no_main]

extern crate alloc;

use alloc::vec::Vec;
use core::hint::black_box;

use board_virt::{exit, println};

#[inline(never)]
fn forget() -> usize {
    let block: Vec<u32> = black_box(Vec::with_capacity(25)); // planted
    let capacity = block.capacity();
    core::mem::forget(block);
    capacity
}

/// Overwrites what the calls before have left on the stack.
#[inline(never)]
fn overwrite() {
    black_box(&mut [0u32; 256]);
}

#[board_virt::entry]
fn main() -> ! {
    planted::start();
    println!("{}", forget());
    overwrite();
    exit::success()
}
