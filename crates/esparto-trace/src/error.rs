//! What can be wrong with a trace.

use core::fmt;

/// What is wrong with a trace. Offsets count bytes from its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DecodeError {
    /// The magic is missing.
    NotATrace {
        /// The first bytes.
        actual: [u8; 8],
    },
    /// Written by another version.
    UnsupportedVersion {
        /// The trace's version.
        actual: u16,
        /// The version this decoder reads.
        expected: u16,
    },
    /// The trace stops in the middle of its header or of a block.
    Truncated {
        /// Where the cut header or block begins.
        offset: u64,
        /// Its length.
        expected_bytes: usize,
        /// What is there of it.
        actual_bytes: usize,
    },
    /// The trace stops between two blocks, without its end record.
    Unfinished {
        /// Where it stops.
        offset: u64,
    },
    /// Something follows the end record.
    TrailingBytes {
        /// Where it begins.
        offset: u64,
    },
    /// The header is damaged.
    HeaderChecksum {
        /// The checksum in the trace.
        expected: u32,
        /// The checksum of what was read.
        actual: u32,
    },
    /// No block begins where one must.
    NotABlock {
        /// Where.
        offset: u64,
        /// What is there.
        actual: [u8; 4],
    },
    /// The header of a block is damaged.
    BlockHeaderChecksum {
        /// Where the block begins.
        offset: u64,
        /// The checksum in the trace.
        expected: u16,
        /// The checksum of what was read.
        actual: u16,
    },
    /// The payload of a block is damaged.
    BlockChecksum {
        /// Where the block begins.
        offset: u64,
        /// The checksum in the trace.
        expected: u32,
        /// The checksum of what was read.
        actual: u32,
    },
    /// Blocks are missing or out of order.
    BlockSequence {
        /// Where the block begins.
        offset: u64,
        /// The number that comes next.
        expected: u32,
        /// The number of this block.
        actual: u32,
    },
    /// A record runs past the end of its block.
    RecordCut {
        /// Where the block ends.
        offset: u64,
    },
    /// A number has more bits than its type.
    Varint {
        /// Just after the byte at fault.
        offset: u64,
    },
    /// No record has this tag.
    UnknownKind {
        /// Just after the tag.
        offset: u64,
        /// The tag.
        actual: u8,
    },
    /// An event lies in a region that was never defined.
    UnknownRegion {
        /// Just after the number.
        offset: u64,
        /// The number of the region; 256 when the block named none.
        actual: u16,
    },
    /// A field has a value that it cannot have.
    OutOfRange {
        /// Just after the field.
        offset: u64,
        /// Which field.
        field: &'static str,
        /// Its value.
        actual: u64,
        /// The largest it may have (the smallest, for lengths and times that run backwards).
        limit: u64,
    },
    /// A name is not UTF-8.
    NotText {
        /// Just after the name.
        offset: u64,
    },
}

const MEND: &str = "record it again, or read it leniently to keep the rest";

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::NotATrace { actual } => write!(
                f,
                "not an Esparto trace: it begins with {actual:02x?}, expected {:02x?}",
                crate::MAGIC
            ),
            Self::UnsupportedVersion { actual, expected } => write!(
                f,
                "trace has format version {actual}, expected {expected}: use the tool of the release that wrote it"
            ),
            Self::Truncated { offset, expected_bytes, actual_bytes } => write!(
                f,
                "trace stops after {actual_bytes} of the {expected_bytes} bytes that begin at offset {offset}: {MEND}"
            ),
            Self::Unfinished { offset } => write!(
                f,
                "trace stops at offset {offset} without its end record: finish the encoder, or read it leniently"
            ),
            Self::TrailingBytes { offset } => {
                write!(f, "bytes follow the end record at offset {offset}: cut them off")
            }
            Self::HeaderChecksum { expected, actual } => write!(
                f,
                "header of the trace is damaged: checksum {actual:#010x}, expected {expected:#010x}: record it again"
            ),
            Self::NotABlock { offset, actual } => write!(
                f,
                "no block at offset {offset}: found {actual:02x?}, expected {:02x?}: {MEND}",
                crate::SYNC
            ),
            Self::BlockHeaderChecksum { offset, expected, actual } => write!(
                f,
                "header of the block at offset {offset} is damaged: checksum {actual:#06x}, expected {expected:#06x}: {MEND}"
            ),
            Self::BlockChecksum { offset, expected, actual } => write!(
                f,
                "block at offset {offset} is damaged: checksum {actual:#010x}, expected {expected:#010x}: {MEND}"
            ),
            Self::BlockSequence { offset, expected, actual } => write!(
                f,
                "block at offset {offset} has number {actual}, expected {expected}: blocks were lost on the way; {MEND}"
            ),
            Self::RecordCut { offset } => {
                write!(f, "record runs past the end of its block at offset {offset}: {MEND}")
            }
            Self::Varint { offset } => {
                write!(f, "number before offset {offset} has too many bits: {MEND}")
            }
            Self::UnknownKind { offset, actual } => {
                write!(f, "no record has the tag {actual:#04x} before offset {offset}: {MEND}")
            }
            Self::UnknownRegion { offset, actual } => write!(
                f,
                "region {actual} before offset {offset} was never defined: define regions before their first event"
            ),
            Self::OutOfRange { offset, field, actual, limit } => write!(
                f,
                "{field} before offset {offset} is {actual}, beyond its limit {limit}: {MEND}"
            ),
            Self::NotText { offset } => {
                write!(f, "name before offset {offset} is not UTF-8: {MEND}")
            }
        }
    }
}

impl core::error::Error for DecodeError {}

/// Why a record could not be read: the trace is at fault, or where it comes from is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadError<E> {
    /// The source failed.
    Source(E),
    /// The trace is at fault.
    Decode(DecodeError),
}

impl<E> From<DecodeError> for ReadError<E> {
    fn from(error: DecodeError) -> Self {
        Self::Decode(error)
    }
}

impl<E: fmt::Display> fmt::Display for ReadError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Source(error) => write!(f, "cannot read the trace: {error}"),
            Self::Decode(error) => error.fmt(f),
        }
    }
}

impl<E: core::error::Error> core::error::Error for ReadError<E> {}
