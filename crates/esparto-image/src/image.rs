//! A whole image in memory, verified.

use crate::{
    Block, Checksum, Encoding, Exports, Field, Header, ImageError, Prefix, Segment,
    wire::{HEADER_BYTES, array},
};

/// An image of which every byte was verified.
#[derive(Clone, Copy, Debug)]
pub struct Image<'a> {
    bytes: &'a [u8],
    prefix: Prefix,
    exports: Exports<'a>,
}

impl<'a> Image<'a> {
    /// Reads and verifies an image: every field, every checksum, the padding. Linear in its length.
    ///
    /// # Errors
    /// The first fault, by offset.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ImageError> {
        let file_bytes = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        let prefix = Prefix::parse(bytes, file_bytes)?;
        let header = &prefix.header;
        let tables = &bytes[HEADER_BYTES..header.segments_offset() as usize];
        let hole = tables.len() - 4;
        let expected = array(tables, hole).map_or(0, u32::from_le_bytes);
        let actual = Checksum::around(tables, hole);
        if actual != expected {
            return Err(ImageError::Checksum { offset: HEADER_BYTES as u32, expected, actual });
        }
        let names_end = header.names_offset() as usize + header.names_bytes as usize;
        check_padding(bytes, names_end, header.segments_offset() as usize - 4)?;
        check_padding(
            bytes,
            header.dependencies_offset() as usize + 2 * prefix.dependencies().len(),
            header.exports_offset() as usize,
        )?;
        let exports = Exports::parse(bytes, header)?;
        let image = Self { bytes, prefix, exports };
        for segment in prefix.segments() {
            image.check_segment(segment)?;
        }
        Ok(image)
    }

    fn check_segment(&self, segment: &Segment) -> Result<(), ImageError> {
        let stored = self.stored(segment);
        let mut checksum = Checksum::new();
        checksum.bytes(stored);
        let actual = checksum.finish();
        if actual != segment.checksum {
            return Err(ImageError::Checksum {
                offset: segment.offset,
                expected: segment.checksum,
                actual,
            });
        }
        let end = (segment.offset + segment.stored_bytes) as usize;
        match segment.encoding {
            Encoding::Plain => {
                let used = segment.memory_bytes.min(segment.stored_bytes) as usize;
                check_padding(self.bytes, segment.offset as usize + used, end)
            }
            Encoding::Blocks => {
                let mut next = segment.offset;
                for block in self.blocks(segment) {
                    let (block, after) = block?;
                    block.check_relocations(block.offset == segment.offset)?;
                    next = after;
                }
                if end - next as usize >= 16 {
                    return Err(ImageError::TrailingBytes {
                        offset: next,
                        actual_bytes: end as u32,
                    });
                }
                check_padding(self.bytes, next as usize, end)
            }
        }
    }

    /// The header.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.prefix.header
    }

    /// Header, segments and dependencies.
    #[must_use]
    pub fn prefix(&self) -> &Prefix {
        &self.prefix
    }

    /// What it offers by name.
    #[must_use]
    pub fn exports(&self) -> &Exports<'a> {
        &self.exports
    }

    /// What is stored of a segment of this image.
    #[must_use]
    pub fn stored(&self, segment: &Segment) -> &'a [u8] {
        let start = segment.offset as usize;
        self.bytes
            .get(start..)
            .and_then(|rest| rest.get(..segment.stored_bytes as usize))
            .unwrap_or_default()
    }

    /// The blocks of a segment in blocks, each with the offset where it ends. After an error there
    /// is none.
    pub fn blocks(
        &self,
        segment: &Segment,
    ) -> impl Iterator<Item = Result<(Block<'a>, u32), ImageError>> + use<'a> {
        let end = (segment.offset + segment.stored_bytes) as usize;
        let bytes = &self.bytes[..end.min(self.bytes.len())];
        let block_bytes = u32::from(self.prefix.header.block_bytes);
        let mut next = segment.offset;
        let mut left_bytes =
            if segment.encoding == Encoding::Blocks { segment.memory_bytes } else { 0 };
        core::iter::from_fn(move || {
            if left_bytes == 0 {
                return None;
            }
            let parsed = Block::parse(bytes, next, left_bytes.min(block_bytes));
            match &parsed {
                Ok((block, after)) => {
                    next = *after;
                    left_bytes -= u32::from(block.header.memory_bytes);
                }
                Err(_) => left_bytes = 0,
            }
            Some(parsed)
        })
    }

    /// Writes a segment to `memory`, as linked; it has exactly the length of the segment.
    ///
    /// # Errors
    /// A block that does not decompress.
    pub fn read(&self, segment: &Segment, memory: &mut [u8]) -> Result<(), ImageError> {
        let wrong = ImageError::Truncated {
            expected_bytes: segment.memory_bytes,
            actual_bytes: memory.len() as u32,
        };
        if memory.len() != segment.memory_bytes as usize {
            return Err(wrong);
        }
        if segment.stored_bytes == 0 {
            memory.fill(0);
            return Ok(());
        }
        if segment.encoding == Encoding::Plain {
            memory.copy_from_slice(self.stored(segment).get(..memory.len()).ok_or(wrong)?);
            return Ok(());
        }
        let mut rest = memory;
        for block in self.blocks(segment) {
            let (block, _) = block?;
            let (place, after) =
                rest.split_at_mut_checked(block.header.memory_bytes.into()).ok_or(wrong)?;
            block.read(place)?;
            rest = after;
        }
        Ok(())
    }
}

/// Padding is zero, so that there is one image for one contents.
fn check_padding(bytes: &[u8], from: usize, to: usize) -> Result<(), ImageError> {
    let padding = bytes.get(from..to).unwrap_or_default();
    match padding.iter().position(|&byte| byte != 0) {
        None => Ok(()),
        Some(index) => Err(ImageError::Field {
            offset: (from + index) as u32,
            field: Field::Padding,
            actual: padding[index].into(),
            expected: 0,
        }),
    }
}
