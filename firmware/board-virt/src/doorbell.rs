//! The software interrupt: rung from anywhere, answered as soon as interrupts are let through.

use riscv::register::{mie, mstatus};

/// A 1 stored here makes the interrupt pending, a 0 takes it back.
const MSIP: *mut u32 = core::ptr::without_provenance_mut(0x0200_0000);

/// Lets the interrupt through. Its handler is the program's, and calls [`silence`].
pub fn listen() {
    silence();
    // SAFETY: the handler is in place since start-up, and this is not inside a critical section.
    unsafe {
        mie::set_msoft();
        mstatus::set_mie();
    }
}

/// Makes the interrupt pending. Works inside critical sections; it comes after them.
#[inline(always)]
pub fn ring() {
    set(1);
}

/// Takes the interrupt back.
pub fn silence() {
    set(0);
}

/// Lets the interrupt through no more.
pub fn ignore() {
    // SAFETY: taking an interrupt away breaks no critical section.
    unsafe { mie::clear_msoft() };
}

#[inline(always)]
fn set(word: u32) {
    // SAFETY: the machine has this register of hart 0 at this address; it does nothing else.
    unsafe { MSIP.write_volatile(word) };
}
