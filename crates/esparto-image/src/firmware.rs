//! What the packer leaves in the firmware for the loader: its identity and its tables.
//!
//! All of it is resident and laid out as `repr(C)` with 32-bit addresses, so that the loader reads
//! it in place. `docs/overlays.md` names the symbols.

use crate::wire::BUILD_ID_BYTES;

/// The first word of [`Firmware`]: `ESPO`.
pub const FIRMWARE_MAGIC: u32 = u32::from_le_bytes(*b"ESPO");
/// The version of these tables.
pub const FIRMWARE_VERSION: u16 = 1;
/// The symbol of the [`Firmware`].
pub const FIRMWARE_SYMBOL: &str = "__esparto_firmware";
/// The symbol of the loader's entry for a call of what is not loaded.
pub const MISS_SYMBOL: &str = "__esparto_overlay_miss";
/// What stands before the number of the overlay and the name in the symbol of the real function:
/// `__ov3_name`.
pub const REAL_PREFIX: &str = "__ov";
/// What stands before the name in the symbol of a function's record.
pub const RECORD_PREFIX: &str = "__esparto_record_";

/// The firmware's identity and where its tables are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Firmware {
    /// [`FIRMWARE_MAGIC`].
    pub magic: u32,
    /// [`FIRMWARE_VERSION`].
    pub version: u16,
    /// The code of its [`Isa`](crate::Isa).
    pub isa: u8,
    /// The code of its [`Abi`](crate::Abi).
    pub abi: u8,
    /// The chip, padded with zeros.
    pub chip: [u32; 5],
    /// The SHA-256 of the stripped ELF file with zeros in this place; stamped by the packer.
    pub build_id: [u32; BUILD_ID_BYTES / 4],
    /// How many [`OverlayEntry`]s there are.
    pub overlay_count: u16,
    /// How many [`SlotEntry`]s there are.
    pub slot_count: u16,
    /// The address of the [`OverlayEntry`]s.
    pub overlays_addr: u32,
    /// The address of the [`SlotEntry`]s.
    pub slots_addr: u32,
    /// The address of the mapped bytes, one for each overlay: 0 not mapped, 1 mapped. In RAM.
    pub mapped_addr: u32,
    /// The address of gdb's `_ovly_table`, four words for each overlay, in RAM; 0 if there is none.
    pub gdb_table_addr: u32,
}

/// An overlay, as the firmware knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct OverlayEntry {
    /// The address of its name: ASCII, without a zero at the end.
    pub name_addr: u32,
    /// The length of its name.
    pub name_bytes: u16,
    /// The slot it was linked for.
    pub slot: u16,
    /// Where the code was linked to run.
    pub code_addr: u32,
    /// How much executable memory the code takes.
    pub code_bytes: u32,
    /// Where its data lives.
    pub data_addr: u32,
    /// How much memory the data takes, zeros included.
    pub data_bytes: u32,
    /// For relocatable code, the address of a word in RAM: 0 not mapped, else how far the code is
    /// from where it was linked, plus 1. For prelinked code 0.
    pub base_addr: u32,
    /// Zero.
    pub reserved: u32,
}

/// A slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct SlotEntry {
    /// Where it begins, as the instruction bus sees it.
    pub start_addr: u32,
    /// How long it is.
    pub len_bytes: u32,
}

/// What a stub hands to the loader: which function of which overlay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct FunctionRecord {
    /// The address the function was linked at.
    pub target_addr: u32,
    /// The number of its overlay.
    pub overlay: u16,
    /// Zero.
    pub reserved: u16,
}

const _: () = assert!(size_of::<Firmware>() == 80);
const _: () = assert!(size_of::<OverlayEntry>() == 32);
const _: () = assert!(size_of::<SlotEntry>() == 8);
const _: () = assert!(size_of::<FunctionRecord>() == 8);
