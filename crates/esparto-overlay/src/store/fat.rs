//! Files of a FAT card, by embedded-sdmmc.

use core::cell::RefCell;

use embedded_sdmmc::{
    Block, BlockCount, BlockDevice, BlockIdx, Error, Mode, RawDirectory, RawFile, TimeSource,
    VolumeManager,
};

use super::{Store, StoreError};

/// The files of one folder of a FAT volume.
///
/// The library reads a file block by block; on a card that is five times slower than need be. Give
/// it the card wrapped in [`ReadAhead`], and the loader's reads become reads of many blocks.
#[derive(Debug)]
pub struct FatStore<'a, D, T, const DIRS: usize, const FILES: usize, const VOLUMES: usize>
where
    D: BlockDevice,
    T: TimeSource,
{
    volumes: &'a VolumeManager<D, T, DIRS, FILES, VOLUMES>,
    folder: RawDirectory,
}

impl<'a, D, T, const DIRS: usize, const FILES: usize, const VOLUMES: usize>
    FatStore<'a, D, T, DIRS, FILES, VOLUMES>
where
    D: BlockDevice,
    T: TimeSource,
{
    /// The files of `folder`, which stays open.
    pub const fn new(
        volumes: &'a VolumeManager<D, T, DIRS, FILES, VOLUMES>,
        folder: RawDirectory,
    ) -> Self {
        Self { volumes, folder }
    }
}

/// Numbers of [`StoreError::Failed`]: what embedded-sdmmc said.
fn failed<E: core::error::Error>(error: &Error<E>) -> StoreError {
    match error {
        Error::NotFound => StoreError::NotFound,
        Error::TooManyOpenFiles => StoreError::TooManyOpen,
        Error::DeviceError(_) => StoreError::Failed { code: 1 },
        Error::FormatError(_) => StoreError::Failed { code: 2 },
        Error::NoSuchVolume => StoreError::NoMedium,
        _ => StoreError::Failed { code: 3 },
    }
}

impl<D, T, const DIRS: usize, const FILES: usize, const VOLUMES: usize> Store
    for FatStore<'_, D, T, DIRS, FILES, VOLUMES>
where
    D: BlockDevice,
    T: TimeSource,
{
    type File = RawFile;

    fn open(&mut self, name: &str) -> Result<RawFile, StoreError> {
        let opened = self.volumes.open_long_name_file_in_dir(self.folder, name, Mode::ReadOnly);
        opened.map_err(|error| failed(&error))
    }

    fn len_bytes(&mut self, file: &RawFile) -> Result<u32, StoreError> {
        self.volumes.file_length(*file).map_err(|error| failed(&error))
    }

    fn read_at(
        &mut self,
        file: &mut RawFile,
        offset: u32,
        buffer: &mut [u8],
    ) -> Result<usize, StoreError> {
        self.volumes.file_seek_from_start(*file, offset).map_err(|error| failed(&error))?;
        self.volumes.read(*file, buffer).map_err(|error| failed(&error))
    }

    fn close(&mut self, file: RawFile) {
        // A file that was only read has nothing left to write.
        let _ = self.volumes.close_file(file);
    }
}

/// A block device that reads `BLOCKS` at once when it is read in order, so that a card is asked once
/// where the file system asks many times. Single blocks, such as those of tables, stay single.
#[derive(Debug)]
pub struct ReadAhead<D, const BLOCKS: usize> {
    device: D,
    window: RefCell<Window<BLOCKS>>,
}

#[derive(Debug)]
struct Window<const BLOCKS: usize> {
    blocks: [Block; BLOCKS],
    first: u32,
    count: u32,
    /// The blocks after the two that were asked for last: a file's and its table's take turns.
    next: [u32; 2],
}

impl<D: BlockDevice, const BLOCKS: usize> ReadAhead<D, BLOCKS> {
    /// Wraps `device`, with 512 bytes for each block of the window.
    #[must_use]
    pub fn new(device: D) -> Self {
        let blocks = core::array::from_fn(|_| Block::new());
        let window = Window { blocks, first: 0, count: 0, next: [u32::MAX; 2] };
        Self { device, window: RefCell::new(window) }
    }

    /// The device behind it.
    pub const fn device(&self) -> &D {
        &self.device
    }
}

impl<D: BlockDevice, const BLOCKS: usize> BlockDevice for ReadAhead<D, BLOCKS> {
    type Error = D::Error;

    fn read(&self, blocks: &mut [Block], start: BlockIdx) -> Result<(), D::Error> {
        let [block] = blocks else { return self.device.read(blocks, start) };
        let window = &mut *self.window.borrow_mut();
        let is_in_order = window.next.contains(&start.0);
        window.next = [window.next[1], start.0.wrapping_add(1)];
        let at = start.0.wrapping_sub(window.first);
        if at < window.count {
            block.clone_from(&window.blocks[at as usize]);
            return Ok(());
        }
        if !is_in_order {
            return self.device.read(blocks, start);
        }
        let left = self.device.num_blocks()?.0.saturating_sub(start.0);
        let count = left.min(BLOCKS as u32);
        if count == 0 {
            return self.device.read(blocks, start);
        }
        // Should the read fail, the window holds nothing.
        window.count = 0;
        self.device.read(&mut window.blocks[..count as usize], start)?;
        (window.first, window.count) = (start.0, count);
        block.clone_from(&window.blocks[0]);
        Ok(())
    }

    fn write(&self, blocks: &[Block], start: BlockIdx) -> Result<(), D::Error> {
        self.window.borrow_mut().count = 0;
        self.device.write(blocks, start)
    }

    fn num_blocks(&self) -> Result<BlockCount, D::Error> {
        self.device.num_blocks()
    }
}
