//! The memory map: what is Esparto's.

use core::ops::Range;

use esparto::{Caps, Region};

// From the linker script. Only the addresses of these mean anything.
unsafe extern "C" {
    static __statics_end: u8;
    static __boot_stack_len: u8;
    static __sram_end: u8;
    static __rtc_start: u8;
    static __rtc_len: u8;
    static __psram_start: u8;
    static __psram_len: u8;
}

/// The address of a linker symbol.
macro_rules! symbol {
    ($name:ident) => {
        (&raw const $name).addr()
    };
}

/// How many regions there are.
pub const REGION_COUNT: usize = 3;

/// The core whose memory this is.
#[must_use]
pub fn chip() -> &'static str {
    crate::machine::NAME
}

/// The regions that are Esparto's: the rest of the SRAM first, then every other memory.
#[must_use]
pub fn regions() -> [Region; REGION_COUNT] {
    let internal = Caps::INTERNAL | Caps::BYTE | Caps::WORD | Caps::ATOMIC | Caps::ISR_SAFE;
    let external = Caps::EXTERNAL | Caps::BYTE | Caps::WORD;
    let sram_addr = symbol!(__statics_end);
    let sram_len_bytes = boot_stack_addrs().start - sram_addr;
    [
        ("sram", sram_addr, sram_len_bytes, internal | Caps::DMA),
        ("psram", symbol!(__psram_start), symbol!(__psram_len), external),
        ("rtc", symbol!(__rtc_start), symbol!(__rtc_len), internal | Caps::RTC),
    ]
    .map(|(name, start_addr, len_bytes, caps)| {
        // There is no memory at address 0, so the description always exists.
        Region::at(name, start_addr, len_bytes, caps).expect("no region starts at 0").trimmed()
    })
}

/// The stack that `main` starts on.
pub(crate) fn boot_stack_addrs() -> Range<usize> {
    let end_addr = symbol!(__sram_end);
    end_addr - symbol!(__boot_stack_len)..end_addr
}
