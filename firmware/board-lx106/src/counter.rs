//! Instructions retired.
//!
//! The core counts cycles. With `-icount shift=10` an instruction takes the emulator 1024 ns, which
//! are 40.96 cycles of a machine of 40 MHz: the number of instructions between two readings is
//! their distance by that, to the nearest, and exact.

use core::arch::asm;
use core::cell::Cell;

use critical_section::Mutex;

use crate::machine;

/// The cycle counter as it was last seen, and all cycles until then.
static SEEN: Mutex<Cell<(u32, u64)>> = Mutex::new(Cell::new((0, 0)));

/// What was counted while the core waited.
static IDLE: Mutex<Cell<u64>> = Mutex::new(Cell::new(0));

/// The cycle counter. It wraps after a hundred million instructions.
#[must_use]
#[inline(always)]
pub fn cycles() -> u32 {
    let cycles: u32;
    // SAFETY: reads a register.
    unsafe { asm!("rsr {}, ccount", out(reg) cycles, options(nomem, nostack)) };
    cycles
}

/// The instructions that so many cycles are.
#[must_use]
pub fn instructions_in(cycles: u64) -> u64 {
    let cycles_of_25 = u64::from(machine::cycles_of_25());
    (25 * cycles + cycles_of_25 / 2) / cycles_of_25
}

/// A reading to count a few instructions by.
#[must_use]
#[inline(always)]
pub fn mark() -> u32 {
    cycles()
}

/// The instructions between two marks, which are not a hundred million apart.
#[must_use]
pub fn between(from: u32, to: u32) -> u32 {
    instructions_in(u64::from(to.wrapping_sub(from))) as u32 - 1
}

/// The instructions retired, in the low half of their number.
#[must_use]
pub fn instructions() -> u32 {
    instructions_u64() as u32
}

/// All instructions retired. Looks at the counter, which must not wrap twice between two looks: the
/// timer's interrupt looks too.
#[must_use]
pub fn instructions_u64() -> u64 {
    let cycles = critical_section::with(|cs| {
        let seen = SEEN.borrow(cs);
        let (last, sum) = seen.get();
        let now = cycles();
        let sum = sum + u64::from(now.wrapping_sub(last));
        seen.set((now, sum));
        sum
    });
    instructions_in(cycles)
}

/// All of them without what passed in [`idle`].
#[must_use]
pub fn busy_u64() -> u64 {
    critical_section::with(|cs| instructions_u64().wrapping_sub(IDLE.borrow(cs).get()))
}

/// Waits until an interrupt is pending; inside of a critical section it comes after this.
pub fn idle() {
    let before = instructions_u64();
    loop {
        let (pending, enabled): (u32, u32);
        // SAFETY: reads registers. Not the instruction that waits: it would let interrupts through.
        unsafe {
            asm!("rsr {}, interrupt", "rsr {}, intenable", out(reg) pending, out(reg) enabled,
                options(nomem, nostack));
        }
        if pending & enabled != 0 {
            break;
        }
    }
    let passed = instructions_u64().wrapping_sub(before);
    critical_section::with(|cs| {
        let idle = IDLE.borrow(cs);
        idle.set(idle.get().wrapping_add(passed));
    });
}
