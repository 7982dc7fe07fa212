//! The combinations of capabilities that the maps use.
//!
//! `ATOMIC` is claimed for memory where it is established, and for any memory on a single core
//! that emulates atomics by keeping interrupts off: there it does not depend on the memory.

use esparto::Caps;

/// SRAM that both buses reach, here as data sees it.
pub(super) const SRAM: Caps = DATA_SRAM.union(Caps::EXEC);

/// SRAM that only the data bus reaches.
pub(super) const DATA_SRAM: Caps = Caps::INTERNAL
    .union(Caps::DMA)
    .union(Caps::BYTE)
    .union(Caps::WORD)
    .union(Caps::ATOMIC)
    .union(Caps::ISR_SAFE);

/// Memory on the chip as the instruction bus sees it: words only, and no claim to atomics.
pub(super) const INSTRUCTION: Caps =
    Caps::INTERNAL.union(Caps::EXEC).union(Caps::WORD).union(Caps::ISR_SAFE);

/// Memory that deep sleep keeps, without a claim to atomics.
pub(super) const RTC: Caps =
    Caps::INTERNAL.union(Caps::BYTE).union(Caps::WORD).union(Caps::RTC).union(Caps::ISR_SAFE);

/// PSRAM as data sees it, without a claim to atomics or DMA.
pub(super) const PSRAM: Caps = Caps::EXTERNAL.union(Caps::BYTE).union(Caps::WORD);

/// PSRAM as the instruction bus sees it.
pub(super) const PSRAM_INSTRUCTION: Caps = Caps::EXTERNAL.union(Caps::EXEC).union(Caps::WORD);
