//! The blocks of a segment: relocations, then contents, compressed or not.

use crate::{Field, ImageError, Refused, Relocation, error::refuse, wire};

/// Bytes of a block's header.
pub const BLOCK_HEADER_BYTES: usize = 8;

/// Bit 0 of the flags: the contents are compressed with LZ4.
const COMPRESSED: u16 = 1;

/// The header of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockHeader {
    /// How long the contents are in memory, a multiple of 4.
    pub memory_bytes: u16,
    /// How long the contents are stored, without padding.
    pub stored_bytes: u16,
    /// How many relocations stand before the contents; at most one for each word and one more.
    pub relocation_count: u16,
    /// Are the contents compressed?
    pub is_compressed: bool,
}

impl BlockHeader {
    /// Reads the header of a block that stands at `offset` of the image, from its two words.
    /// `limit_bytes` is what may be in memory: the smaller of the header's block length and what is
    /// left of the segment.
    ///
    /// # Errors
    /// A length beyond its limit.
    pub fn parse(words: [u32; 2], offset: u32, limit_bytes: u32) -> Result<Self, ImageError> {
        let mut why = ImageError::NONE;
        let checked = Self::check(words, offset, limit_bytes, &mut why);
        checked.map_err(|Refused| why).map(|()| Self::from_words(words))
    }

    /// What the two words say, whatever it is.
    #[inline]
    #[must_use]
    pub const fn from_words(words: [u32; 2]) -> Self {
        Self {
            memory_bytes: words[0] as u16,
            stored_bytes: (words[0] >> 16) as u16,
            relocation_count: words[1] as u16,
            is_compressed: words[1] >> 16 & COMPRESSED as u32 != 0,
        }
    }

    /// Holds the two words to what a block may be, as [`parse`](Self::parse) does.
    ///
    /// # Errors
    /// A length beyond its limit, written to `why`.
    #[inline(never)]
    pub fn check(
        words: [u32; 2],
        offset: u32,
        limit_bytes: u32,
        why: &mut ImageError,
    ) -> Result<(), Refused> {
        let Self { memory_bytes, stored_bytes, relocation_count, is_compressed } =
            Self::from_words(words);
        let flags = words[1] >> 16;
        let mut fault = |at, field, actual: u32, expected: u32| {
            refuse(why, ImageError::Field { offset: offset + at, field, actual, expected })
        };
        let memory = u32::from(memory_bytes);
        if memory == 0 || memory > limit_bytes || memory % 4 != 0 {
            return fault(0, Field::BlockLength, memory, limit_bytes);
        }
        let stored_fits = if is_compressed {
            stored_bytes != 0 && stored_bytes < memory_bytes
        } else {
            stored_bytes == memory_bytes
        };
        if !stored_fits {
            return fault(2, Field::BlockStored, stored_bytes.into(), memory);
        }
        if u32::from(relocation_count) > memory / 4 + 1 {
            return fault(4, Field::BlockRelocations, relocation_count.into(), memory / 4 + 1);
        }
        if flags & !u32::from(COMPRESSED) != 0 {
            return fault(6, Field::BlockFlags, flags, flags & u32::from(COMPRESSED));
        }
        Ok(())
    }

    /// The bytes of the header.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; BLOCK_HEADER_BYTES] {
        let flags = if self.is_compressed { COMPRESSED } else { 0 };
        let mut bytes = [0; BLOCK_HEADER_BYTES];
        let fields = [self.memory_bytes, self.stored_bytes, self.relocation_count, flags];
        for (place, field) in bytes.as_chunks_mut::<2>().0.iter_mut().zip(fields) {
            *place = field.to_le_bytes();
        }
        bytes
    }

    /// From the end of this header to the next block: relocations, contents, padding to 4 bytes.
    #[must_use]
    pub fn body_bytes(&self) -> usize {
        4 * self.body_words()
    }

    /// The same in words.
    #[inline]
    #[must_use]
    pub fn body_words(&self) -> usize {
        usize::from(self.relocation_count) + ((usize::from(self.stored_bytes) + 3) >> 2)
    }
}

/// Decompresses the contents of a block into `memory`, which has exactly its length.
///
/// # Errors
/// Contents that do not have that length, or a build without the feature `lz4`. `offset` is where
/// the block is, for the error.
#[cfg_attr(not(feature = "lz4"), expect(unused_variables, reason = "nothing to decompress with"))]
pub fn decompress(stored: &[u8], memory: &mut [u8], offset: u32) -> Result<(), ImageError> {
    #[cfg(feature = "lz4")]
    {
        match lz4_flex::block::decompress_into(stored, memory) {
            Ok(len) if len == memory.len() => Ok(()),
            _ => Err(ImageError::Compression { offset }),
        }
    }
    #[cfg(not(feature = "lz4"))]
    {
        Err(ImageError::CompressionMissing { offset })
    }
}

/// One block of a segment that is in memory as a whole.
#[derive(Clone, Copy, Debug)]
pub struct Block<'a> {
    /// Its header.
    pub header: BlockHeader,
    /// Where it is, in bytes from the start of the image.
    pub offset: u32,
    relocations: &'a [[u8; 4]],
    stored: &'a [u8],
}

impl<'a> Block<'a> {
    /// Reads the block at `offset` of `image`; returns it and where the next one is.
    pub(crate) fn parse(
        image: &'a [u8],
        offset: u32,
        limit_bytes: u32,
    ) -> Result<(Self, u32), ImageError> {
        let truncated = |expected_bytes: usize| ImageError::Truncated {
            expected_bytes: expected_bytes as u32,
            actual_bytes: image.len() as u32,
        };
        let start = offset as usize;
        let body = start + BLOCK_HEADER_BYTES;
        let header: [u8; BLOCK_HEADER_BYTES] =
            wire::array(image, start).ok_or_else(|| truncated(body))?;
        let (words, _) = header.as_chunks::<4>();
        let words = [u32::from_le_bytes(words[0]), u32::from_le_bytes(words[1])];
        let header = BlockHeader::parse(words, offset, limit_bytes)?;
        let next = body + header.body_bytes();
        let body = image.get(body..next).ok_or_else(|| truncated(next))?;
        let (relocations, contents) = body.split_at(usize::from(header.relocation_count) * 4);
        let (relocations, _) = relocations.as_chunks();
        let (stored, padding) = contents.split_at(header.stored_bytes.into());
        if padding.iter().any(|&byte| byte != 0) {
            return Err(ImageError::Field {
                offset: next as u32 - padding.len() as u32,
                field: Field::BlockPadding,
                actual: padding[0].into(),
                expected: 0,
            });
        }
        Ok((Self { header, offset, relocations, stored }, next as u32))
    }

    /// Its relocations.
    pub fn relocations(
        &self,
    ) -> impl ExactSizeIterator<Item = Result<Relocation, ImageError>> + '_ {
        let first_offset = self.offset + BLOCK_HEADER_BYTES as u32;
        self.relocations.iter().enumerate().map(move |(index, bytes)| {
            let offset = first_offset + 4 * index as u32;
            Relocation::parse(u32::from_le_bytes(*bytes), offset)
        })
    }

    /// Writes the contents to `memory`, as linked; it has exactly the length of the block.
    ///
    /// # Errors
    /// What [`decompress`] refuses.
    pub fn read(&self, memory: &mut [u8]) -> Result<(), ImageError> {
        if self.header.is_compressed {
            decompress(self.stored, memory, self.offset)
        } else if memory.len() == self.stored.len() {
            memory.copy_from_slice(self.stored);
            Ok(())
        } else {
            Err(ImageError::Compression { offset: self.offset })
        }
    }

    /// Verifies that each relocation lies inside: from the word before the block, unless it is the
    /// first, to its end.
    pub(crate) fn check_relocations(&self, is_first: bool) -> Result<(), ImageError> {
        let end = (4 + usize::from(self.header.memory_bytes)) / 2;
        for (index, relocation) in self.relocations().enumerate() {
            let relocation = relocation?;
            let first = usize::from(relocation.halfword);
            if first + 2 > end || (is_first && first < 2) {
                return Err(ImageError::BadRelocation {
                    offset: self.offset + (BLOCK_HEADER_BYTES + 4 * index) as u32,
                    actual: relocation.to_word(),
                });
            }
        }
        Ok(())
    }
}
