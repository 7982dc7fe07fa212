//! What a stretch of memory can do.

use core::fmt;

bitflags::bitflags! {
    /// What a stretch of memory can do, and what a request asks of it.
    ///
    /// A region *has* capabilities; a request *requires* some and *prefers* others
    /// ([`Policy`](crate::Policy)). The bits are part of the trace format and never renumbered.
    #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
    pub struct Caps: u16 {
        /// On the chip: no bus, no cache in between.
        const INTERNAL = 1 << 0;
        /// Behind a serial bus and a cache (PSRAM).
        const EXTERNAL = 1 << 1;
        /// Within reach of the DMA controllers.
        const DMA = 1 << 2;
        /// The core can fetch instructions from it (at this address or at its alias).
        const EXEC = 1 << 3;
        /// Loads and stores of 8 and 16 bits work.
        const BYTE = 1 << 4;
        /// Aligned loads and stores of 32 bits work. Memory with `WORD` and without `BYTE` is
        /// *word-only* and managed out of band ([`WordHeap`](crate::WordHeap)).
        const WORD = 1 << 5;
        /// Read-modify-write atomics work, in hardware or as the target emulates them. PSRAM of
        /// ESP32, S2 and S3 lacks this: an `Arc` there is undefined behaviour.
        const ATOMIC = 1 << 6;
        /// Reachable from an interrupt handler at any time, the flash cache being off included.
        const ISR_SAFE = 1 << 7;
        /// Kept powered in deep sleep (RTC or LP memory).
        const RTC = 1 << 8;
    }
}

impl Caps {
    /// Is this word-only memory, which nothing but 32-bit accesses may touch?
    #[must_use]
    pub const fn is_word_only(self) -> bool {
        self.contains(Self::WORD) && !self.contains(Self::BYTE)
    }
}

/// Writes the names joined by `|`, or `none`.
impl fmt::Display for Caps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("none");
        }
        bitflags::parser::to_writer(self, f)
    }
}

impl fmt::Debug for Caps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
