//! Frees a block twice.
#![no_std]
#![no_main]

extern crate alloc;

use core::alloc::Layout;
use core::hint::black_box;

use board_virt::{exit, hint};
use planted::MEMORY;

#[board_virt::entry]
fn main() -> ! {
    planted::start();
    let layout = Layout::new::<[u32; 8]>();
    let block = MEMORY.allocate(layout, esparto::Caps::BYTE).expect("there is room");
    // SAFETY: the block was allocated with this layout, and nothing uses it.
    unsafe { MEMORY.deallocate(block.cast(), layout) };
    // The memory's own free of a freed block is undefined; a heap that checks would be told so.
    hint::freed(black_box(block.cast::<u8>().addr().get())); // planted
    exit::success()
}
