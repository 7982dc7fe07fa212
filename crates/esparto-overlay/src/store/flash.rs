//! A partition of raw flash: a directory in its first sector, then the files, each from a sector on.
//!
//! Flash wears out by erasing. So nothing is erased that holds what it shall hold already, and the
//! directory goes first and comes last: a partition whose writing was cut off has none.

use core::fmt;

use embedded_storage::nor_flash::{NorFlash, NorFlashError, NorFlashErrorKind, ReadNorFlash};
use esparto_image::Checksum;

use super::{Store, StoreError};

const MAGIC: [u8; 8] = *b"EspFlas1";
const NAME_BYTES: usize = 28;
const ENTRY_BYTES: usize = 48;
const HEADER_BYTES: usize = 16;
/// What is compared or written at once.
const PIECE_BYTES: usize = 64;

/// The files of a partition of raw flash.
#[derive(Debug)]
pub struct FlashStore<F> {
    flash: F,
}

/// A file of a [`FlashStore`].
#[derive(Clone, Copy, Debug)]
pub struct FlashFile {
    start: u32,
    len_bytes: u32,
}

/// Why files were not written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FlashError {
    /// The partition is too small.
    TooSmall {
        /// What the files and the directory take.
        needed_bytes: u32,
        /// The length of the partition.
        actual_bytes: u32,
    },
    /// More files than the directory has places.
    TooManyFiles {
        /// How many.
        actual: usize,
        /// The places.
        limit: usize,
    },
    /// A name is empty or longer than the directory takes.
    BadName {
        /// Which file, from 0.
        index: usize,
    },
    /// The flash refused.
    Flash(NorFlashErrorKind),
    /// What was written does not read back: the sector is worn out.
    Verify {
        /// Where, in the partition.
        offset: u32,
    },
}

impl fmt::Display for FlashError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::TooSmall { needed_bytes, actual_bytes } => write!(
                f,
                "the files take {needed_bytes} bytes, the partition has {actual_bytes}: enlarge it"
            ),
            Self::TooManyFiles { actual, limit } => {
                write!(f, "{actual} files, the directory has {limit} places")
            }
            Self::BadName { index } => {
                write!(f, "the name of file {index} is empty or longer than {NAME_BYTES} bytes")
            }
            Self::Flash(kind) => write!(f, "the flash refused: {kind}"),
            Self::Verify { offset } => {
                write!(f, "the flash is worn out at byte {offset:#x} of the partition: move it")
            }
        }
    }
}

impl core::error::Error for FlashError {}

fn refused(error: &impl NorFlashError) -> FlashError {
    FlashError::Flash(error.kind())
}

impl<F: ReadNorFlash> FlashStore<F> {
    /// The files of the partition `flash`.
    pub const fn new(flash: F) -> Self {
        Self { flash }
    }

    /// The partition.
    pub fn into_inner(self) -> F {
        self.flash
    }

    fn load(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), StoreError> {
        self.flash
            .read(offset, bytes)
            .map_err(|error| StoreError::Failed { code: error.kind() as u32 + 1 })
    }

    /// How many files the directory names, once its checksum is right.
    fn entry_count(&mut self) -> Result<u32, StoreError> {
        let mut header = [0; HEADER_BYTES];
        self.load(0, &mut header)?;
        let word =
            |at: usize| header[at..].first_chunk().map_or(0, |word| u32::from_le_bytes(*word));
        let (count, expected) = (word(8), word(12));
        let fits = count as usize <= self.flash.capacity() / ENTRY_BYTES;
        if header[..8] != MAGIC || !fits {
            return Err(StoreError::NoMedium);
        }
        let mut checksum = Checksum::new();
        for index in 0..count {
            checksum.bytes(&self.entry(index)?);
        }
        if checksum.finish() == expected { Ok(count) } else { Err(StoreError::NoMedium) }
    }

    fn entry(&mut self, index: u32) -> Result<[u8; ENTRY_BYTES], StoreError> {
        let mut entry = [0; ENTRY_BYTES];
        self.load(HEADER_BYTES as u32 + index * ENTRY_BYTES as u32, &mut entry)?;
        Ok(entry)
    }
}

impl<F: ReadNorFlash> Store for FlashStore<F> {
    type File = FlashFile;

    fn open(&mut self, name: &str) -> Result<FlashFile, StoreError> {
        let mut padded = [0; NAME_BYTES];
        padded.get_mut(..name.len()).ok_or(StoreError::NotFound)?.copy_from_slice(name.as_bytes());
        for index in 0..self.entry_count()? {
            let entry = self.entry(index)?;
            if entry[..NAME_BYTES] == padded {
                let word = |at: usize| {
                    entry[at..].first_chunk().map_or(0, |word| u32::from_le_bytes(*word))
                };
                let (start, len_bytes) = (word(NAME_BYTES), word(NAME_BYTES + 4));
                let end = u64::from(start) + u64::from(len_bytes);
                if end > self.flash.capacity() as u64 {
                    return Err(StoreError::NoMedium);
                }
                return Ok(FlashFile { start, len_bytes });
            }
        }
        Err(StoreError::NotFound)
    }

    fn len_bytes(&mut self, file: &FlashFile) -> Result<u32, StoreError> {
        Ok(file.len_bytes)
    }

    fn read_at(
        &mut self,
        file: &mut FlashFile,
        offset: u32,
        buffer: &mut [u8],
    ) -> Result<usize, StoreError> {
        let count = buffer.len().min(file.len_bytes.saturating_sub(offset) as usize);
        self.load(file.start + offset, &mut buffer[..count])?;
        Ok(count)
    }
}

impl<F: NorFlash> FlashStore<F> {
    /// Makes the partition hold these files and no others: erases and writes the sectors that differ,
    /// and reads back each of them. Returns how many sectors were erased.
    ///
    /// # Errors
    /// Why not; then the partition has either its old files or none.
    pub fn replace(&mut self, files: &[(&str, &[u8])]) -> Result<u32, FlashError> {
        const { assert!(F::ERASE_SIZE.is_multiple_of(PIECE_BYTES), "sectors hold whole pieces") };
        const { assert!(PIECE_BYTES.is_multiple_of(F::WRITE_SIZE), "pieces hold whole words") };
        let sector_bytes = F::ERASE_SIZE as u32;
        let limit = (F::ERASE_SIZE - HEADER_BYTES) / ENTRY_BYTES;
        if files.len() > limit {
            return Err(FlashError::TooManyFiles { actual: files.len(), limit });
        }
        let is_bad = |name: &str| name.is_empty() || name.len() > NAME_BYTES;
        if let Some(index) = files.iter().position(|(name, _)| is_bad(name)) {
            return Err(FlashError::BadName { index });
        }
        let sectors = |bytes: &[u8]| (bytes.len() as u32).div_ceil(sector_bytes);
        let needed = 1 + files.iter().map(|(_, bytes)| sectors(bytes)).sum::<u32>();
        let (needed_bytes, actual_bytes) = (needed * sector_bytes, self.flash.capacity() as u32);
        if needed_bytes > actual_bytes {
            return Err(FlashError::TooSmall { needed_bytes, actual_bytes });
        }

        let mut checksum = Checksum::new();
        let entries = || {
            files.iter().scan(sector_bytes, |start, (name, bytes)| {
                let mut entry = [0; ENTRY_BYTES];
                entry[..name.len()].copy_from_slice(name.as_bytes());
                entry[NAME_BYTES..][..4].copy_from_slice(&start.to_le_bytes());
                entry[NAME_BYTES + 4..][..4].copy_from_slice(&(bytes.len() as u32).to_le_bytes());
                *start += sectors(bytes) * sector_bytes;
                Some(entry)
            })
        };
        entries().for_each(|entry| checksum.bytes(&entry));
        let mut header = [0; HEADER_BYTES];
        header[..8].copy_from_slice(&MAGIC);
        header[8..12].copy_from_slice(&(files.len() as u32).to_le_bytes());
        header[12..].copy_from_slice(&checksum.finish().to_le_bytes());
        // The directory byte by byte: at `offset` of the first sector.
        let directory = |offset: usize| match offset.checked_sub(HEADER_BYTES) {
            None => header[offset],
            Some(offset) => entries()
                .nth(offset / ENTRY_BYTES)
                .map_or(0xFF, |entry| entry[offset % ENTRY_BYTES]),
        };

        let mut erased = 0;
        let mut start = sector_bytes;
        let mut is_open = true;
        for (_, bytes) in files {
            for (index, part) in bytes.chunks(F::ERASE_SIZE).enumerate() {
                let at = start + index as u32 * sector_bytes;
                let byte = |offset: usize| part.get(offset).copied().unwrap_or(0xFF);
                if self.holds(at, byte)? {
                    continue;
                }
                if is_open {
                    // No directory while files change.
                    self.erase(0)?;
                    erased += 1;
                    is_open = false;
                }
                self.write_sector(at, byte)?;
                erased += 1;
            }
            start += sectors(bytes) * sector_bytes;
        }
        if !self.holds(0, directory)? {
            if is_open {
                erased += 1;
            }
            self.write_sector(0, directory)?;
        }
        Ok(erased)
    }

    fn erase(&mut self, at: u32) -> Result<(), FlashError> {
        self.flash.erase(at, at + F::ERASE_SIZE as u32).map_err(|error| refused(&error))
    }

    /// Does the sector hold these bytes already?
    fn holds(&mut self, at: u32, byte: impl Fn(usize) -> u8) -> Result<bool, FlashError> {
        for offset in (0..F::ERASE_SIZE).step_by(PIECE_BYTES) {
            let mut piece = [0; PIECE_BYTES];
            self.flash.read(at + offset as u32, &mut piece).map_err(|error| refused(&error))?;
            if piece.iter().enumerate().any(|(index, found)| *found != byte(offset + index)) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Erases a sector, writes it from its end to its start, so that what begins it comes last, and
    /// reads it back.
    fn write_sector(&mut self, at: u32, byte: impl Fn(usize) -> u8) -> Result<(), FlashError> {
        self.erase(at)?;
        for offset in (0..F::ERASE_SIZE).step_by(PIECE_BYTES).rev() {
            let piece: [u8; PIECE_BYTES] = core::array::from_fn(|index| byte(offset + index));
            if piece.iter().all(|&byte| byte == 0xFF) {
                continue;
            }
            self.flash.write(at + offset as u32, &piece).map_err(|error| refused(&error))?;
        }
        if self.holds(at, &byte)? { Ok(()) } else { Err(FlashError::Verify { offset: at }) }
    }
}
