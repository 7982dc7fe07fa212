//! Why an overlay was not loaded, called or unloaded.

use core::fmt;

use esparto_image::{ImageError, Part};

use crate::StoreError;

/// Why an overlay was not loaded, called or unloaded.
///
/// Whatever it is, no slot holds half an overlay: the one that was to be written is empty or as it
/// was, and everything else is as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LoadError {
    /// Called from an interrupt handler.
    InInterrupt,
    /// There is no overlay of this number.
    UnknownOverlay {
        /// The number.
        actual: usize,
        /// How many there are.
        count: usize,
    },
    /// There is no overlay of this name.
    UnknownName,
    /// The firmware's tables are of another release, or were not made by the packer.
    BadTables {
        /// Their version.
        actual: u32,
        /// The version that this code reads.
        expected: u32,
    },
    /// The firmware has more slots or overlays than the loader has places for.
    TooManyForLoader {
        /// How many the firmware has.
        actual: usize,
        /// How many the loader's type has places for.
        limit: usize,
    },
    /// A file could not be opened.
    Open {
        /// Which of the pair.
        part: Part,
        /// Why.
        cause: StoreError,
    },
    /// A read failed.
    Read {
        /// Of which file.
        part: Part,
        /// At which offset.
        offset: u32,
        /// Why.
        cause: StoreError,
    },
    /// A read gave fewer bytes than the file's length promises.
    ShortRead {
        /// Of which file.
        part: Part,
        /// At which offset.
        offset: u32,
        /// How many bytes were to come.
        expected_bytes: u32,
        /// How many came.
        actual_bytes: u32,
    },
    /// A file is damaged or is no image.
    Image {
        /// Which file.
        part: Part,
        /// What is wrong with it.
        cause: ImageError,
    },
    /// Code where data was to be, or the other way round.
    WrongPart {
        /// What the file should be.
        expected: Part,
    },
    /// The file is that of another overlay.
    WrongOverlay {
        /// The overlay's number by the file.
        actual: u16,
        /// By the firmware.
        expected: u16,
    },
    /// The file was packed for another build of the firmware.
    WrongBuild {
        /// The first bytes of its build id.
        actual: u32,
        /// Of the firmware's.
        expected: u32,
    },
    /// The file was packed for another chip.
    WrongChip {
        /// The first bytes of the chip's name in the file, by words.
        actual: [u32; 2],
        /// In the firmware.
        expected: [u32; 2],
    },
    /// The code is for another core.
    WrongIsa {
        /// The code of its instruction set.
        actual: u8,
        /// Of the firmware's.
        expected: u8,
    },
    /// The code calls in another way.
    WrongAbi {
        /// The code of its calling convention.
        actual: u8,
        /// Of the firmware's.
        expected: u8,
    },
    /// The code was linked for another slot.
    WrongSlot {
        /// The slot in the file.
        actual: u16,
        /// The slot in the firmware.
        expected: u16,
    },
    /// Code or data has another place or length in the file than in the firmware.
    WrongPlace {
        /// Which of the two.
        part: Part,
        /// The address in the file.
        actual_addr: u32,
        /// In the firmware.
        expected_addr: u32,
    },
    /// The two files do not belong together, or the code is not that of the data in memory.
    StalePair {
        /// What marks the pair, in the file read.
        actual: u32,
        /// In the other one.
        expected: u32,
    },
    /// The code is longer than its slot, or than every slot.
    TooLarge {
        /// How long the code is.
        needed_bytes: u32,
        /// How long the longest slot for it is.
        slot_bytes: u32,
    },
    /// The data would lie on that of an overlay that is alive.
    DataInUse {
        /// The other one.
        by: u16,
    },
    /// Every slot for it is pinned, or executed elsewhere.
    AllPinned {
        /// A slot that is, the only one for prelinked code.
        slot: u16,
        /// By how many pins.
        pin_count: u16,
    },
    /// The caller will return to what is in the slot. [`Overlays::call`](crate::Overlays::call)
    /// finds it back; a load that stays cannot.
    InUse {
        /// The slot.
        slot: u16,
    },
    /// An overlay needs itself, by way of others.
    CircularDependency {
        /// The overlay that needs one which waits for it.
        overlay: u16,
        /// The one that it needs.
        needs: u16,
    },
    /// Overlays need one another in too long a chain.
    TooDeep {
        /// How long a chain may be.
        limit: usize,
    },
    /// The overlay was unloaded; only [`Overlays::load`](crate::Overlays::load) brings it back.
    Unloaded {
        /// The overlay.
        overlay: u16,
    },
    /// The overlay is pinned and cannot be unloaded.
    Pinned {
        /// By how many pins.
        pin_count: u16,
    },
    /// The overlay has nothing of this name.
    NoSymbol,
    /// The bounce buffer cannot hold a block of this image.
    BounceTooSmall {
        /// The length of the block.
        needed_bytes: u32,
        /// The length of the buffer.
        actual_bytes: u32,
    },
    /// The signed manifest is not right, or does not vouch for a file.
    #[cfg(feature = "signed")]
    Manifest {
        /// What is wrong.
        cause: esparto_image::manifest::ManifestError,
    },
    /// The signed manifest cannot be read.
    #[cfg(feature = "signed")]
    ManifestFile {
        /// At which offset.
        offset: u32,
        /// Why.
        cause: StoreError,
    },
    /// An overlay was loaded before trust was asked for.
    #[cfg(feature = "signed")]
    AlreadyLoaded {
        /// The overlay.
        overlay: u16,
    },
    /// Too many calls wait to return to overlays that were evicted.
    TooManyReturns {
        /// How many may.
        limit: usize,
    },
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const REPACK: &str = "pack again and copy the files to the storage";
        match *self {
            Self::InInterrupt => {
                f.write_str("called from an interrupt handler: pin the overlay beforehand")
            }
            Self::UnknownOverlay { actual, count } => {
                write!(f, "overlay {actual} of {count}: numbers count from 0")
            }
            Self::UnknownName => f.write_str("no overlay of this name: see esparto.toml"),
            Self::BadTables { actual, expected } => write!(
                f,
                "the firmware's tables have version {actual}, expected {expected}: link again with the tool of this release"
            ),
            Self::TooManyForLoader { actual, limit } => write!(
                f,
                "the firmware has {actual} slots or overlays, the loader places for {limit}: raise its numbers"
            ),
            Self::Open { part, cause } => write!(f, "cannot open the {part} file: {cause}"),
            Self::Read { part, offset, cause } => {
                write!(f, "cannot read the {part} file at byte {offset}: {cause}")
            }
            Self::ShortRead { part, offset, expected_bytes, actual_bytes } => write!(
                f,
                "the {part} file gave {actual_bytes} bytes at byte {offset}, expected {expected_bytes}: {REPACK}"
            ),
            Self::Image { part, cause } => write!(f, "the {part} file: {cause}"),
            Self::WrongPart { expected } => {
                write!(f, "the {expected} file holds the other part: {REPACK}")
            }
            Self::WrongOverlay { actual, expected } => {
                write!(f, "the file is of overlay {actual}, expected {expected}: {REPACK}")
            }
            Self::WrongBuild { actual, expected } => write!(
                f,
                "the file is for build {:08x}…, the firmware is {:08x}…: flash and copy files of one build",
                actual.swap_bytes(),
                expected.swap_bytes()
            ),
            Self::WrongChip { actual, expected } => write!(
                f,
                "the file is for chip {}, the firmware for {}: {REPACK}",
                Chip(actual),
                Chip(expected)
            ),
            Self::WrongIsa { actual, expected } => {
                write!(f, "the code is for instruction set {actual}, expected {expected}: {REPACK}")
            }
            Self::WrongAbi { actual, expected } => {
                write!(f, "the code has calling convention {actual}, expected {expected}: {REPACK}")
            }
            Self::WrongSlot { actual, expected } => {
                write!(f, "the code is for slot {actual}, expected {expected}: {REPACK}")
            }
            Self::WrongPlace { part, actual_addr, expected_addr } => write!(
                f,
                "part {part} is for {actual_addr:#010x}, expected {expected_addr:#010x}: {REPACK}"
            ),
            Self::StalePair { actual, expected } => write!(
                f,
                "code and data are of two packings ({actual:08x}, expected {expected:08x}): copy both files"
            ),
            Self::TooLarge { needed_bytes, slot_bytes } => write!(
                f,
                "the code has {needed_bytes} bytes, the slot {slot_bytes}: enlarge it in esparto.toml"
            ),
            Self::DataInUse { by } => {
                write!(f, "its data would lie on that of overlay {by}: unload that one first")
            }
            Self::AllPinned { slot, pin_count } => {
                write!(f, "slot {slot} is held by {pin_count} pins: drop them first")
            }
            Self::InUse { slot } => {
                write!(f, "the caller returns to slot {slot}: use `call`, which finds it back")
            }
            Self::CircularDependency { overlay, needs } => write!(
                f,
                "overlay {overlay} needs {needs}, which waits for it: take one dependency out of esparto.toml"
            ),
            Self::TooDeep { limit } => {
                write!(f, "overlays need one another in a chain of more than {limit}")
            }
            Self::Unloaded { overlay } => {
                write!(f, "overlay {overlay} was unloaded: load it before it is called")
            }
            Self::Pinned { pin_count } => {
                write!(f, "the overlay is held by {pin_count} pins: drop them first")
            }
            Self::NoSymbol => f.write_str("the overlay exports nothing of this name"),
            Self::BounceTooSmall { needed_bytes, actual_bytes } => write!(
                f,
                "the bounce buffer has {actual_bytes} bytes, this image needs {needed_bytes}"
            ),
            #[cfg(feature = "signed")]
            Self::Manifest { cause } => write!(f, "not trusted: {cause}"),
            #[cfg(feature = "signed")]
            Self::ManifestFile { offset, cause } => {
                write!(f, "cannot read the manifest at byte {offset}: {cause}")
            }
            #[cfg(feature = "signed")]
            Self::AlreadyLoaded { overlay } => {
                write!(f, "overlay {overlay} was loaded unverified: ask for trust before")
            }
            Self::TooManyReturns { limit } => {
                write!(f, "{limit} calls wait to return to evicted overlays: nest fewer, or pin")
            }
        }
    }
}

impl core::error::Error for LoadError {}

/// A chip's name, cut, for people.
struct Chip([u32; 2]);

impl fmt::Display for Chip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.0.map(u32::to_le_bytes);
        let bytes = bytes.as_flattened();
        let len = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
        f.write_str(core::str::from_utf8(&bytes[..len]).unwrap_or("?"))
    }
}
