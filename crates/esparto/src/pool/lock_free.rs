//! A pool of blocks of a size known at run time, with checked frees, without a lock.

use core::alloc::Layout;
use core::cell::UnsafeCell;
use core::num::NonZero;
use core::ptr::NonNull;

use super::access::sealed::Start;
use super::atomic::{AtomicList, Tag};
use super::list::Slots;
use super::state::{RawBlocks, Storage, Taken, origin_of};
use super::sync::{AtomicU16, AtomicU32, Ordering};
use super::{DeinitError, FreeError, InitError, PoolStats, Refused, Shape};
use crate::heap::{Corruption, Cursor, Progress};

const DOWN: u32 = 0;
const STARTING: u32 = 1;
const LIVE: u32 = 2;

/// What does not change while the pool is live.
#[derive(Clone, Copy, Debug)]
struct Fixed {
    slots: Slots,
    links: NonNull<[AtomicU16]>,
    tag: Tag,
    storage: Storage,
    shape: Shape,
}

/// The state of a lock-free pool.
#[derive(Debug)]
pub struct AtomicBlocks {
    stage: AtomicU32,
    /// Written while `STARTING` by whoever started, read by all once `LIVE`.
    fixed: UnsafeCell<Option<Fixed>>,
    list: AtomicList,
    foreign: AtomicU32,
    interior: AtomicU32,
    repeated: AtomicU32,
}

// SAFETY: `fixed` is written by one context before it is published, and not changed without
// exclusive access after that; the memory it names belongs to the pool and may be used from
// anywhere.
unsafe impl Sync for AtomicBlocks {}
// SAFETY: as above.
unsafe impl Send for AtomicBlocks {}

impl Start for AtomicBlocks {
    const START: Self = Self {
        stage: AtomicU32::new(DOWN),
        fixed: UnsafeCell::new(None),
        list: AtomicList::START,
        foreign: AtomicU32::new(0),
        interior: AtomicU32::new(0),
        repeated: AtomicU32::new(0),
    };
}

impl AtomicBlocks {
    #[inline]
    fn fixed(&self) -> Option<&Fixed> {
        if self.stage.load(Ordering::Acquire) != LIVE {
            return None;
        }
        // SAFETY: published, and not written again while `self` is shared.
        unsafe { (*self.fixed.get()).as_ref() }
    }
}

impl Fixed {
    fn links(&self) -> &[AtomicU16] {
        // SAFETY: the table belongs to the pool as long as this value does.
        unsafe { self.links.as_ref() }
    }

    /// The index of the block that starts at `ptr`.
    #[inline]
    fn index_of(&self, ptr: NonNull<u8>) -> Result<u16, FreeError> {
        let addr = ptr.addr().get();
        let start_addr = self.storage.blocks.cast::<u8>().addr().get();
        let offset_bytes = addr.wrapping_sub(start_addr);
        if offset_bytes >= self.shape.total_bytes() {
            return Err(FreeError::Foreign { addr });
        }
        let index = offset_bytes / self.slots.unit_bytes;
        let offset_bytes = offset_bytes - index * self.slots.unit_bytes.get();
        if offset_bytes != 0 {
            return Err(FreeError::Interior { addr, offset_bytes });
        }
        Ok(index as u16)
    }
}

// SAFETY: the list hands an index out once until it comes back, and each is a block of its own.
unsafe impl RawBlocks for AtomicBlocks {
    fn table_layout(block_count: usize) -> Layout {
        match Layout::array::<AtomicU16>(block_count) {
            Ok(layout) => layout,
            Err(_) => Layout::new::<AtomicU16>(),
        }
    }

    unsafe fn init(&self, storage: Storage, shape: Shape) -> Result<(), InitError> {
        let table = Self::table_layout(shape.block_count());
        storage.validate(shape, table)?;
        self.stage
            .compare_exchange(DOWN, STARTING, Ordering::Acquire, Ordering::Relaxed)
            .map_err(|_| InitError::AlreadyInitialised)?;
        let links = storage.table.cast::<AtomicU16>();
        // SAFETY: handed over by the caller; long enough and aligned, as just seen. Zeros are the
        // list of all blocks.
        unsafe { links.write_bytes(0, shape.block_count()) };
        let unit_bytes = NonZero::new(shape.block_bytes()).unwrap_or(NonZero::<usize>::MIN);
        let fixed = Fixed {
            slots: Slots::by_index(
                origin_of(storage, shape),
                unit_bytes,
                shape.block_count() as u32,
            ),
            links: NonNull::slice_from_raw_parts(links, shape.block_count()),
            tag: Tag::new(shape.block_count() as u16),
            storage,
            shape,
        };
        // SAFETY: the exchange above let in this context alone, and nobody reads before `LIVE`.
        unsafe { *self.fixed.get() = Some(fixed) };
        self.stage.store(LIVE, Ordering::Release);
        Ok(())
    }

    #[inline]
    fn allocate(&self) -> Option<NonNull<u8>> {
        let fixed = self.fixed()?;
        let index = self.list.pop_marked(fixed.links(), fixed.tag)?;
        // SAFETY: the list has the indices of blocks only.
        Some(unsafe { fixed.slots.at(u32::from(index) + 1) })
    }

    fn take(&self) -> Option<Taken> {
        let fixed = self.fixed()?;
        // Without the mark of a raw block: a raw pointer to this one is refused.
        let index = self.list.pop(fixed.links(), fixed.tag)?;
        let link = NonZero::new(u32::from(index) + 1)?;
        // SAFETY: the list has the indices of blocks only.
        Some(Taken { block: unsafe { fixed.slots.at(link.get()) }, link })
    }

    unsafe fn give(&self, _block: NonNull<u8>, link: NonZero<u32>) {
        // Of a pool that was ended by force there is nothing left to give back to.
        if let Some(fixed) = self.fixed() {
            self.list.push(fixed.links(), fixed.tag, (link.get() - 1) as u16);
        }
    }

    fn block_bytes(&self) -> usize {
        self.fixed().map_or(0, |fixed| fixed.shape.block_bytes())
    }

    #[inline]
    fn deallocate(&self, ptr: NonNull<u8>) -> bool {
        let Some(fixed) = self.fixed() else { return false };
        let Ok(index) = fixed.index_of(ptr) else { return false };
        self.list.push_marked(fixed.links(), fixed.tag, index)
    }

    fn refuse(&self, ptr: NonNull<u8>) -> FreeError {
        let Some(fixed) = self.fixed() else { return FreeError::NotInitialised };
        let (error, counter) = match fixed.index_of(ptr) {
            Ok(_) => (FreeError::Repeated { addr: ptr.addr().get() }, &self.repeated),
            Err(error @ FreeError::Interior { .. }) => (error, &self.interior),
            Err(error) => (error, &self.foreign),
        };
        counter.fetch_add(1, Ordering::Relaxed);
        error
    }

    fn shape(&self) -> Option<Shape> {
        self.fixed().map(|fixed| fixed.shape)
    }

    fn stats(&self) -> PoolStats {
        let Some(shape) = self.shape() else { return PoolStats::default() };
        PoolStats {
            block_bytes: shape.block_bytes(),
            block_count: shape.block_count(),
            used_count: self.list.used.load(Ordering::Relaxed) as usize,
            peak_count: self.list.peak.load(Ordering::Relaxed) as usize,
            failure_count: self.list.failures.load(Ordering::Relaxed),
            refused: Refused {
                foreign_count: self.foreign.load(Ordering::Relaxed),
                interior_count: self.interior.load(Ordering::Relaxed),
                repeated_count: self.repeated.load(Ordering::Relaxed),
            },
            corruption_count: 0,
        }
    }

    fn deinit(&mut self, forced: bool) -> Result<Storage, DeinitError> {
        let Some(fixed) = *self.fixed.get_mut() else { return Err(DeinitError::NotInitialised) };
        let used_count = *self.list.used.get_mut() as usize;
        if used_count != 0 && !forced {
            return Err(DeinitError::InUse { used_count });
        }
        *self = Self::START;
        Ok(fixed.storage)
    }

    fn check(&mut self, cursor: &mut Cursor, max_steps: usize) -> Result<Progress, Corruption> {
        let Some(fixed) = *self.fixed.get_mut() else { return Ok(Progress::Done) };
        let head = self.list.head.load(Ordering::Relaxed);
        let used_count = self.list.used.load(Ordering::Relaxed) as usize;
        let expected = fixed.shape.block_count() - used_count;
        // The tag moves with every free, and the index with every take.
        let epoch = head as u32;
        if cursor.seen_count == 0 || cursor.epoch != epoch {
            let position = (head & fixed.tag.mask) as usize;
            *cursor = Cursor { position, epoch, ..Cursor::default() };
        }
        // One more than there should be is enough to know.
        let max_steps = max_steps.min(expected + 1 - cursor.seen_count.min(expected + 1));
        let at = cursor.position as u16;
        let next = AtomicList::walk(fixed.links(), at, &mut cursor.seen_count, max_steps);
        let at_addr = fixed.storage.blocks.cast::<u8>().addr().get();
        if let Some(next) = next {
            cursor.position = usize::from(next);
            if cursor.seen_count > expected {
                return Err(Corruption::Cycle { at_addr, limit_count: expected });
            }
            return Ok(Progress::More);
        }
        let actual = cursor.seen_count;
        *cursor = Cursor::default();
        if actual != expected {
            return Err(Corruption::Mismatch { at_addr, expected, actual });
        }
        Ok(Progress::Done)
    }
}
