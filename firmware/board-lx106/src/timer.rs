//! The timer: an interrupt each so many milliseconds, and the time that comes of it.
//!
//! A millisecond is a million instructions, as on the RISC-V board. While the program has no use for
//! the timer, it sees to it that the cycle counter does not wrap unseen.

use core::arch::asm;
use core::sync::atomic::{AtomicU32, Ordering};

use crate::{counter, machine};

/// A million instructions, by 25.
const GROUPS_PER_MS: u32 = 40_000;

/// Cycles of a million instructions.
fn cycles_per_ms() -> u32 {
    machine::cycles_of_25() * GROUPS_PER_MS
}

/// The timer's bit among the interrupts.
const TIMER: u32 = 1 << 6;

/// Half of what the cycle counter counts before it wraps.
const WATCH_CYCLES: u32 = 1 << 31;

/// What [`acknowledge`] adds to the time; 0 while the timer is stopped. One core, so plain words
/// will do.
static PERIOD_MS: AtomicU32 = AtomicU32::new(0);
static NOW_MS: AtomicU32 = AtomicU32::new(0);
static DUE_CYCLES: AtomicU32 = AtomicU32::new(0);

/// Watches the cycle counter from now on: the first thing that a program does.
pub(crate) fn watch() {
    set_due(counter::cycles().wrapping_add(WATCH_CYCLES));
    // SAFETY: the handler is in place since start-up, and this is not inside a critical section.
    unsafe { asm!("wsr {}, intenable", "rsync", in(reg) TIMER, options(nostack)) };
}

/// Starts the interrupt, each `period_ms` (at most 100) from now on. Its handler is the program's
/// `on_timer`, and calls [`acknowledge`].
pub fn start(period_ms: u32) {
    let first_cycles = counter::cycles().wrapping_add(period_ms * cycles_per_ms());
    critical_section::with(|_| {
        PERIOD_MS.store(period_ms, Ordering::Relaxed);
        set_due(first_cycles);
    });
}

/// No more interrupts for the program.
pub fn stop() {
    critical_section::with(|_| {
        PERIOD_MS.store(0, Ordering::Relaxed);
        set_due(counter::cycles().wrapping_add(WATCH_CYCLES));
    });
}

/// The interrupt is there.
pub(crate) fn interrupt() {
    unsafe extern "Rust" {
        fn on_timer();
    }
    // Often enough not to miss that the counter wraps.
    let _ = counter::instructions();
    if PERIOD_MS.load(Ordering::Relaxed) == 0 {
        set_due(DUE_CYCLES.load(Ordering::Relaxed).wrapping_add(WATCH_CYCLES));
    } else {
        // SAFETY: the program's handler, inside of the trap for its interrupt.
        unsafe { on_timer() };
    }
}

/// Asks for the next interrupt, one period after this one was due, and lets the time go on by one
/// period. Returns the time in milliseconds.
pub fn acknowledge() -> u32 {
    let period_ms = PERIOD_MS.load(Ordering::Relaxed);
    set_due(DUE_CYCLES.load(Ordering::Relaxed).wrapping_add(period_ms * cycles_per_ms()));
    let now_ms = now_ms().wrapping_add(period_ms);
    NOW_MS.store(now_ms, Ordering::Relaxed);
    now_ms
}

/// The time in milliseconds, in steps of the period, since the timer was first started. Wraps.
#[must_use]
pub fn now_ms() -> u32 {
    NOW_MS.load(Ordering::Relaxed)
}

fn set_due(due_cycles: u32) {
    DUE_CYCLES.store(due_cycles, Ordering::Relaxed);
    // SAFETY: says when the interrupt comes, and takes a pending one back.
    unsafe { asm!("wsr {}, ccompare0", "rsync", in(reg) due_cycles, options(nostack)) };
}
