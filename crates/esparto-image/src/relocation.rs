//! Relocations, applied while a block is copied.
//!
//! An image is linked for one place. To run it elsewhere, code and data each move by a distance, and
//! what depends on a distance is changed: whole words, and the immediate fields of RISC-V
//! instructions. (Xtensa code reaches everything far by words.) A relocation says which change and
//! which distance; the rest is in the word or instruction itself.

use crate::ImageError;

/// What is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Change {
    /// A word.
    Word = 0,
    /// The upper 20 bits in a `lui` or `auipc`.
    Upper = 1,
    /// The lower 12 bits in an instruction of the I format: load, `addi`, `jalr`.
    LowerI = 2,
    /// The lower 12 bits in an instruction of the S format: store.
    LowerS = 3,
}

/// The distance that is added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Distance {
    /// That of the code: an address of the code.
    Code = 0,
    /// That of the data: an address of the data.
    Data = 1,
    /// Less that of the code: from the code to a resident address.
    FromCode = 2,
    /// That of the data less that of the code: from the code to the data.
    DataFromCode = 3,
}

/// How far code and data are from where they were linked, in bytes modulo 2^32.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moved {
    /// The code.
    pub code: u32,
    /// The data.
    pub data: u32,
}

impl Moved {
    const fn by(self, distance: Distance) -> u32 {
        match distance {
            Distance::Code => self.code,
            Distance::Data => self.data,
            Distance::FromCode => 0_u32.wrapping_sub(self.code),
            Distance::DataFromCode => self.data.wrapping_sub(self.code),
        }
    }
}

/// One relocation: four bytes in the image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Relocation {
    /// What is changed.
    pub change: Change,
    /// The distance that is added.
    pub distance: Distance,
    /// Where, in halfwords from four bytes before the block: an instruction may begin in the last
    /// word of the block before.
    pub halfword: u16,
    /// For [`Change::Upper`], the lower 12 bits of the value as linked: the carry depends on them.
    /// Otherwise 0.
    pub low: u16,
}

const HALFWORD_BITS: u32 = 12;
const LOW_MASK: u32 = 0xFFF;

impl Relocation {
    /// Reads a relocation.
    ///
    /// # Errors
    /// Bits that no relocation has. `offset` is where it is, for the error.
    #[inline]
    pub fn parse(word: u32, offset: u32) -> Result<Self, ImageError> {
        Self::from_word(word).ok_or(ImageError::BadRelocation { offset, actual: word })
    }

    /// The relocation with these bits, if one has them.
    #[inline]
    #[must_use]
    pub const fn from_word(word: u32) -> Option<Self> {
        let change = match word >> HALFWORD_BITS & 3 {
            0 => Change::Word,
            1 => Change::Upper,
            2 => Change::LowerI,
            _ => Change::LowerS,
        };
        let distance = match word >> (HALFWORD_BITS + 2) & 3 {
            0 => Distance::Code,
            1 => Distance::Data,
            2 => Distance::FromCode,
            _ => Distance::DataFromCode,
        };
        let low = word >> 16;
        if low > LOW_MASK || (low != 0 && !matches!(change, Change::Upper)) {
            return None;
        }
        Some(Self { change, distance, halfword: (word & LOW_MASK) as u16, low: low as u16 })
    }

    /// The four bytes as a word.
    #[must_use]
    pub const fn to_word(self) -> u32 {
        (self.halfword as u32 & LOW_MASK)
            | (self.change as u32) << HALFWORD_BITS
            | (self.distance as u32) << (HALFWORD_BITS + 2)
            | (self.low as u32) << 16
    }

    /// Applies it to `halfwords`, as they are in the file: the last word of the block before (anything, for the first block),
    /// then the block. Returns whether the place is inside; nothing is changed if it is not.
    #[inline]
    #[must_use]
    pub fn apply(self, halfwords: &mut [u16], moved: Moved) -> bool {
        let Some([low, high]) =
            halfwords.get_mut(usize::from(self.halfword)..).and_then(<[u16]>::first_chunk_mut)
        else {
            return false;
        };
        let old = u32::from(u16::from_le(*low)) | u32::from(u16::from_le(*high)) << 16;
        let new = self.applied_to(old, moved);
        *low = (new as u16).to_le();
        *high = ((new >> 16) as u16).to_le();
        true
    }

    /// The word or instruction `old` after the change.
    #[inline]
    #[must_use]
    pub const fn applied_to(self, old: u32, moved: Moved) -> u32 {
        let by = moved.by(self.distance);
        match self.change {
            Change::Word => old.wrapping_add(by),
            Change::Upper => {
                let low = ((self.low as u32) << 20) as i32 >> 20;
                let value = (old & !LOW_MASK).wrapping_add(low as u32).wrapping_add(by);
                (old & LOW_MASK) | (value.wrapping_add(0x800) & !LOW_MASK)
            }
            Change::LowerI => (old & 0x000F_FFFF) | ((old >> 20).wrapping_add(by) << 20),
            Change::LowerS => {
                let value = (old >> 25 << 5 | old >> 7 & 0x1F).wrapping_add(by);
                (old & 0x01FF_F07F) | (value & 0xFE0) << 20 | (value & 0x1F) << 7
            }
        }
    }
}
