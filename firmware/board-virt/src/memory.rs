//! The memory map: what is taken before `main`, and what is Esparto's.

use core::ops::Range;

use esparto::{Caps, Region};

// From the linker script. Only the addresses of these mean anything.
unsafe extern "C" {
    static __stext: u8;
    static __etext: u8;
    static __srodata: u8;
    static __erodata: u8;
    static __sdata: u8;
    static __edata: u8;
    static __euninit: u8;
    static _build_id_start: u8;
    static _build_id_end: u8;
}

/// A stretch of memory for Esparto.
struct Piece {
    name: &'static str,
    addrs: Range<usize>,
    caps: Caps,
}

// From the build script: NAME, FLASH_BYTES, SRAM_END_ADDR, BOOT_STACK_BYTES, SRAM, OTHERS.
include!(concat!(env!("OUT_DIR"), "/regions.rs"));

/// How many regions there are.
pub const REGION_COUNT: usize = 1 + OTHERS.len();

/// The chip whose memory this is, or `virt`.
#[must_use]
pub fn chip() -> &'static str {
    NAME
}

/// The address of a linker symbol.
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
    /// All of the SRAM from the first static on.
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
        flash_size_bytes: FLASH_BYTES,
        code_bytes: symbol!(__etext) - symbol!(__stext),
        constants_bytes: symbol!(__erodata) - symbol!(__srodata)
            + (symbol!(__edata) - symbol!(__sdata)),
        sram_size_bytes: SRAM_END_ADDR - symbol!(__sdata),
        statics_bytes: heap.start - symbol!(__sdata),
        boot_stack_bytes: BOOT_STACK_BYTES,
        sram_heap_bytes: heap.len(),
    }
}

/// The regions that are Esparto's: the rest of the SRAM first, then every other memory.
#[must_use]
pub fn regions() -> [Region; REGION_COUNT] {
    core::array::from_fn(|index| match index.checked_sub(1) {
        None => region(&SRAM, sram_heap_addrs()),
        Some(index) => region(&OTHERS[index], OTHERS[index].addrs.clone()),
    })
}

fn region(piece: &Piece, addrs: Range<usize>) -> Region {
    // There is no memory at address 0, so the description always exists.
    Region::at(piece.name, addrs.start, addrs.len(), piece.caps)
        .expect("no region starts at 0")
        .trimmed()
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
    SRAM_END_ADDR - BOOT_STACK_BYTES..SRAM_END_ADDR
}

fn sram_heap_addrs() -> Range<usize> {
    symbol!(__euninit).next_multiple_of(Region::ALIGN_BYTES)..boot_stack_addrs().start
}
