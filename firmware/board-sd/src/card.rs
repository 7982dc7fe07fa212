//! A card: its files, by name.

use core::fmt;
use core::ops::ControlFlow;

use embedded_hal::spi::SpiDevice;
use embedded_sdmmc::sdcard::spi::AcquireOpts;
use embedded_sdmmc::{
    Block, BlockDevice, DirEntry, LfnBuffer, Mode, RawDirectory, RawFile, SdCard, SdCardError,
    ShortFileName, TimeSource, Timestamp, VolumeIdx, VolumeManager,
};

use crate::CardError;
use crate::guard::Guard;
use crate::spi::Polls;
use crate::volume::{Fields, Volume};

/// A card on an SPI bus.
pub type SpiCard<S> = SdCard<S, Polls>;

/// Tries before a card counts as missing. The library's 50 cost half a minute of polling on a bus
/// at the speed of a card that was just powered up.
const ACQUIRE_TRIES: u32 = 4;

/// Bytes of the longest name: 255 characters of up to 3 bytes.
const NAME_BYTES: usize = 765;

/// The card does not know what day it is.
struct NoClock;

impl TimeSource for NoClock {
    fn get_timestamp(&self) -> Timestamp {
        Timestamp::from_fat(0, 0)
    }
}

type Volumes<D> = VolumeManager<Guard<D>, NoClock>;

/// A card with files.
///
/// One block of 512 bytes is kept, so reading onwards in small pieces costs no block twice.
pub struct Card<D: BlockDevice<Error = SdCardError>> {
    volumes: Volumes<D>,
    volume: Volume,
    root: RawDirectory,
}

impl<S: SpiDevice<u8>> Card<SpiCard<S>> {
    /// The card that `spi` reaches.
    ///
    /// # Errors
    /// There is no card, or no file system on it that can be read.
    pub fn over_spi(spi: S) -> Result<Self, CardError> {
        let options = AcquireOpts { acquire_retries: ACQUIRE_TRIES, ..AcquireOpts::default() };
        Self::mount(SdCard::new_with_options(spi, Polls, options))
    }
}

impl<D: BlockDevice<Error = SdCardError>> Card<D> {
    /// The first partition of `device`. Reads a few blocks.
    ///
    /// # Errors
    /// There is no card, no FAT16 or FAT32 on it, or one that contradicts itself.
    pub fn mount(device: D) -> Result<Self, CardError> {
        let guard = Guard::new(device);
        let volume = Volume::read(&guard)?;
        guard.end_at(volume.end_block);
        let volumes = VolumeManager::new(guard, NoClock);
        let opened = volumes.open_raw_volume(VolumeIdx(0))?;
        let root = volumes.open_root_dir(opened)?;
        Ok(Self { volumes, volume, root })
    }

    /// Opens the file at `path` for reading: names with `/` between them, short (case does not
    /// matter) or long (case matters). Linear in the entries of each folder on the way.
    ///
    /// # Errors
    /// [`CardError::NotFound`], or what is wrong with the card.
    pub fn open(&self, path: &str) -> Result<File<'_, D>, CardError> {
        let (folder, name) = split(path);
        let folder = self.folder(folder)?;
        let entry = folder.find(name)?;
        folder.open(&entry.name, Mode::ReadOnly, 0)
    }

    /// Opens the file at `path` for writing, empty; makes it if it is not there. Its name is a short
    /// one: eight characters and three.
    ///
    /// # Errors
    /// [`CardError::ReadOnly`], or what is wrong with the card or the name.
    pub fn create(&self, path: &str) -> Result<File<'_, D>, CardError> {
        let (folder, name) = split(path);
        let short = ShortFileName::create_from_str(name).map_err(|_| CardError::Name)?;
        let folder = self.folder(folder)?;
        match folder.find(name) {
            Ok(_) | Err(CardError::NotFound) => {}
            Err(error) => return Err(error),
        }
        // It may look for free clusters in all of the table.
        folder.open(&short, Mode::ReadWriteCreateOrTruncate, self.volume.end_block)
    }

    /// Hands the name and the length of every file of a folder to `take`; `""` is the first folder.
    ///
    /// # Errors
    /// [`CardError::NotFound`], or what is wrong with the card.
    pub fn files(
        &self,
        folder: &str,
        mut take: impl FnMut(&dyn fmt::Display, u32),
    ) -> Result<(), CardError> {
        self.folder(folder)?.each(|entry, long| {
            if !entry.attributes.is_directory() {
                match long {
                    Some(long) => take(&long, entry.size),
                    None => take(&entry.name, entry.size),
                }
            }
            ControlFlow::Continue(())
        })
    }

    /// The folder at `path`, checked on the way.
    fn folder(&self, path: &str) -> Result<Folder<'_, D>, CardError> {
        let mut folder = Folder { card: self, raw: self.root };
        for name in path.split('/').filter(|name| !name.is_empty()) {
            let entry = folder.find(name)?;
            let raw = self.work(0, || self.volumes.open_dir(folder.raw, entry.name))?;
            folder = Folder { card: self, raw };
        }
        Ok(folder)
    }

    /// Does something in a folder, within bounds; the device's own error comes first.
    fn work<T>(
        &self,
        more_reads: u32,
        work: impl FnOnce() -> Result<T, embedded_sdmmc::Error<CardError>>,
    ) -> Result<T, CardError> {
        self.volumes.device(|guard| guard.begin(more_reads));
        let outcome = work();
        match self.volumes.device(|guard| guard.end()) {
            Some(error) => Err(error),
            None => Ok(outcome?),
        }
    }
}

impl<D: BlockDevice<Error = SdCardError>> fmt::Debug for Card<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Card").field("volume", &self.volume).finish_non_exhaustive()
    }
}

/// The folder's path, and the name in it.
fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}

/// An open folder.
struct Folder<'c, D: BlockDevice<Error = SdCardError>> {
    card: &'c Card<D>,
    raw: RawDirectory,
}

impl<'c, D: BlockDevice<Error = SdCardError>> Folder<'c, D> {
    /// Hands every entry to `take`, with its long name if it has one.
    fn each(
        &self,
        mut take: impl FnMut(&DirEntry, Option<&str>) -> ControlFlow<()>,
    ) -> Result<(), CardError> {
        let mut storage = [0; NAME_BYTES];
        let mut long = LfnBuffer::new(&mut storage);
        self.card.work(0, || {
            self.card.volumes.iterate_dir_lfn(self.raw, &mut long, |entry, long| {
                if entry.attributes.is_volume() {
                    return ControlFlow::Continue(());
                }
                take(entry, long)
            })
        })
    }

    /// The entry called `name`, if what it describes can be.
    fn find(&self, name: &str) -> Result<DirEntry, CardError> {
        let short = ShortFileName::create_from_str(name).ok();
        if short == Some(ShortFileName::this_dir()) || short == Some(ShortFileName::parent_dir()) {
            return Err(CardError::Name);
        }
        let mut found = None;
        self.each(|entry, long| {
            if long == Some(name) || short == Some(entry.name) {
                found = Some(entry.clone());
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        })?;
        let entry = found.ok_or(CardError::NotFound)?;
        let mut blocks = [Block::new()];
        self.card.volumes.device(|guard| guard.read(&mut blocks, entry.entry_block))?;
        self.card.volume.check(&Fields(&blocks[0].contents), entry.entry_offset as usize)?;
        Ok(entry)
    }

    fn open(
        &self,
        name: &ShortFileName,
        mode: Mode,
        more_reads: u32,
    ) -> Result<File<'c, D>, CardError> {
        let card = self.card;
        let raw = card.work(more_reads, || card.volumes.open_file_in_dir(self.raw, name, mode))?;
        Ok(File { card, raw })
    }
}

impl<D: BlockDevice<Error = SdCardError>> Drop for Folder<'_, D> {
    fn drop(&mut self) {
        if self.raw != self.card.root {
            // It is open, and nobody else knows of it.
            let _ = self.card.volumes.close_dir(self.raw);
        }
    }
}

/// An open file. Dropping one that was written loses the error of the last write: use
/// [`close`](Self::close).
pub struct File<'c, D: BlockDevice<Error = SdCardError>> {
    card: &'c Card<D>,
    raw: RawFile,
}

impl<D: BlockDevice<Error = SdCardError>> File<'_, D> {
    /// Its length.
    #[must_use]
    pub fn len_bytes(&self) -> u32 {
        // The file is open, so there is an answer.
        self.card.volumes.file_length(self.raw).unwrap_or_default()
    }

    /// Reads from `offset` on until `to` is full or the file ends; gives the number of bytes.
    ///
    /// Reading onwards costs each block once; going back costs a walk from the file's start through
    /// the table of clusters.
    ///
    /// # Errors
    /// [`CardError::Offset`], or what is wrong with the card.
    pub fn read_at(&self, offset: u32, to: &mut [u8]) -> Result<usize, CardError> {
        let volumes = &self.card.volumes;
        let len_bytes = self.len_bytes();
        if offset > len_bytes {
            return Err(CardError::Offset { actual: offset, len_bytes });
        }
        volumes.file_seek_from_start(self.raw, offset)?;
        Ok(volumes.read(self.raw, to)?)
    }

    /// Appends `bytes`.
    ///
    /// # Errors
    /// [`CardError::ReadOnly`], [`CardError::Full`], or what is wrong with the card.
    pub fn write(&self, bytes: &[u8]) -> Result<(), CardError> {
        Ok(self.card.volumes.write(self.raw, bytes)?)
    }

    /// Ends the file: its length is on the card afterwards.
    ///
    /// # Errors
    /// What is wrong with the card.
    pub fn close(self) -> Result<(), CardError> {
        Ok(self.card.volumes.flush_file(self.raw)?)
    }
}

impl<D: BlockDevice<Error = SdCardError>> Drop for File<'_, D> {
    fn drop(&mut self) {
        // Whoever wants to know of the error closes it.
        let _ = self.card.volumes.close_file(self.raw);
    }
}

impl<D: BlockDevice<Error = SdCardError>> fmt::Debug for File<'_, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("File").field("len_bytes", &self.len_bytes()).finish_non_exhaustive()
    }
}
