//! What a load decides on: header, segments and dependencies, read with the first sector.

use crate::{
    Header, ImageError, RawPrefix, Refused, Segment,
    wire::{MAX_DEPENDENCY_COUNT, MAX_PREFIX_BYTES, MAX_SEGMENT_COUNT},
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
        let mut raw = RawPrefix::new();
        let mut why = ImageError::NONE;
        let mut words = [0; MAX_PREFIX_BYTES / 4];
        let there = &bytes[..bytes.len().min(MAX_PREFIX_BYTES)];
        for (word, bytes) in words.iter_mut().zip(there.chunks(4)) {
            let mut padded = [0; 4];
            padded[..bytes.len()].copy_from_slice(bytes);
            *word = u32::from_ne_bytes(padded);
        }
        raw.read(&words, there.len() as u32, file_bytes, &mut why)
            .and_then(|()| raw.check_target(&mut why))
            .map_err(|Refused| why)?;
        let header = Header::decode(&raw)?;
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
        for (index, place) in prefix.segments.iter_mut().enumerate().take(raw.segment_count()) {
            *place = raw.segment(index);
        }
        for (index, place) in
            prefix.dependencies.iter_mut().enumerate().take(raw.dependency_count())
        {
            *place = raw.dependency(index);
        }
        Ok(prefix)
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
