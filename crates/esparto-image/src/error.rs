//! What can be wrong with an image.

use core::fmt;

use crate::Field;

/// What is wrong with an image. Offsets count bytes from its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ImageError {
    /// The magic is missing.
    NotAnImage {
        /// The first bytes, by words.
        actual: [u32; 2],
    },
    /// Written by another version.
    UnsupportedVersion {
        /// The image's version.
        actual: u16,
        /// The version this code reads.
        expected: u16,
    },
    /// The image stops too early.
    Truncated {
        /// How long it must be at least.
        expected_bytes: u32,
        /// How long it is.
        actual_bytes: u32,
    },
    /// Something follows the last segment.
    TrailingBytes {
        /// Where the image ends by its header.
        offset: u32,
        /// How long the file is.
        actual_bytes: u32,
    },
    /// What stands at `offset` was damaged after it was written.
    Checksum {
        /// Where the damaged part begins.
        offset: u32,
        /// The checksum in the image.
        expected: u32,
        /// The checksum of what was read.
        actual: u32,
    },
    /// A field has a value that it cannot have.
    Field {
        /// Where the field is.
        offset: u32,
        /// Which field.
        field: Field,
        /// Its value.
        actual: u32,
        /// A value it could have: the bound that it passes, or the one value allowed.
        expected: u32,
    },
    /// A name holds what a name cannot.
    BadName {
        /// Where the name is.
        offset: u32,
    },
    /// A block does not decompress to its length.
    Compression {
        /// Where the block begins.
        offset: u32,
    },
    /// A block is compressed, and this build has no decompression.
    CompressionMissing {
        /// Where the block begins.
        offset: u32,
    },
    /// No relocation has this kind, or its place is outside its block.
    BadRelocation {
        /// Where the relocation is.
        offset: u32,
        /// Its four bytes.
        actual: u32,
    },
}

/// Something is wrong. What it is was written where the caller asked for it: on a device that is a
/// word to hand on, where the fault itself would be copied at every step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused;

impl ImageError {
    /// A fault of nothing yet, to be written over.
    pub const NONE: Self = Self::Truncated { expected_bytes: 0, actual_bytes: 0 };
}

/// Writes down what is wrong.
#[inline(always)]
pub(crate) fn refuse(place: &mut ImageError, error: ImageError) -> Result<(), Refused> {
    *place = error;
    Err(Refused)
}

const REWRITE: &str = "copy the image to the storage again";
const REPACK: &str = "pack the firmware again";

impl fmt::Display for ImageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::NotAnImage { actual } => write!(
                f,
                "not an overlay image: it begins with {:02x?}, expected {:02x?}: {REWRITE}",
                actual.map(u32::to_le_bytes).as_flattened(),
                crate::MAGIC
            ),
            Self::UnsupportedVersion { actual, expected } => write!(
                f,
                "image has format version {actual}, expected {expected}: {REPACK} with the tool of this release"
            ),
            Self::Truncated { expected_bytes, actual_bytes } => {
                write!(f, "image has {actual_bytes} bytes, expected {expected_bytes}: {REWRITE}")
            }
            Self::TrailingBytes { offset, actual_bytes } => {
                write!(f, "image ends at byte {offset}, but the file has {actual_bytes}: {REWRITE}")
            }
            Self::Checksum { offset, expected, actual } => write!(
                f,
                "image is damaged from byte {offset} on: checksum {actual:#010x}, expected {expected:#010x}: {REWRITE}"
            ),
            Self::Field { offset, field, actual, expected } => write!(
                f,
                "{field} at byte {offset} is {actual:#x}, expected {expected:#x}: {REPACK}"
            ),
            Self::BadName { offset } => {
                write!(f, "no name at byte {offset}: {REPACK}")
            }
            Self::Compression { offset } => {
                write!(f, "block at byte {offset} does not decompress to its length: {REPACK}")
            }
            Self::CompressionMissing { offset } => write!(
                f,
                "block at byte {offset} is compressed: build the loader with the feature `lz4`, or pack without compression"
            ),
            Self::BadRelocation { offset, actual } => {
                write!(f, "no relocation at byte {offset}: {actual:#010x}: {REPACK}")
            }
        }
    }
}

impl core::error::Error for ImageError {}
