//! A pool of blocks of a size known at run time, with checked frees. Knows no lock.

use core::alloc::Layout;
use core::num::NonZero;
use core::ptr::NonNull;

use super::access::Locked;
use super::access::sealed::{Lock, Start};
use super::list::{List, Slots};
use super::{DeinitError, FreeError, InitError, PoolStats, Refused, Shape};
use crate::heap::{Corruption, Cursor, Progress};

/// The memory of a pool, at its start and at its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Storage {
    /// The blocks.
    pub blocks: NonNull<[u8]>,
    /// What tells blocks in use from free ones: see
    /// [`BlockPool::table_layout`](super::BlockPool::table_layout).
    pub table: NonNull<[u8]>,
}

impl Storage {
    /// Is it enough, and aligned, for `shape` with a table of `table`?
    pub(crate) fn validate(&self, shape: Shape, table: Layout) -> Result<(), InitError> {
        for (memory, layout) in [(self.blocks, shape.blocks_layout()), (self.table, table)] {
            let (start_addr, align_bytes) = (memory.cast::<u8>().addr().get(), layout.align());
            if !start_addr.is_multiple_of(align_bytes) {
                return Err(InitError::Misaligned { start_addr, align_bytes });
            }
            let (len_bytes, needed_bytes) = (memory.len(), layout.size());
            if len_bytes < needed_bytes {
                return Err(InitError::TooSmall { len_bytes, needed_bytes });
            }
        }
        Ok(())
    }
}

/// One block in front of the first.
pub(super) fn origin_of(storage: Storage, shape: Shape) -> *mut u8 {
    storage.blocks.cast::<u8>().as_ptr().wrapping_sub(shape.block_bytes())
}

/// A block that somebody owns: where it is, and the number by which it goes back.
#[derive(Clone, Copy, Debug)]
pub struct Taken {
    pub(crate) block: NonNull<u8>,
    pub(crate) link: NonZero<u32>,
}

/// What a block pool does, whoever may use it.
///
/// # Safety
/// An implementor hands out blocks of the storage it was given that overlap nothing, and touches
/// blocks in use never.
pub unsafe trait RawBlocks: Start {
    fn table_layout(block_count: usize) -> Layout;

    /// # Safety
    /// As for `BlockPool::init`.
    unsafe fn init(&self, storage: Storage, shape: Shape) -> Result<(), InitError>;

    fn allocate(&self) -> Option<NonNull<u8>>;

    /// Takes a block that goes back by `give` only: as a raw pointer it is refused.
    fn take(&self) -> Option<Taken>;

    /// # Safety
    /// The block came from `take`, and is not used any more.
    unsafe fn give(&self, block: NonNull<u8>, link: NonZero<u32>);

    /// The size of every block; 0 when it is not live.
    fn block_bytes(&self) -> usize;

    /// Takes a raw block back; `false`, and nothing changed, if it is not one in use.
    fn deallocate(&self, ptr: NonNull<u8>) -> bool;

    /// What such a pointer is, counted.
    fn refuse(&self, ptr: NonNull<u8>) -> FreeError;

    /// `None` when it is not live.
    fn shape(&self) -> Option<Shape>;

    fn stats(&self) -> PoolStats;

    /// Ends the pool if no block is in use, or `forced`. Nobody else uses it.
    fn deinit(&mut self, forced: bool) -> Result<Storage, DeinitError>;

    /// Nobody else uses it.
    fn check(&mut self, cursor: &mut Cursor, max_steps: usize) -> Result<Progress, Corruption>;
}

/// The state of a pool. Not live is a pool without blocks: everything is foreign to it.
#[derive(Debug)]
pub struct BlockState {
    /// One block in front of the first: where link 0 would be.
    origin: *mut u8,
    block_bytes: NonZero<usize>,
    block_count: u32,
    list: List,
    /// One bit a link: set while its block is in use and may go back as a raw pointer. That of
    /// link 0 never is.
    bits: NonNull<u32>,
    /// Offsets from where link 0 would be are below this; 0 if the pool is not live.
    end_bytes: usize,
    refused: Refused,
    corruption_count: u32,
    /// Blocks that were listed in lists that were given up.
    lost_count: u32,
    /// The listed block below which nothing was taken since the last reset, and how many there are
    /// from there on; so the high-water mark is a comparison.
    mark: u32,
    least_listed: u32,
    /// What was taken and given at the last reset.
    base: [u32; 2],
    /// As handed over, with the shape.
    live: Option<(Storage, Shape)>,
}

// SAFETY: the pointers are to memory that belongs to the pool alone and moves with it.
unsafe impl Send for BlockState {}

impl BlockState {
    pub(crate) const NEW: Self = Self {
        origin: core::ptr::null_mut(),
        block_bytes: NonZero::<usize>::MIN,
        block_count: 0,
        list: List::NEW,
        bits: NonNull::dangling(),
        end_bytes: 0,
        refused: Refused { foreign_count: 0, interior_count: 0, repeated_count: 0 },
        corruption_count: 0,
        lost_count: 0,
        mark: 0,
        least_listed: 0,
        base: [0; 2],
        live: None,
    };

    pub(crate) const fn table_layout(block_count: usize) -> Layout {
        // An eighth of the address space at the most.
        let bytes = (block_count / u32::BITS as usize + 1) * size_of::<u32>();
        // SAFETY: an alignment that is a power of two, and a size far below half the address space
        // that is a multiple of it.
        unsafe { Layout::from_size_align_unchecked(bytes, align_of::<u32>()) }
    }

    /// O(n / 32): the bits are cleared; no block is touched.
    ///
    /// # Safety
    /// As for `BlockPool::init`.
    pub(crate) unsafe fn init(&mut self, storage: Storage, shape: Shape) -> Result<(), InitError> {
        if self.live.is_some() {
            return Err(InitError::AlreadyInitialised);
        }
        storage.validate(shape, Self::table_layout(shape.block_count()))?;
        // SAFETY: handed over by the caller; long enough and aligned, as just seen.
        *self = unsafe { Self::live(storage, shape) };
        Ok(())
    }

    /// A pool that is live from the start. O(n / 32), as [`init`](Self::init).
    ///
    /// # Safety
    /// As for `BlockPool::init`; the storage is long enough for the shape, and aligned.
    #[inline]
    pub(crate) unsafe fn live(storage: Storage, shape: Shape) -> Self {
        let table = Self::table_layout(shape.block_count());
        let bits = storage.table.cast::<u32>();
        // SAFETY: promised by the caller.
        unsafe { bits.write_bytes(0, table.size() / size_of::<u32>()) };
        // All fields by name: those of `NEW` would come from a copy of it among the constants.
        Self {
            origin: origin_of(storage, shape),
            block_bytes: NonZero::new(shape.block_bytes()).unwrap_or(NonZero::<usize>::MIN),
            block_count: shape.block_count() as u32,
            list: List::NEW,
            bits,
            end_bytes: shape.total_bytes() + shape.block_bytes(),
            refused: Refused { foreign_count: 0, interior_count: 0, repeated_count: 0 },
            corruption_count: 0,
            lost_count: 0,
            mark: 0,
            least_listed: 0,
            base: [0; 2],
            live: Some((storage, shape)),
        }
    }

    pub(crate) fn deinit(&mut self, forced: bool) -> Result<Storage, DeinitError> {
        let Some((storage, _)) = self.live else { return Err(DeinitError::NotInitialised) };
        let used_count = self.list.used_count(self.slots());
        if used_count != 0 && !forced {
            return Err(DeinitError::InUse { used_count });
        }
        *self = Self::NEW;
        Ok(storage)
    }

    #[inline(always)]
    fn slots(&self) -> Slots {
        Slots::by_index(self.origin, self.block_bytes, self.block_count)
    }

    /// Takes a block that may go back as a raw pointer. O(1). A list that was written over is given
    /// up, and its blocks with it.
    #[inline]
    pub(crate) fn allocate(&mut self) -> Option<NonNull<u8>> {
        let (slots, bits) = (self.slots(), self.bits);
        let link = self.list.head();
        // SAFETY: these are the list's slots, and its links have bits.
        let block = unsafe { self.list.pop_claimed(slots, |link| flip(bits, link, true)) };
        if block.is_none() {
            // Once a block, or never again.
            return self.allocate_fresh();
        }
        if link == self.mark {
            self.move_mark();
        }
        block
    }

    /// Takes a block that belongs to an owned handle: its bit stays clear, so a raw pointer to it is
    /// refused. O(1).
    #[inline(always)]
    pub(crate) fn take(&mut self) -> Option<Taken> {
        self.take_listed().or_else(|| self.take_fresh())
    }

    /// The same, of the blocks that were given back: what nearly every request gets. Changes nothing
    /// if there is none.
    #[inline(always)]
    pub(crate) fn take_listed(&mut self) -> Option<Taken> {
        let (slots, bits) = (self.slots(), self.bits);
        let link = NonZero::new(self.list.head());
        // SAFETY: as above.
        let block = unsafe { self.list.pop_claimed(slots, |link| !is_set(bits, link)) };
        let (block, link) = (block?, link?);
        if link.get() == self.mark {
            self.move_mark();
        }
        Some(Taken { block, link })
    }

    /// Takes back what [`take`](Self::take) handed out. O(1).
    ///
    /// # Safety
    /// The block came from there with this link, and is not used any more.
    #[inline(always)]
    pub(crate) unsafe fn give(&mut self, block: NonNull<u8>, link: NonZero<u32>) {
        // Of a pool that was ended by force there is nothing left to give back to.
        if link.get() <= self.list.fresh() {
            // SAFETY: promised by the caller.
            unsafe { self.list.push(block, link.get()) };
        }
    }

    #[cold]
    #[inline(never)]
    pub(crate) fn take_fresh(&mut self) -> Option<Taken> {
        let link = self.fresh_link()?;
        // SAFETY: just found to be there.
        Some(Taken { block: unsafe { self.slots().at(link.get()) }, link })
    }

    #[cold]
    #[inline(never)]
    fn allocate_fresh(&mut self) -> Option<NonNull<u8>> {
        let link = self.fresh_link()?.get();
        // SAFETY: just found to be there.
        unsafe { flip(self.bits, link, true) };
        // SAFETY: as above.
        Some(unsafe { self.slots().at(link) })
    }

    /// A block that nobody had yet, once the list has none to take.
    fn fresh_link(&mut self) -> Option<NonZero<u32>> {
        let (had_blocks, lost_count) = self.list.cut();
        self.corruption_count = self.corruption_count.wrapping_add(u32::from(had_blocks));
        self.lost_count = self.lost_count.wrapping_add(lost_count);
        (self.mark, self.least_listed) = (0, 0);
        NonZero::new(self.list.pop_fresh(self.slots())?)
    }

    /// The block that marks the least that was listed since the last reset was taken: the next one
    /// does.
    // Not a call, which would make the way on a way after a call.
    #[inline(always)]
    fn move_mark(&mut self) {
        self.mark = self.list.head();
        self.least_listed = self.least_listed.saturating_sub(1);
    }

    /// Forgets how many were in use, but for those that are now.
    pub(crate) fn reset_marks(&mut self) {
        (self.mark, self.least_listed) = (self.list.head(), self.list.listed() as u32);
        self.base = self.totals();
    }

    /// The most blocks that were in use at once since the last reset.
    pub(crate) fn peak_since_reset(&self) -> usize {
        self.list.peak_count(self.slots()).saturating_sub(self.least_listed as usize)
    }

    /// Blocks handed out, and blocks taken back, since the last reset.
    pub(crate) fn counts_since_reset(&self) -> [u32; 2] {
        let ([taken, given], [taken_base, given_base]) = (self.totals(), self.base);
        [taken.wrapping_sub(taken_base), given.wrapping_sub(given_base)]
    }

    fn totals(&self) -> [u32; 2] {
        let [taken_count, given_count] = self.list.totals();
        [taken_count.wrapping_sub(self.lost_count), given_count]
    }

    /// Takes a block back, and says whether it was one in use; if not, nothing changed. O(1).
    ///
    /// What lies one block in front of the first has link 0, which is never in use.
    #[inline]
    pub(crate) fn deallocate(&mut self, ptr: NonNull<u8>) -> bool {
        let offset_bytes = self.slots().offset_of(ptr);
        if offset_bytes >= self.end_bytes {
            return false;
        }
        let link = offset_bytes / self.block_bytes;
        if link * self.block_bytes.get() != offset_bytes {
            return false;
        }
        let link = link as u32;
        // SAFETY: the offset is that of a link.
        if !unsafe { flip(self.bits, link, false) } {
            return false;
        }
        // The address is the caller's, but what may be reached through it is the pool's to say.
        // SAFETY: there is a block of this link.
        let block = unsafe { NonNull::new_unchecked(self.origin.wrapping_add(offset_bytes)) };
        // SAFETY: the block was in use and is not any more.
        unsafe { self.list.push(block, link) };
        true
    }

    /// How far an address lies behind the first block, if it lies in any. Never of a pool that is
    /// not live.
    fn offset_of(&self, ptr: NonNull<u8>) -> Option<usize> {
        let (storage, shape) = self.live?;
        let start_addr = storage.blocks.cast::<u8>().addr().get();
        let offset_bytes = ptr.addr().get().wrapping_sub(start_addr);
        (offset_bytes < shape.total_bytes()).then_some(offset_bytes)
    }

    /// Does the address lie in one of the blocks? Never of a pool that is not live.
    pub(crate) fn contains(&self, ptr: NonNull<u8>) -> bool {
        self.offset_of(ptr).is_some()
    }

    /// What a pointer is that was not a block in use. Counts it.
    #[cold]
    #[inline(never)]
    pub(crate) fn refuse(&mut self, ptr: NonNull<u8>) -> FreeError {
        if self.live.is_none() {
            return FreeError::NotInitialised;
        }
        let offset_bytes = self.offset_of(ptr).map(|offset_bytes| offset_bytes % self.block_bytes);
        let (refused, addr) = (&mut self.refused, ptr.addr().get());
        let (error, counter) = match offset_bytes {
            None => (FreeError::Foreign { addr }, &mut refused.foreign_count),
            Some(0) => (FreeError::Repeated { addr }, &mut refused.repeated_count),
            Some(offset_bytes) => {
                (FreeError::Interior { addr, offset_bytes }, &mut refused.interior_count)
            }
        };
        *counter = counter.wrapping_add(1);
        error
    }

    pub(crate) fn shape(&self) -> Option<Shape> {
        self.live.map(|(_, shape)| shape)
    }

    /// Where the blocks begin, and what they are.
    pub(crate) fn place(&self) -> Option<(usize, Shape)> {
        self.live.map(|(storage, shape)| (storage.blocks.cast::<u8>().addr().get(), shape))
    }

    pub(crate) fn used_count(&self) -> usize {
        self.list.used_count(self.slots())
    }

    /// The size of a block, and 1 when the pool is not live.
    pub(crate) fn block_bytes(&self) -> usize {
        self.block_bytes.get()
    }

    pub(crate) fn stats(&self) -> PoolStats {
        let Some(shape) = self.shape() else { return PoolStats::default() };
        PoolStats {
            block_bytes: shape.block_bytes(),
            block_count: shape.block_count(),
            used_count: self.list.used_count(self.slots()),
            peak_count: self.list.peak_count(self.slots()),
            failure_count: self.list.failure_count(),
            refused: self.refused,
            corruption_count: self.corruption_count,
        }
    }

    pub(crate) fn check(
        &self,
        cursor: &mut Cursor,
        max_steps: usize,
    ) -> Result<Progress, Corruption> {
        // SAFETY: the list asks about blocks that were handed out once.
        let is_free = |link: u32| unsafe { !is_set(self.bits, link) };
        // SAFETY: these are the list's slots.
        unsafe { self.list.check(self.slots(), cursor, max_steps, is_free) }
    }
}

/// Sets (or clears) the bit of a link, which must be clear (or set). Returns whether it was.
///
/// # Safety
/// The table has a bit for the link, and nobody else uses it.
#[inline(always)]
unsafe fn flip(bits: NonNull<u32>, link: u32, is_used: bool) -> bool {
    // SAFETY: promised by the caller.
    let word = unsafe { bits.add((link / u32::BITS) as usize).as_mut() };
    let bit = 1 << (link % u32::BITS);
    let fits = (*word & bit == 0) == is_used;
    if fits {
        *word ^= bit;
    }
    fits
}

/// Is the bit of a link set?
///
/// # Safety
/// As for [`flip`].
#[inline(always)]
unsafe fn is_set(bits: NonNull<u32>, link: u32) -> bool {
    // SAFETY: promised by the caller.
    let word = unsafe { bits.add((link / u32::BITS) as usize).read() };
    word >> (link % u32::BITS) & 1 != 0
}

// SAFETY: one thing at a time; `BlockState` keeps the promise.
unsafe impl<L: Lock> RawBlocks for Locked<L, BlockState> {
    fn table_layout(block_count: usize) -> Layout {
        BlockState::table_layout(block_count)
    }

    unsafe fn init(&self, storage: Storage, shape: Shape) -> Result<(), InitError> {
        // SAFETY: passed on; the state calls nothing.
        unsafe { self.with(|state| state.init(storage, shape)) }
    }

    #[inline]
    fn allocate(&self) -> Option<NonNull<u8>> {
        // SAFETY: the state calls nothing.
        unsafe { self.with(BlockState::allocate) }
    }

    #[inline(always)]
    fn take(&self) -> Option<Taken> {
        // SAFETY: the state calls nothing.
        unsafe { self.lock() }.value.take()
    }

    #[inline(always)]
    unsafe fn give(&self, block: NonNull<u8>, link: NonZero<u32>) {
        // SAFETY: passed on; the state calls nothing.
        unsafe { self.lock().value.give(block, link) }
    }

    #[inline(always)]
    fn block_bytes(&self) -> usize {
        // SAFETY: the state calls nothing.
        let inside = unsafe { self.lock() };
        if inside.value.end_bytes == 0 { 0 } else { inside.value.block_bytes() }
    }

    #[inline]
    fn deallocate(&self, ptr: NonNull<u8>) -> bool {
        // SAFETY: the state calls nothing.
        unsafe { self.with(|state| state.deallocate(ptr)) }
    }

    fn refuse(&self, ptr: NonNull<u8>) -> FreeError {
        // SAFETY: the state calls nothing.
        unsafe { self.with(|state| state.refuse(ptr)) }
    }

    fn shape(&self) -> Option<Shape> {
        // SAFETY: the state calls nothing.
        unsafe { self.with(|state| state.shape()) }
    }

    fn stats(&self) -> PoolStats {
        // SAFETY: the state calls nothing.
        unsafe { self.with(|state| state.stats()) }
    }

    fn deinit(&mut self, forced: bool) -> Result<Storage, DeinitError> {
        self.get_mut().deinit(forced)
    }

    fn check(&mut self, cursor: &mut Cursor, max_steps: usize) -> Result<Progress, Corruption> {
        self.get_mut().check(cursor, max_steps)
    }
}
