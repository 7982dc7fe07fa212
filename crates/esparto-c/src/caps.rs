//! Capabilities, as C sees them.

use esparto::Caps;

use crate::Status;

/// On the chip: no bus, no cache in between.
pub const ESPARTO_INTERNAL: u16 = 1 << 0;
/// Behind a serial bus and a cache (PSRAM).
pub const ESPARTO_EXTERNAL: u16 = 1 << 1;
/// Within reach of the DMA controllers.
pub const ESPARTO_DMA: u16 = 1 << 2;
/// The core can fetch instructions from it.
pub const ESPARTO_EXEC: u16 = 1 << 3;
/// Loads and stores of 8 and 16 bits work.
pub const ESPARTO_BYTE: u16 = 1 << 4;
/// Aligned loads and stores of 32 bits work.
pub const ESPARTO_WORD: u16 = 1 << 5;
/// Read-modify-write atomics work.
pub const ESPARTO_ATOMIC: u16 = 1 << 6;
/// Reachable from an interrupt handler at any time, the flash cache being off included.
pub const ESPARTO_ISR_SAFE: u16 = 1 << 7;
/// Kept powered in deep sleep.
pub const ESPARTO_RTC: u16 = 1 << 8;

const _: () = {
    assert!(ESPARTO_INTERNAL == Caps::INTERNAL.bits() && ESPARTO_EXTERNAL == Caps::EXTERNAL.bits());
    assert!(ESPARTO_DMA == Caps::DMA.bits() && ESPARTO_EXEC == Caps::EXEC.bits());
    assert!(ESPARTO_BYTE == Caps::BYTE.bits() && ESPARTO_WORD == Caps::WORD.bits());
    assert!(ESPARTO_ATOMIC == Caps::ATOMIC.bits() && ESPARTO_RTC == Caps::RTC.bits());
    assert!(ESPARTO_ISR_SAFE == Caps::ISR_SAFE.bits());
};

/// Bits that have no meaning are refused: a request for them could never be granted.
pub(crate) fn caps(bits: u16) -> Result<Caps, Status> {
    Caps::from_bits(bits).ok_or(Status::BadCaps)
}
