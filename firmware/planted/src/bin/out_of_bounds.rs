//! Writes behind a block.
#![no_std]
#![no_main]

extern crate alloc;

use alloc::boxed::Box;
use core::hint::black_box;

use board_virt::{exit, println};

#[board_virt::entry]
fn main() -> ! {
    planted::start();
    let mut block = black_box(Box::new([7u8; 20]));
    // SAFETY: none: this is the error.
    unsafe { block.as_mut_ptr().add(20).write_volatile(1) }; // planted
    println!("{}", block[19]);
    exit::success()
}
