//! The core, and how fast it counts.

use core::arch::asm;

/// The cores whose memory this is.
pub(crate) const NAME: &str = "windowed";

/// Cycles that 25 instructions take: the DE212, an LX6, counts at 40 MHz, and the other core that
/// runs this, an LX7, at 10.
pub(crate) fn cycles_of_25() -> u32 {
    const LX7: u32 = 0x2106_4D47;
    let id: u32;
    // SAFETY: reads the number that tells one make of a core from all others.
    unsafe { asm!("rsr {}, 208", out(reg) id, options(nomem, nostack, pure)) };
    if id == LX7 { 256 } else { 1024 }
}
