//! Touches PSRAM in an interrupt.
#![no_std]
#![no_main]

extern crate alloc;

use core::alloc::Layout;
use core::ptr;
use core::sync::atomic::{AtomicPtr, Ordering};

use board_virt::{doorbell, exit, println};
use esparto::Caps;
use planted::MEMORY;

static COUNTER: AtomicPtr<u32> = AtomicPtr::new(ptr::null_mut());

#[riscv_rt::core_interrupt(riscv::interrupt::Interrupt::MachineSoft)]
fn on_ring() {
    doorbell::silence();
    let counter = COUNTER.load(Ordering::Relaxed);
    // SAFETY: the block is the counter's alone.
    unsafe { counter.write_volatile(2) }; // planted
}

#[board_virt::entry]
fn main() -> ! {
    planted::start();
    let block = MEMORY.allocate(Layout::new::<u32>(), Caps::EXTERNAL).expect("there is PSRAM");
    let counter = block.cast::<u32>().as_ptr();
    // SAFETY: the block is the counter's alone.
    unsafe { counter.write_volatile(1) };
    COUNTER.store(counter, Ordering::Relaxed);
    doorbell::listen();
    doorbell::ring();
    // SAFETY: as above.
    while unsafe { counter.read_volatile() } == 1 {
        core::hint::spin_loop();
    }
    println!("counted");
    exit::success()
}
