//! The segments of an image.

use crate::wire;

/// What a segment is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[repr(u8)]
pub enum SegmentKind {
    /// Instructions: written by whole words, then made visible to the instruction bus.
    Code = 1,
    /// Constants and data with their first values.
    Data = 2,
    /// Memory that is zero at first; nothing of it is stored.
    Zero = 3,
}

impl SegmentKind {
    /// The one with this code.
    #[must_use]
    pub const fn from_code(code: u8) -> Option<Self> {
        match code {
            1 => Some(Self::Code),
            2 => Some(Self::Data),
            3 => Some(Self::Zero),
            _ => None,
        }
    }

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Code => "code",
            Self::Data => "data",
            Self::Zero => "zero",
        }
    }
}

/// How the contents of a segment are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[repr(u8)]
pub enum Encoding {
    /// As they are in memory, padded with zeros to 16 bytes.
    Plain = 0,
    /// As blocks: each with its relocations, and compressed where that is shorter.
    Blocks = 1,
}

/// One entry of the segment table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// What it is.
    pub kind: SegmentKind,
    /// How it is stored.
    pub encoding: Encoding,
    /// Where it was linked to be, a multiple of 4.
    pub addr: u32,
    /// How long it is in memory, a multiple of 4.
    pub memory_bytes: u32,
    /// Where it is stored, in bytes from the start of the image, a multiple of 16.
    pub offset: u32,
    /// How long it is stored, a multiple of 16.
    pub stored_bytes: u32,
    /// The checksum of what is stored.
    pub checksum: u32,
}

impl Segment {
    /// The bytes of the entry.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; wire::SEGMENT_BYTES] {
        let mut bytes = [0; wire::SEGMENT_BYTES];
        bytes[0] = self.kind as u8;
        bytes[1] = self.encoding as u8;
        let words = [self.addr, self.memory_bytes, self.offset, self.stored_bytes, self.checksum];
        for (place, word) in bytes[4..].as_chunks_mut::<4>().0.iter_mut().zip(words) {
            *place = word.to_le_bytes();
        }
        bytes
    }
}
