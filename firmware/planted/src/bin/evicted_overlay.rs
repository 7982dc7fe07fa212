//! Calls a function of an overlay that was evicted.
#![no_std]
#![no_main]

extern crate alloc;

use alloc::boxed::Box;
use core::arch::asm;
use core::hint::black_box;

use board_virt::{exit, hint};

/// `ret`, twice.
const OVERLAY: [u32; 2] = [0x0000_8067, 0x0000_8067];

#[board_virt::entry]
fn main() -> ! {
    planted::start();
    let slot = black_box(Box::new(OVERLAY));
    // SAFETY: `fence.i` has no effect but on the instruction fetch; the slot holds a function.
    let function: extern "C" fn() = unsafe {
        asm!("fence.i");
        core::mem::transmute::<*const u32, extern "C" fn()>(slot.as_ptr())
    };
    function();
    hint::evicted(slot.as_ptr().addr(), size_of_val(&*slot));
    function(); // planted
    exit::success()
}
