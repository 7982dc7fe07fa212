//! Frees the middle of a block.
#![no_std]
#![no_main]

extern crate alloc;

use alloc::boxed::Box;
use core::hint::black_box;

use board_virt::{exit, hint};

#[board_virt::entry]
fn main() -> ! {
    planted::start();
    let block = black_box(Box::new([0u32; 8]));
    hint::freed((&raw const block[2]).addr()); // planted
    drop(block);
    exit::success()
}
