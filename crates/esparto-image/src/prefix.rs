//! What a load decides on: header, segments and dependencies, read with the first sector.

use crate::{
    Header, ImageError, Segment,
    wire::{
        self, DEPENDENCY_BYTES, HEADER_BYTES, MAX_DEPENDENCY_COUNT, MAX_SEGMENT_COUNT,
        SEGMENT_BYTES,
    },
};

/// Header, segments and dependencies of an image.
///
/// The header is verified by its own checksum. The rest is consistent but not yet verified: that is
/// done when the tables' checksum is held against [`Prefix::tables_checksum_offset`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prefix {
    /// The header.
    pub header: Header,
    segments: [Segment; MAX_SEGMENT_COUNT],
    dependencies: [u16; MAX_DEPENDENCY_COUNT],
}

impl Prefix {
    /// Reads the prefix of an image of `file_bytes` bytes from `bytes`, its first 384 bytes or all
    /// of them if there are fewer.
    ///
    /// # Errors
    /// The first fault.
    pub fn parse(bytes: &[u8], file_bytes: u32) -> Result<Self, ImageError> {
        let header = Header::parse(bytes)?;
        if file_bytes < header.image_bytes {
            return Err(ImageError::Truncated {
                expected_bytes: header.image_bytes,
                actual_bytes: file_bytes,
            });
        }
        if file_bytes > header.image_bytes {
            return Err(ImageError::TrailingBytes {
                offset: header.image_bytes,
                actual_bytes: file_bytes,
            });
        }
        let unused = Segment {
            kind: crate::SegmentKind::Zero,
            encoding: crate::Encoding::Plain,
            addr: 0,
            memory_bytes: 0,
            offset: 0,
            stored_bytes: 0,
            checksum: 0,
        };
        let mut prefix = Self {
            header,
            segments: [unused; MAX_SEGMENT_COUNT],
            dependencies: [0; MAX_DEPENDENCY_COUNT],
        };
        prefix.parse_segments(bytes)?;
        for (index, dependency) in
            prefix.dependencies.iter_mut().take(header.dependency_count.into()).enumerate()
        {
            let offset = header.dependencies_offset() as usize + index * DEPENDENCY_BYTES;
            *dependency = wire::u16_at(bytes, offset).ok_or(ImageError::Truncated {
                expected_bytes: (offset + DEPENDENCY_BYTES) as u32,
                actual_bytes: bytes.len() as u32,
            })?;
            if *dependency == header.overlay {
                return Err(ImageError::Field {
                    offset: offset as u32,
                    field: "dependency, which is the overlay itself",
                    actual: u32::from(*dependency),
                    expected: u32::from(header.overlay) + 1,
                });
            }
        }
        Ok(prefix)
    }

    /// Segments follow one another, in the file without a gap and in memory without an overlap.
    fn parse_segments(&mut self, bytes: &[u8]) -> Result<(), ImageError> {
        let header = &self.header;
        let mut next_offset = header.segments_offset();
        let mut next_addr = 0;
        let segments = self.segments.iter_mut().take(header.segment_count.into());
        for (index, place) in segments.enumerate() {
            let at = HEADER_BYTES + index * SEGMENT_BYTES;
            let segment = Segment::parse(bytes, at, header)?;
            let fault = |field_offset: usize, field, actual, expected| {
                Err(ImageError::Field {
                    offset: (at + field_offset) as u32,
                    field,
                    actual,
                    expected,
                })
            };
            if segment.offset != next_offset {
                return fault(12, "offset of a segment", segment.offset, next_offset);
            }
            if segment.addr < next_addr {
                return fault(4, "address of a segment", segment.addr, next_addr);
            }
            match next_offset.checked_add(segment.stored_bytes) {
                Some(end) if end <= header.image_bytes => next_offset = end,
                _ => {
                    let left = header.image_bytes.saturating_sub(next_offset);
                    return fault(16, "stored length of a segment", segment.stored_bytes, left);
                }
            }
            // Cannot overflow: it lies inside the code or the data, which was checked.
            next_addr = segment.addr + segment.memory_bytes;
            *place = segment;
        }
        if next_offset != header.image_bytes {
            return Err(ImageError::TrailingBytes {
                offset: next_offset,
                actual_bytes: header.image_bytes,
            });
        }
        Ok(())
    }

    /// The segments, in the order of the file, which is that of the addresses.
    #[must_use]
    pub fn segments(&self) -> &[Segment] {
        &self.segments[..usize::from(self.header.segment_count)]
    }

    /// The numbers of the overlays that must be loaded before this one.
    #[must_use]
    pub fn dependencies(&self) -> &[u16] {
        &self.dependencies[..usize::from(self.header.dependency_count)]
    }

    /// Where the tables' checksum is: the last word before the first segment. It covers the bytes
    /// from the header's end, itself taken as zero.
    #[must_use]
    pub fn tables_checksum_offset(&self) -> u32 {
        self.header.segments_offset() - 4
    }
}
