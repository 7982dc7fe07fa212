//! The segments of an image.

use crate::{Header, ImageError, Part, wire};

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
    /// Reads the entry at `offset` of `bytes` and holds it against the header.
    ///
    /// # Errors
    /// The first field that cannot be.
    pub(crate) fn parse(bytes: &[u8], offset: usize, header: &Header) -> Result<Self, ImageError> {
        let entry: [u8; wire::SEGMENT_BYTES] =
            wire::array(bytes, offset).ok_or(ImageError::Truncated {
                expected_bytes: (offset + wire::SEGMENT_BYTES) as u32,
                actual_bytes: bytes.len() as u32,
            })?;
        let word = |at: usize| {
            u32::from_le_bytes([entry[at], entry[at + 1], entry[at + 2], entry[at + 3]])
        };
        let fault = |at: usize, field, actual: u32, expected: u32| ImageError::Field {
            offset: (offset + at) as u32,
            field,
            actual,
            expected,
        };
        let kind = SegmentKind::from_code(entry[0])
            .ok_or_else(|| fault(0, "kind of a segment", entry[0].into(), 1))?;
        let encoding = match entry[1] {
            0 => Encoding::Plain,
            1 => Encoding::Blocks,
            other => return Err(fault(1, "encoding of a segment", other.into(), 0)),
        };
        if entry[2..4] != [0, 0] {
            return Err(fault(2, "reserved field", word(0) >> 16, 0));
        }
        let segment = Self {
            kind,
            encoding,
            addr: word(4),
            memory_bytes: word(8),
            offset: word(12),
            stored_bytes: word(16),
            checksum: word(20),
        };
        segment.validate(offset, header)?;
        Ok(segment)
    }

    fn validate(&self, at: usize, header: &Header) -> Result<(), ImageError> {
        let fault = |field_offset: usize, field, actual: u32, expected: u32| {
            Err(ImageError::Field { offset: (at + field_offset) as u32, field, actual, expected })
        };
        let (place_addr, place_bytes) = match (header.part, self.kind) {
            (Part::Code, SegmentKind::Code) => (header.code_addr, header.code_bytes),
            (Part::Data, SegmentKind::Data | SegmentKind::Zero) => {
                (header.data_addr, header.data_bytes)
            }
            (Part::Code, kind) => return fault(0, "kind of a segment", kind as u32, 1),
            (Part::Data, kind) => return fault(0, "kind of a segment", kind as u32, 2),
        };
        for (field_offset, field, value, step) in [
            (4, "address of a segment", self.addr, 4),
            (8, "length of a segment", self.memory_bytes, 4),
            (12, "offset of a segment", self.offset, 16),
            (16, "stored length of a segment", self.stored_bytes, 16),
        ] {
            if !value.is_multiple_of(step) {
                return fault(field_offset, field, value, value & !(step - 1));
            }
        }
        let inside = self
            .addr
            .checked_sub(place_addr)
            .and_then(|from| from.checked_add(self.memory_bytes))
            .is_some_and(|end| end <= place_bytes);
        if !inside {
            return fault(4, "address of a segment", self.addr, place_addr);
        }
        if self.memory_bytes == 0 {
            return fault(8, "length of a segment", 0, 4);
        }
        let expected_bytes = match (self.kind, self.encoding) {
            (SegmentKind::Zero, Encoding::Plain) => Some(0),
            (SegmentKind::Zero, Encoding::Blocks) => {
                return fault(1, "encoding of a segment", 1, 0);
            }
            (_, Encoding::Plain) => wire::round_up(self.memory_bytes, 16),
            (_, Encoding::Blocks) if header.block_bytes == 0 => {
                return fault(1, "encoding of a segment", 1, 0);
            }
            (_, Encoding::Blocks) => Some(self.stored_bytes.max(16)),
        };
        if expected_bytes != Some(self.stored_bytes) {
            let expected = expected_bytes.unwrap_or(u32::MAX);
            return fault(16, "stored length of a segment", self.stored_bytes, expected);
        }
        Ok(())
    }

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
