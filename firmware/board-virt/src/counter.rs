//! Instructions retired.

use core::cell::Cell;

use critical_section::Mutex;

/// What the counter counted while the hart waited: the emulator's time goes on then, and QEMU counts
/// it as instructions.
static IDLE: Mutex<Cell<u64>> = Mutex::new(Cell::new(0));

/// The low half of `minstret`. Under `-icount shift=0` a difference of two readings is exact:
/// one more than the number of instructions between them.
#[must_use]
#[inline(always)]
pub fn instructions() -> u32 {
    riscv::register::minstret::read() as u32
}

/// A reading to count a few instructions by.
#[must_use]
#[inline(always)]
pub fn mark() -> u32 {
    instructions()
}

/// The instructions between two marks.
#[must_use]
#[inline(always)]
pub fn between(from: u32, to: u32) -> u32 {
    to.wrapping_sub(from) - 1
}

/// All of `minstret`.
#[must_use]
pub fn instructions_u64() -> u64 {
    riscv::register::minstret::read64()
}

/// The low half of the instructions retired, without what passed in [`idle`].
#[must_use]
#[inline(always)]
pub fn busy() -> u32 {
    let idle = critical_section::with(|cs| IDLE.borrow(cs).get());
    instructions().wrapping_sub(idle as u32)
}

/// All of them.
#[must_use]
pub fn busy_u64() -> u64 {
    critical_section::with(|cs| instructions_u64().wrapping_sub(IDLE.borrow(cs).get()))
}

/// Waits for an interrupt; only inside of a critical section does it come after this.
pub fn idle() {
    let before = instructions_u64();
    riscv::asm::wfi();
    let passed = instructions_u64().wrapping_sub(before);
    critical_section::with(|cs| {
        let idle = IDLE.borrow(cs);
        idle.set(idle.get().wrapping_add(passed));
    });
}
