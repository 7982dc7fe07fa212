//! The memory map: what is taken before `main`, and what is Esparto's.

use core::ops::Range;

use esparto::{Caps, Region};

// From the linker script. Only the addresses of these mean anything.
unsafe extern "C" {
    static _flash_start: u8;
    static _flash_size: u8;
    static _sram_start: u8;
    static _sram_size: u8;
    static _rtc_start: u8;
    static _rtc_size: u8;
    static _psram_start: u8;
    static _psram_size: u8;
    static _boot_stack_size: u8;
    static __sdata: u8;
    static __edata: u8;
    static __etext: u8;
    static __euninit: u8;
    static _build_id_start: u8;
    static _build_id_end: u8;
    static __srodata: u8;
    static __erodata: u8;
}

/// The address of a linker symbol; for `…_size` it is the number itself.
macro_rules! symbol {
    ($name:ident) => {
        (&raw const $name).addr()
    };
}

/// What of the memory is taken before `main`. Every byte is in one field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Account {
    /// All of the flash.
    pub flash_size_bytes: usize,
    /// Code.
    pub code_bytes: usize,
    /// Constants, and the initial values of statics.
    pub constants_bytes: usize,
    /// All of the SRAM.
    pub sram_size_bytes: usize,
    /// Statics.
    pub statics_bytes: usize,
    /// The stack that `main` starts on.
    pub boot_stack_bytes: usize,
    /// What is left: Esparto's, but for what its ends lose to alignment.
    pub sram_heap_bytes: usize,
}

/// Counts what the linker placed.
#[must_use]
pub fn account() -> Account {
    let heap = sram_heap_addrs();
    Account {
        flash_size_bytes: symbol!(_flash_size),
        code_bytes: symbol!(__etext) - symbol!(_flash_start),
        constants_bytes: symbol!(__erodata) - symbol!(__srodata)
            + (symbol!(__edata) - symbol!(__sdata)),
        sram_size_bytes: symbol!(_sram_size),
        statics_bytes: heap.start - symbol!(_sram_start),
        boot_stack_bytes: symbol!(_boot_stack_size),
        sram_heap_bytes: heap.len(),
    }
}

/// The regions that are Esparto's: the rest of SRAM, RTC memory, PSRAM.
///
/// PSRAM has neither `ATOMIC` nor `ISR_SAFE` nor `DMA`, as on the chips that have it.
#[must_use]
pub fn regions() -> [Region; 3] {
    let internal = Caps::INTERNAL | Caps::BYTE | Caps::WORD | Caps::ATOMIC | Caps::ISR_SAFE;
    let heap = sram_heap_addrs();
    [
        region("sram", heap.start, heap.len(), internal | Caps::DMA),
        region("psram", symbol!(_psram_start), symbol!(_psram_size), EXTERNAL),
        region("rtc", symbol!(_rtc_start), symbol!(_rtc_size), internal | Caps::RTC),
    ]
}

const EXTERNAL: Caps = Caps::EXTERNAL.union(Caps::BYTE).union(Caps::WORD);

fn region(name: &'static str, start_addr: usize, len_bytes: usize, caps: Caps) -> Region {
    // The machine has no memory at address 0, so the description always exists.
    Region::at(name, start_addr, len_bytes, caps).expect("no region starts at 0").trimmed()
}

/// The identity of this build, as the linker wrote it into the ELF (`.note.gnu.build-id`).
#[must_use]
pub fn build_id() -> &'static [u8] {
    /// Lengths of name and identity and a type, then the name "GNU\0".
    const NOTE_HEADER_BYTES: usize = 16;
    let len_bytes = symbol!(_build_id_end) - symbol!(_build_id_start);
    // SAFETY: the linker put this many constant bytes there.
    let note = unsafe { core::slice::from_raw_parts(&raw const _build_id_start, len_bytes) };
    note.get(NOTE_HEADER_BYTES..).unwrap_or_default()
}

/// The stack that `main` starts on.
pub(crate) fn boot_stack_addrs() -> Range<usize> {
    let end = symbol!(_sram_start) + symbol!(_sram_size);
    end - symbol!(_boot_stack_size)..end
}

fn sram_heap_addrs() -> Range<usize> {
    symbol!(__euninit).next_multiple_of(Region::ALIGN_BYTES)..boot_stack_addrs().start
}
