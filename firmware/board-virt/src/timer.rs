//! The timer: an interrupt each so many milliseconds, and the time that comes of it.
//!
//! The machine's `mtime` counts at a rate of its own; the interrupt is pending while it is at `mtimecmp`
//! or beyond.

use core::sync::atomic::{AtomicU32, Ordering};

use riscv::register::{mie, mstatus};

use crate::machine::TICKS_PER_MS;

const MTIMECMP: *mut u32 = core::ptr::without_provenance_mut(0x0200_4000);
const MTIME: *mut u32 = core::ptr::without_provenance_mut(0x0200_bff8);

/// What [`acknowledge`] adds to the time. One hart, so plain words will do.
static PERIOD_MS: AtomicU32 = AtomicU32::new(0);
static NOW_MS: AtomicU32 = AtomicU32::new(0);

/// Starts the interrupt, each `period_ms` from now on. Its handler is the program's, and calls
/// [`acknowledge`].
pub fn start(period_ms: u32) {
    PERIOD_MS.store(period_ms, Ordering::Relaxed);
    set_compare(load(MTIME).wrapping_add(ticks(period_ms)));
    // SAFETY: the handler is in place since start-up, and this is not inside a critical section.
    unsafe {
        mie::set_mtimer();
        mstatus::set_mie();
    }
}

/// Asks for the next interrupt, one period after this one was due, and lets the time go on by one
/// period. Returns the time in milliseconds.
pub fn acknowledge() -> u32 {
    let period_ms = PERIOD_MS.load(Ordering::Relaxed);
    set_compare(load(MTIMECMP).wrapping_add(ticks(period_ms)));
    let now_ms = now_ms().wrapping_add(period_ms);
    NOW_MS.store(now_ms, Ordering::Relaxed);
    now_ms
}

/// No more interrupts.
pub fn stop() {
    // SAFETY: taking an interrupt away breaks no critical section.
    unsafe { mie::clear_mtimer() };
}

/// The time in milliseconds, in steps of the period, since the timer was first started. Wraps.
#[must_use]
pub fn now_ms() -> u32 {
    NOW_MS.load(Ordering::Relaxed)
}

fn ticks(period_ms: u32) -> u64 {
    u64::from(period_ms) * TICKS_PER_MS
}

fn load(low: *mut u32) -> u64 {
    loop {
        // SAFETY: the machine has these registers of hart 0 at these addresses; a load does nothing
        // else.
        let (before, low_word, after) = unsafe {
            let high = low.wrapping_add(1);
            (high.read_volatile(), low.read_volatile(), high.read_volatile())
        };
        // The low half did not wrap in between.
        if before == after {
            return u64::from(after) << 32 | u64::from(low_word);
        }
    }
}

fn set_compare(compare: u64) {
    // SAFETY: as for the loads. First to the end of time, so that no half is in the past alone.
    unsafe {
        MTIMECMP.write_volatile(u32::MAX);
        MTIMECMP.wrapping_add(1).write_volatile((compare >> 32) as u32);
        MTIMECMP.write_volatile(compare as u32);
    }
}
