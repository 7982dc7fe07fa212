//! Gives a buffer in PSRAM to a device.
#![no_std]
#![no_main]

extern crate alloc;

use core::alloc::Layout;

use board_virt::{exit, hint};
use esparto::Caps;
use planted::MEMORY;

#[board_virt::entry]
fn main() -> ! {
    planted::start();
    let layout = Layout::new::<[u8; 512]>();
    let buffer = MEMORY.allocate(layout, Caps::EXTERNAL).expect("there is PSRAM");
    hint::dma(buffer.cast::<u8>().addr().get(), layout.size()); // planted
    // SAFETY: the block was allocated with this layout, and nothing uses it.
    unsafe { MEMORY.deallocate(buffer.cast(), layout) };
    exit::success()
}
