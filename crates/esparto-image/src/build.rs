//! Images made.

use alloc::{string::String, vec, vec::Vec};
use core::fmt;

use crate::{
    BLOCK_HEADER_BYTES, BlockHeader, Change, Checksum, Distance, Encoding, ExportEntry, Header,
    Image, ImageError, MAX_BLOCK_BYTES, Relocation, STRIPE_BYTES, Segment, SegmentKind, name_hash,
};

/// The length of blocks when the header names none.
const DEFAULT_BLOCK_BYTES: u16 = 1024;

/// What one segment holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contents {
    /// What it is.
    pub kind: SegmentKind,
    /// Where it was linked to be.
    pub addr: u32,
    /// What it holds, as linked; padded with zeros to words. Only the length counts where the kind
    /// is [`SegmentKind::Zero`].
    pub bytes: Vec<u8>,
    /// What depends on the place, in the order of the offsets.
    pub places: Vec<Place>,
}

/// A place in a segment that depends on where the overlay lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Where, in bytes from the start of the segment; even.
    pub offset: u32,
    /// What is changed.
    pub change: Change,
    /// The distance that is added.
    pub distance: Distance,
    /// For [`Change::Upper`], the lower 12 bits of the value as linked, otherwise 0.
    pub low: u16,
}

/// Makes an image.
#[derive(Clone, Debug)]
pub struct ImageBuilder {
    /// The header; counts and lengths of the file are filled in. A block length of 0 stands for the
    /// usual one.
    pub header: Header,
    /// The numbers of the overlays that must be loaded before.
    pub dependencies: Vec<u16>,
    /// What is offered by name.
    pub exports: Vec<(String, u32)>,
    /// The segments, in the order of their addresses.
    pub contents: Vec<Contents>,
    /// Compress what gets shorter by it. Needs the feature `lz4`.
    pub compress: bool,
}

/// Why there is no image.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BuildError {
    /// More of something than the format can count.
    TooMany {
        /// What.
        what: &'static str,
        /// How many there are.
        actual: usize,
        /// How many there may be.
        limit: usize,
    },
    /// The name of an export is longer than 65,535 bytes.
    NameTooLong {
        /// Its length.
        actual_bytes: usize,
    },
    /// Two exports have the same name.
    SameName {
        /// The name.
        name: String,
    },
    /// A relocation is not even, out of order or outside its segment.
    BadPlace {
        /// Where, in bytes from the start of the segment.
        offset: u32,
    },
    /// Compression was asked for, and this build has none.
    CompressionMissing,
    /// The image that came out is not right: what the caller gave contradicts itself.
    Image(ImageError),
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooMany { what, actual, limit } => {
                write!(f, "{actual} {what}, at most {limit} fit: split the overlay")
            }
            Self::NameTooLong { actual_bytes } => {
                write!(f, "the name of an export has {actual_bytes} bytes: leave it out")
            }
            Self::SameName { name } => write!(f, "two exports are called {name}: leave out one"),
            Self::BadPlace { offset } => write!(
                f,
                "relocation at {offset:#x} of its segment is odd, out of order or outside: link again"
            ),
            Self::CompressionMissing => {
                f.write_str("this build has no compression: use the feature `lz4`")
            }
            Self::Image(error) => write!(f, "the image would be wrong: {error}"),
        }
    }
}

impl core::error::Error for BuildError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Image(error) => Some(error),
            _ => None,
        }
    }
}

impl ImageBuilder {
    /// An image without contents.
    #[must_use]
    pub fn new(header: Header) -> Self {
        Self {
            header,
            dependencies: Vec::new(),
            exports: Vec::new(),
            contents: Vec::new(),
            compress: false,
        }
    }

    /// Makes the bytes of the image and verifies them.
    ///
    /// # Errors
    /// More than the format can hold, or contents that contradict the header.
    pub fn build(&self) -> Result<Vec<u8>, BuildError> {
        let mut header = self.header;
        header.segment_count =
            count(self.contents.len(), crate::MAX_SEGMENT_COUNT, "segments")? as u8;
        header.dependency_count =
            count(self.dependencies.len(), crate::MAX_DEPENDENCY_COUNT, "dependencies")? as u8;
        header.export_count = count(self.exports.len(), u16::MAX.into(), "exports")? as u16;
        let in_blocks = |contents: &Contents| {
            contents.kind != SegmentKind::Zero && (self.compress || !contents.places.is_empty())
        };
        if !self.contents.iter().any(in_blocks) {
            header.block_bytes = 0;
        } else if header.block_bytes == 0 {
            header.block_bytes = DEFAULT_BLOCK_BYTES;
        }

        let (exports, names) = self.export_tables()?;
        header.names_bytes = names.len() as u32;
        header.tables_bytes = header.tables_bytes_needed().ok_or(BuildError::TooMany {
            what: "bytes of names",
            actual: names.len(),
            limit: u32::MAX as usize,
        })?;

        let mut segments = Vec::new();
        let mut stored = Vec::new();
        for contents in &self.contents {
            let start = stored.len();
            let encoding = if in_blocks(contents) { Encoding::Blocks } else { Encoding::Plain };
            let memory_bytes = contents.bytes.len().next_multiple_of(4);
            match (contents.kind, encoding) {
                (SegmentKind::Zero, _) => {}
                (_, Encoding::Plain) => stored.extend(&contents.bytes),
                (_, Encoding::Blocks) => {
                    self.put_blocks(contents, header.block_bytes.into(), &mut stored)?;
                }
            }
            stored.resize(stored.len().next_multiple_of(STRIPE_BYTES), 0);
            let mut checksum = Checksum::new();
            checksum.bytes(&stored[start..]);
            segments.push(Segment {
                kind: contents.kind,
                encoding,
                addr: contents.addr,
                memory_bytes: memory_bytes as u32,
                offset: header.segments_offset() + start as u32,
                stored_bytes: (stored.len() - start) as u32,
                checksum: checksum.finish(),
            });
        }
        let image_bytes = header.segments_offset() as usize + stored.len();
        header.image_bytes = count(image_bytes, u32::MAX as usize, "bytes")? as u32;

        let mut image = Vec::with_capacity(image_bytes);
        image.extend(header.to_bytes());
        segments.iter().for_each(|segment| image.extend(segment.to_bytes()));
        self.dependencies.iter().for_each(|dependency| image.extend(dependency.to_le_bytes()));
        image.resize(header.exports_offset() as usize, 0);
        exports.iter().for_each(|export| image.extend(export.to_bytes()));
        image.extend(&names);
        image.resize(header.segments_offset() as usize, 0);
        let tables = &image[crate::HEADER_BYTES..];
        let hole = image.len() - 4;
        let checksum = Checksum::around(tables, tables.len() - 4);
        image[hole..].copy_from_slice(&checksum.to_le_bytes());
        image.extend(&stored);
        Image::parse(&image).map_err(BuildError::Image)?;
        Ok(image)
    }

    /// The entries sorted by hash and name, and the names.
    fn export_tables(&self) -> Result<(Vec<ExportEntry>, Vec<u8>), BuildError> {
        let mut exports: Vec<_> =
            self.exports.iter().map(|(name, addr)| (name_hash(name), name, *addr)).collect();
        exports.sort_unstable();
        if let Some(pair) = exports.windows(2).find(|pair| pair[0].1 == pair[1].1) {
            return Err(BuildError::SameName { name: pair[0].1.clone() });
        }
        let mut names = Vec::new();
        let mut entries = Vec::with_capacity(exports.len());
        for (hash, name, addr) in exports {
            entries.push(ExportEntry { hash, addr, name_offset: names.len() as u32 });
            let len = u16::try_from(name.len())
                .map_err(|_| BuildError::NameTooLong { actual_bytes: name.len() })?;
            names.extend(len.to_le_bytes());
            names.extend(name.as_bytes());
        }
        Ok((entries, names))
    }

    fn put_blocks(
        &self,
        contents: &Contents,
        block_bytes: usize,
        stored: &mut Vec<u8>,
    ) -> Result<(), BuildError> {
        if block_bytes > MAX_BLOCK_BYTES {
            return Err(BuildError::TooMany {
                what: "bytes in a block",
                actual: block_bytes,
                limit: MAX_BLOCK_BYTES,
            });
        }
        let mut memory = contents.bytes.clone();
        memory.resize(memory.len().next_multiple_of(4), 0);
        let mut places = contents.places.iter().peekable();
        let mut last_offset = None;
        for (index, block) in memory.chunks(block_bytes).enumerate() {
            let start = index * block_bytes;
            let mut relocations = Vec::new();
            // A relocation is of the block that has its last byte.
            while let Some(place) =
                places.next_if(|place| place.offset as usize + 3 < start + block.len())
            {
                let from_word_before = (place.offset as usize + 4).checked_sub(start);
                let is_ordered = last_offset.is_none_or(|last| last < place.offset);
                last_offset = Some(place.offset);
                match from_word_before {
                    Some(from) if is_ordered && from % 2 == 0 => relocations.push(Relocation {
                        change: place.change,
                        distance: place.distance,
                        halfword: (from / 2) as u16,
                        low: place.low,
                    }),
                    _ => return Err(BuildError::BadPlace { offset: place.offset }),
                }
            }
            let relocation_limit = block.len() / 4 + 1;
            let compressed = if self.compress { compressed(block)? } else { None };
            let contents = compressed.as_deref().unwrap_or(block);
            let header = BlockHeader {
                memory_bytes: block.len() as u16,
                stored_bytes: contents.len() as u16,
                relocation_count: count(
                    relocations.len(),
                    relocation_limit,
                    "relocations in a block",
                )? as u16,
                is_compressed: compressed.is_some(),
            };
            let body_end = stored.len() + BLOCK_HEADER_BYTES + header.body_bytes();
            stored.extend(header.to_bytes());
            relocations.iter().for_each(|place| stored.extend(place.to_word().to_le_bytes()));
            stored.extend(contents);
            stored.resize(body_end, 0);
        }
        match places.next() {
            None => Ok(()),
            Some(place) => Err(BuildError::BadPlace { offset: place.offset }),
        }
    }
}

fn count(actual: usize, limit: usize, what: &'static str) -> Result<usize, BuildError> {
    if actual > limit { Err(BuildError::TooMany { what, actual, limit }) } else { Ok(actual) }
}

/// `block` compressed, if that is shorter.
#[cfg_attr(
    not(feature = "lz4"),
    expect(unused_variables, clippy::ptr_arg, reason = "nothing to compress with")
)]
fn compressed(block: &[u8]) -> Result<Option<Vec<u8>>, BuildError> {
    #[cfg(feature = "lz4")]
    {
        let mut place = vec![0; lz4_flex::block::get_maximum_output_size(block.len())];
        let len = lz4_flex::block::compress_into(block, &mut place)
            .map_err(|_| BuildError::CompressionMissing)?;
        place.truncate(len);
        Ok((len < block.len()).then_some(place))
    }
    #[cfg(not(feature = "lz4"))]
    {
        Err(BuildError::CompressionMissing)
    }
}
