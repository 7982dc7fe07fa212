//! Reads PSRAM while the cache in front of it is off, as it is while flash is written.
#![no_std]
#![no_main]

extern crate alloc;

use core::alloc::Layout;

use board_virt::{exit, println};
use esparto::Caps;
use planted::MEMORY;

/// The simulator's switch for the cache; QEMU's machine takes no note of it.
const CACHE: *mut u32 = core::ptr::without_provenance_mut(0x0010_0004);

#[board_virt::entry]
fn main() -> ! {
    planted::start();
    let block = MEMORY.allocate(Layout::new::<u32>(), Caps::EXTERNAL).expect("there is PSRAM");
    let counter = block.cast::<u32>().as_ptr();
    // SAFETY: the block is the counter's alone, and the switch is where the board has it.
    let count = unsafe {
        counter.write_volatile(1);
        CACHE.write_volatile(0);
        let count = counter.read_volatile(); // planted
        CACHE.write_volatile(1);
        count + counter.read_volatile()
    };
    println!("{count}");
    exit::success()
}
