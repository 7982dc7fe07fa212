//! Instructions retired.
//!
//! The core counts cycles. With `-icount shift=10` an instruction takes the emulator 1024 ns, which
//! are 40.96 cycles of the machine's 40 MHz: the number of instructions between two readings is
//! their distance by that, to the nearest, and exact.

use core::arch::{asm, global_asm};
use core::cell::Cell;

use critical_section::Mutex;

/// Cycles of 25 instructions.
const CYCLES_OF_25: u64 = 1024;

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
    (25 * cycles + CYCLES_OF_25 / 2) / CYCLES_OF_25
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

// `timed_call(pool, block, operation)` calls `operation(pool, block)` between two readings; no
// compiler moves anything between them. It returns what that did, and the cycles of the call and of
// one instruction more.
global_asm!(
    ".section .text.timed_call, \"ax\"",
    ".global timed_call",
    "timed_call:",
    "addi a1, a1, -16",
    "s32i a0, a1, 12",
    "s32i a12, a1, 8",
    "rsr a12, ccount",
    "callx0 a4",
    "rsr a3, ccount",
    "sub a3, a3, a12",
    "l32i a12, a1, 8",
    "l32i a0, a1, 12",
    "addi a1, a1, 16",
    "ret",
);
