//! Instructions retired.

/// The low half of `minstret`. Under `-icount shift=0` a difference of two readings is exact:
/// one more than the number of instructions between them.
#[must_use]
#[inline(always)]
pub fn instructions() -> u32 {
    riscv::register::minstret::read() as u32
}

/// All of `minstret`.
#[must_use]
pub fn instructions_u64() -> u64 {
    riscv::register::minstret::read64()
}
