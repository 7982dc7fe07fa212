//! Reads PSRAM while the cache in front of it is off, as it is while flash is written.
#![no_std]
#![no_main]

extern crate alloc;

use core::alloc::Layout;

use board_virt::{cache, exit, println};
use esparto::Caps;
use planted::MEMORY;

#[board_virt::entry]
fn main() -> ! {
    planted::start();
    let block = MEMORY.allocate(Layout::new::<u32>(), Caps::EXTERNAL).expect("there is PSRAM");
    let counter = block.cast::<u32>().as_ptr();
    // SAFETY: the block is the counter's alone, and code runs from SRAM, or on
    // a machine without the switch.
    let count = unsafe {
        counter.write_volatile(1);
        cache::off();
        let count = counter.read_volatile(); // planted
        cache::on();
        count + counter.read_volatile()
    };
    println!("{count}");
    exit::success()
}
