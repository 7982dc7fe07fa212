//! Who runs, and the trap that the scheduler has: the same on all Xtensa cores.

use core::arch::asm;
use core::cell::UnsafeCell;

use super::context::MAIN;
use super::entry::Context;

/// The context of who runs.
#[repr(transparent)]
pub(super) struct Current(UnsafeCell<*mut Context>);

// SAFETY: touched by the entry into a trap alone.
unsafe impl Sync for Current {}

pub(super) static CURRENT: Current = Current(UnsafeCell::new(MAIN.0.get()));

/// Into the scheduler, by a trap; returns when this task runs again.
pub(super) fn call() {
    // SAFETY: all registers are kept. What other tasks do to memory meanwhile is known to the
    // compiler as anything.
    unsafe { asm!("syscall") };
}

/// Traps are the scheduler's from the start on.
pub(super) struct Before;

/// Nothing to be done.
pub(super) fn take_traps() -> Before {
    Before
}

impl Before {
    /// Nothing to be undone.
    pub(super) fn restore(self) {}
}
