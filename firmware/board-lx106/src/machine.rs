//! The core, and how fast it counts.

/// The core whose memory this is.
pub(crate) const NAME: &str = "lx106";

/// Cycles that 25 instructions take at 40 MHz.
pub(crate) const fn cycles_of_25() -> u32 {
    1024
}
