//! The software interrupt: rung from anywhere, answered as soon as interrupts are let through.

use core::arch::asm;

/// Its bit among the interrupts.
const BELL: u32 = 1 << 7;

/// Lets the interrupt through. Its handler is the program's `on_ring`, and calls [`silence`].
pub fn listen() {
    silence();
    enable(|enabled| enabled | BELL);
}

/// Makes the interrupt pending. Works inside critical sections; it comes after them.
#[inline(always)]
pub fn ring() {
    // SAFETY: makes an interrupt pending, and nothing else.
    unsafe { asm!("wsr {}, intset", "rsync", in(reg) BELL, options(nostack)) };
}

/// Takes the interrupt back.
pub fn silence() {
    // SAFETY: takes an interrupt back, and nothing else.
    unsafe { asm!("wsr {}, intclear", "rsync", in(reg) BELL, options(nostack)) };
}

/// Lets the interrupt through no more.
pub fn ignore() {
    enable(|enabled| enabled & !BELL);
}

/// Answers the bell if it is among the interrupts that are there; gives the others.
pub(crate) fn answer(interrupts: u32) -> u32 {
    unsafe extern "Rust" {
        fn on_ring();
    }
    if interrupts & BELL != 0 {
        // SAFETY: the program's handler, inside of the trap for its interrupt.
        unsafe { on_ring() };
    }
    interrupts & !BELL
}

fn enable(change: impl FnOnce(u32) -> u32) {
    critical_section::with(|_| {
        let enabled: u32;
        // SAFETY: reads a register.
        unsafe { asm!("rsr {}, intenable", out(reg) enabled, options(nomem, nostack)) };
        // SAFETY: handlers are in place since start-up, and nothing comes before the critical section
        // is over.
        unsafe { asm!("wsr {}, intenable", "rsync", in(reg) change(enabled), options(nostack)) };
    });
}
