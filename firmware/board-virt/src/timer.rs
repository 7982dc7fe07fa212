//! The machine timer: one interrupt after a while.

use riscv::register::{mie, mstatus};

/// Counts at 10 MHz; two words, the low one first.
const MTIME: *const u32 = core::ptr::without_provenance(0x0200_BFF8);
/// The interrupt is pending while the time is at or past this. Two words, the low one first.
const MTIMECMP: *mut u32 = core::ptr::without_provenance_mut(0x0200_4000);

/// Lets the timer's interrupt through, for the first time after `ticks` (of 100 ns). Its handler
/// is the program's, and calls [`restart`] for another.
pub fn start(ticks: u64) {
    restart(ticks);
    // SAFETY: the handler is in place since start-up, and this is not inside a critical section.
    unsafe {
        mie::set_mtimer();
        mstatus::set_mie();
    }
}

/// Another interrupt after `ticks`.
pub fn restart(ticks: u64) {
    set_compare(now().wrapping_add(ticks));
}

/// No further interrupt.
pub fn stop() {
    // SAFETY: taking an interrupt away breaks no critical section.
    unsafe { mie::clear_mtimer() };
}

fn now() -> u64 {
    // SAFETY: the machine has its timer at this address; reading changes nothing.
    let read = || unsafe { (MTIME.add(1).read_volatile(), MTIME.read_volatile()) };
    loop {
        let (high, low) = read();
        // The low word may have wrapped between the two reads.
        if read().0 == high {
            return u64::from(high) << 32 | u64::from(low);
        }
    }
}

fn set_compare(time: u64) {
    // SAFETY: the machine has its timer at this address. The high word goes through its maximum,
    // so that no half-written time is in the past.
    unsafe {
        MTIMECMP.add(1).write_volatile(u32::MAX);
        MTIMECMP.write_volatile(time as u32);
        MTIMECMP.add(1).write_volatile((time >> 32) as u32);
    }
}
