//! The blocks of a card, within bounds.

use core::cell::Cell;

use embedded_sdmmc::{Block, BlockCount, BlockDevice, BlockIdx, SdCardError};

use crate::CardError;

/// Blocks that one operation on a folder may read: a folder has at most 65,536 entries, which fill
/// 4,096 blocks, each at most with a look at the table of clusters. Whoever reads more goes in a
/// circle.
const FOLDER_READS: u32 = 3 * 4096;

/// A block device that refuses what lies outside of its file system, and a folder without end.
///
/// Between it and the card stands a library that hides some errors of the device: the first of an
/// operation is kept.
#[derive(Debug)]
pub(crate) struct Guard<D> {
    device: D,
    end_block: Cell<u32>,
    reads_left: Cell<u32>,
    error: Cell<Option<CardError>>,
}

impl<D: BlockDevice<Error = SdCardError>> Guard<D> {
    /// All of `device`, without a bound on what is read.
    pub(crate) fn new(device: D) -> Self {
        let unbounded = Cell::new(u32::MAX);
        Self { device, end_block: unbounded.clone(), reads_left: unbounded, error: Cell::new(None) }
    }

    /// Nothing from `end_block` on belongs to the file system.
    pub(crate) fn end_at(&self, end_block: u32) {
        self.end_block.set(end_block);
    }

    /// An operation on a folder begins; `more_reads` come on top of those of the folder itself.
    pub(crate) fn begin(&self, more_reads: u32) {
        self.reads_left.set(FOLDER_READS.saturating_add(more_reads));
        self.error.set(None);
    }

    /// The operation ended; gives what the device first refused in it. Work on open files is bounded
    /// by their lengths.
    pub(crate) fn end(&self) -> Option<CardError> {
        self.reads_left.set(u32::MAX);
        self.error.take()
    }

    fn keep<T>(&self, outcome: Result<T, CardError>) -> Result<T, CardError> {
        outcome.inspect_err(|&error| {
            self.error.set(self.error.get().or(Some(error)));
        })
    }

    fn check(&self, start: BlockIdx, count: usize) -> Result<(), CardError> {
        let end_block = self.end_block.get();
        let is_inside = u64::from(start.0) + count as u64 <= u64::from(end_block);
        if is_inside { Ok(()) } else { Err(CardError::OutOfRange { block: start.0, end_block }) }
    }
}

impl<D: BlockDevice<Error = SdCardError>> BlockDevice for Guard<D> {
    type Error = CardError;

    fn read(&self, blocks: &mut [Block], start: BlockIdx) -> Result<(), CardError> {
        let left = match self.reads_left.get() {
            u32::MAX => Some(u32::MAX),
            bound => bound.checked_sub(blocks.len() as u32),
        };
        let endless = CardError::Damaged { what: "a folder without an end" };
        self.keep(left.ok_or(endless).and_then(|left| {
            self.reads_left.set(left);
            self.check(start, blocks.len())?;
            Ok(self.device.read(blocks, start)?)
        }))
    }

    fn write(&self, blocks: &[Block], start: BlockIdx) -> Result<(), CardError> {
        self.keep(
            self.check(start, blocks.len()).and_then(|()| Ok(self.device.write(blocks, start)?)),
        )
    }

    fn num_blocks(&self) -> Result<BlockCount, CardError> {
        self.keep(self.device.num_blocks().map_err(CardError::from))
    }
}
