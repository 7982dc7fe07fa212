//! Decides by a byte that was never written.
#![no_std]
#![no_main]

extern crate alloc;

use alloc::boxed::Box;
use core::hint::black_box;
use core::mem::MaybeUninit;

use board_virt::{exit, println};

#[board_virt::entry]
fn main() -> ! {
    planted::start();
    let mut block: Box<[MaybeUninit<u8>]> = black_box(Box::new_uninit_slice(16));
    block[0].write(1);
    // SAFETY: none for the second: this is the error.
    let [first, second] = [0, 1].map(|at| unsafe { block[at].as_ptr().read_volatile() });
    if black_box(first) == 1 {
        println!("written");
    }
    // planted
    if black_box(second) == 1 {
        println!("unwritten");
    }
    drop(block);
    exit::success()
}
