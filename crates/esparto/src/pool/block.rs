//! Pools of blocks of a size known at run time.

use core::alloc::Layout;
use core::fmt;
use core::mem::MaybeUninit;
use core::num::NonZero;
use core::ops::{Deref, DerefMut};
use core::ptr::NonNull;

use super::access::sealed::Start;
use super::state::{RawBlocks, Storage, Taken};
use super::{
    Access, DeinitError, Exclusive, FreeError, InitError, PoolStats, Shape, Shared, Single,
    TakeError,
};
use crate::heap::{Corruption, Cursor, Progress};
use crate::{Caps, Memory, Policy, Sink};

/// Blocks of a size that is chosen at run time, on memory of any capability, for whom `A` says.
///
/// Made for a `static`: const-constructible, live after [`init`](Self::init) (or
/// [`init_static`](Self::init_static), [`init_in`](Self::init_in)). Blocks are had as
/// [`PoolBlock`]s, which give themselves back, or raw, for C and other users that must be
/// distrusted: a pointer given back that is foreign, inside a block, or of a free block is refused
/// and counted, and does no harm. This costs one bit a block, in a table outside of the blocks (two
/// bytes for [`LockFree`](super::LockFree), which has its links there).
///
/// All is O(1), but `init`, which clears the table: O(n / 32). On riscv32imc a checked free is at
/// most 30 instructions beside the lock.
///
/// ```
/// use core::mem::MaybeUninit;
/// use esparto::pool::{BlockPool, Critical, FreeError, Shape};
///
/// static POOL: BlockPool<Critical> = BlockPool::new();
///
/// let memory = Box::leak(Box::new([MaybeUninit::uninit(); 2048]));
/// POOL.init_static(memory, Shape::new(64, 16)?)?;
///
/// let raw = POOL.allocate()?;
/// POOL.deallocate(raw)?;
/// assert!(matches!(POOL.deallocate(raw), Err(FreeError::Repeated { .. })));
/// assert_eq!(POOL.stats().refused.repeated_count, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct BlockPool<A: Access = Single> {
    blocks: A::Blocks,
}

// SAFETY: what the blocks are managed with is safe to share, which is what `Shared` says.
unsafe impl<A: Shared> Sync for BlockPool<A> {}

impl<A: Access> BlockPool<A> {
    /// A pool that is not live.
    #[must_use]
    pub const fn new() -> Self {
        Self { blocks: <A::Blocks>::START }
    }

    /// What the table of a pool of `shape` needs.
    #[must_use]
    pub fn table_layout(shape: Shape) -> Layout {
        A::Blocks::table_layout(shape.block_count())
    }

    /// The length that is always enough for [`init_static`](Self::init_static).
    #[must_use]
    pub fn needed_bytes(shape: Shape) -> usize {
        let slack_bytes = shape.align_bytes() - 1;
        slack_bytes + shape.total_bytes() + Self::table_layout(shape).size()
    }

    /// Makes the pool live on `storage`. No block is touched.
    ///
    /// # Errors
    /// [`InitError::AlreadyInitialised`] on a live pool, which goes on undisturbed;
    /// [`InitError::Misaligned`], [`InitError::TooSmall`].
    ///
    /// # Safety
    /// Blocks and table are valid for reads and writes by whoever uses the pool (a lock-free one
    /// wants its table where atomics work), do not overlap, and belong to the pool alone until
    /// `deinit` gives them back.
    pub unsafe fn init(&self, storage: Storage, shape: Shape) -> Result<(), InitError> {
        // SAFETY: passed on.
        unsafe { self.blocks.init(storage, shape) }
    }

    /// Makes the pool live on a static buffer, the table behind the blocks. Bytes in front of the
    /// first aligned one are left unused.
    ///
    /// # Errors
    /// As for [`init`](Self::init). The buffer is lost to the program then.
    pub fn init_static(
        &self,
        memory: &'static mut [MaybeUninit<u8>],
        shape: Shape,
    ) -> Result<(), InitError> {
        let storage = Self::storage_of(memory, shape)?;
        // SAFETY: an exclusive borrow for ever, in two parts.
        unsafe { self.init(storage, shape) }
    }

    /// Divides a static buffer into what a pool of `shape` is made of: the blocks from the first
    /// aligned byte on, and the table behind them.
    ///
    /// # Errors
    /// [`InitError::TooSmall`].
    #[inline]
    pub fn storage_of(
        memory: &'static mut [MaybeUninit<u8>],
        shape: Shape,
    ) -> Result<Storage, InitError> {
        // Not `align_offset`, which can panic for what no shape has.
        let start_addr = memory.as_ptr().addr();
        let skip_bytes = start_addr.wrapping_neg() & (shape.align_bytes() - 1);
        let (blocks_bytes, table_bytes) = (shape.total_bytes(), Self::table_layout(shape).size());
        let needed_bytes = blocks_bytes + table_bytes;
        let len_bytes = memory.len().saturating_sub(skip_bytes);
        if len_bytes < needed_bytes {
            return Err(InitError::TooSmall { len_bytes, needed_bytes });
        }
        let start = NonNull::from(memory).cast::<u8>();
        // SAFETY: both parts lie in the buffer, which is that much longer, as just seen.
        let (blocks, table) =
            unsafe { (start.add(skip_bytes), start.add(skip_bytes + blocks_bytes)) };
        Ok(Storage {
            blocks: NonNull::slice_from_raw_parts(blocks, blocks_bytes),
            table: NonNull::slice_from_raw_parts(table, table_bytes),
        })
    }

    /// Makes the pool live on memory from `memory`: the blocks where `policy` says, the table in
    /// internal memory with atomics. Goes back with [`deinit`](Self::deinit) and
    /// [`Storage::give_back`].
    ///
    /// # Errors
    /// As for [`init`](Self::init), and [`InitError::NoMemory`]. Nothing is kept then.
    pub fn init_in<const N: usize, S: Sink>(
        &self,
        memory: &'static Memory<N, S>,
        policy: impl Into<Policy>,
        shape: Shape,
    ) -> Result<(), InitError> {
        if self.shape().is_some() {
            return Err(InitError::AlreadyInitialised);
        }
        let (layout, table_layout) = (shape.blocks_layout(), Self::table_layout(shape));
        let storage = Self::storage_in(memory, policy, shape)?;
        // SAFETY: two blocks of the memory, just allocated, which lives for ever.
        let live = unsafe { self.init(storage, shape) };
        if live.is_err() {
            // SAFETY: just taken, and not used.
            unsafe { storage.give_back(memory, layout, table_layout) };
        }
        live
    }

    /// Takes what a pool of `shape` is made of from `memory`, as [`init_in`](Self::init_in) does.
    ///
    /// # Errors
    /// [`InitError::NoMemory`].
    pub fn storage_in<const N: usize, S: Sink>(
        memory: &'static Memory<N, S>,
        policy: impl Into<Policy>,
        shape: Shape,
    ) -> Result<Storage, InitError> {
        let (layout, table_layout) = (shape.blocks_layout(), Self::table_layout(shape));
        Storage::take(memory, policy.into(), layout, table_layout)
    }

    /// Takes a block that gives itself back. O(1).
    ///
    /// # Errors
    /// As for [`allocate`](Self::allocate).
    pub fn take(&self) -> Result<PoolBlock<'_, A>, TakeError> {
        match self.blocks.take() {
            Some(Taken { block, link }) => {
                let bytes = NonNull::slice_from_raw_parts(block, self.blocks.block_bytes());
                Ok(PoolBlock { bytes, link, pool: self })
            }
            None => Err(self.explain()),
        }
    }

    /// The blocks, for those who keep the number of a block themselves.
    #[inline(always)]
    pub(crate) const fn raw(&self) -> &A::Blocks {
        &self.blocks
    }

    /// Takes a raw block. O(1). It is uninitialised; it is the caller's until it is given back, by
    /// [`deallocate`](Self::deallocate).
    ///
    /// # Errors
    /// [`TakeError::Exhausted`], or [`TakeError::NotInitialised`].
    #[inline]
    pub fn allocate(&self) -> Result<NonNull<u8>, TakeError> {
        match self.blocks.allocate() {
            Some(block) => Ok(block),
            None => Err(self.explain()),
        }
    }

    /// As [`allocate`](Self::allocate), without the reason: nothing is there to tell it to.
    #[inline]
    pub fn allocate_or_none(&self) -> Option<NonNull<u8>> {
        self.blocks.allocate()
    }

    #[cold]
    fn explain(&self) -> TakeError {
        match self.blocks.shape() {
            Some(shape) => TakeError::Exhausted { block_count: shape.block_count() },
            None => TakeError::NotInitialised,
        }
    }

    /// Takes a block back, if it is one. O(1).
    ///
    /// Safe for any pointer. That of a [`PoolBlock`] is refused as if its block were free. What
    /// cannot be noticed is the free of a raw block that somebody else got meanwhile: whoever turns
    /// a raw block into a reference answers for it being given back by nobody else.
    ///
    /// # Errors
    /// [`FreeError`] says what the pointer is instead; it was counted, and nothing else changed.
    #[inline]
    pub fn deallocate(&self, ptr: NonNull<u8>) -> Result<(), FreeError> {
        if self.blocks.deallocate(ptr) { Ok(()) } else { Err(self.blocks.refuse(ptr)) }
    }

    /// The pool's shape; `None` when it is not live.
    pub fn shape(&self) -> Option<Shape> {
        self.blocks.shape()
    }

    /// The pool's figures, all zero when it is not live. O(1). Of a lock-free pool they are
    /// approximate while others use it.
    pub fn stats(&self) -> PoolStats {
        self.blocks.stats()
    }

    /// Ends a pool that nobody shares, and returns its memory. See [`deinit`](Self::deinit).
    ///
    /// # Errors
    /// [`DeinitError`]; the pool goes on then.
    pub fn deinit_mut(&mut self) -> Result<Storage, DeinitError> {
        self.blocks.deinit(false)
    }

    /// Checks a pool that nobody shares. See [`check`](Self::check).
    ///
    /// # Errors
    /// As for [`check`](Self::check).
    pub fn check_mut(
        &mut self,
        cursor: &mut Cursor,
        max_steps: usize,
    ) -> Result<Progress, Corruption> {
        self.blocks.check(cursor, max_steps)
    }
}

impl<A: Exclusive> BlockPool<A> {
    /// A pool that is live from the start.
    ///
    /// # Safety
    /// As for [`init`](Self::init), and the storage is at least as long as `shape` needs and aligned
    /// for it, as that of [`storage_of`](Self::storage_of) and [`storage_in`](Self::storage_in).
    #[inline]
    pub unsafe fn live(storage: Storage, shape: Shape) -> Self {
        // SAFETY: passed on.
        Self { blocks: unsafe { A::live(storage, shape) } }
    }

    /// Ends the pool and returns its memory; what is given back after this is refused. O(1).
    ///
    /// # Errors
    /// [`DeinitError::NotInitialised`]; [`DeinitError::InUse`] while any block is: the pool goes on
    /// then.
    pub fn deinit(&self) -> Result<Storage, DeinitError> {
        // SAFETY: the state calls nothing.
        unsafe { A::with(&self.blocks, |state| state.deinit(false)) }
    }

    /// Ends the pool even if blocks are in use.
    ///
    /// # Errors
    /// [`DeinitError::NotInitialised`].
    ///
    /// # Safety
    /// Nobody uses any block of the pool any more, [`PoolBlock`]s included.
    pub unsafe fn deinit_forced(&self) -> Result<Storage, DeinitError> {
        // SAFETY: the state calls nothing.
        unsafe { A::with(&self.blocks, |state| state.deinit(true)) }
    }

    /// Checks a part of the free list, at most `max_steps` blocks, and its count when the end is
    /// reached; a whole walk is at most as many steps as there are blocks. The lock is let go
    /// between two calls: when the list changed meanwhile, the cursor notices and starts over.
    ///
    /// # Errors
    /// The first [`Corruption`] found: somebody wrote to a block after giving it back.
    pub fn check(&self, cursor: &mut Cursor, max_steps: usize) -> Result<Progress, Corruption> {
        // SAFETY: the state calls nothing.
        unsafe { A::with(&self.blocks, |state| state.check(cursor, max_steps)) }
    }
}

impl<A: Access> Default for BlockPool<A> {
    fn default() -> Self {
        Self::new()
    }
}

impl<A: Access> fmt::Debug for BlockPool<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stats = self.stats();
        let (used, count, bytes) = (stats.used_count, stats.block_count, stats.block_bytes);
        write!(f, "BlockPool {{ {used}/{count} × {bytes} bytes used }}")
    }
}

impl Storage {
    /// Takes both parts from a memory.
    pub(crate) fn take<const N: usize, S: Sink>(
        memory: &Memory<N, S>,
        policy: Policy,
        blocks: Layout,
        table: Layout,
    ) -> Result<Self, InitError> {
        /// The table is read in the middle of every operation, and by atomics if there is no lock.
        const TABLE: Policy = Policy::require(Caps::BYTE.union(Caps::INTERNAL).union(Caps::ATOMIC));
        let no_memory = InitError::NoMemory;
        let block_memory = memory.allocate(blocks, policy).map_err(no_memory)?;
        let table_memory = memory.allocate(table, TABLE).map_err(|error| {
            // SAFETY: allocated just above with this layout.
            unsafe { memory.deallocate(block_memory, blocks) };
            no_memory(error)
        })?;
        Ok(Self {
            blocks: NonNull::slice_from_raw_parts(block_memory, blocks.size()),
            table: NonNull::slice_from_raw_parts(table_memory, table.size()),
        })
    }

    /// Gives both parts back to the memory that they were taken from.
    ///
    /// # Safety
    /// They were taken from `memory` with these layouts (by
    /// [`BlockPool::init_in`]: [`Shape::blocks_layout`] and [`BlockPool::table_layout`]), and
    /// nobody uses them any more.
    pub unsafe fn give_back<const N: usize, S: Sink>(
        self,
        memory: &Memory<N, S>,
        blocks: Layout,
        table: Layout,
    ) {
        // SAFETY: passed on.
        unsafe { memory.deallocate(self.blocks.cast(), blocks) };
        // SAFETY: passed on.
        unsafe { memory.deallocate(self.table.cast(), table) };
    }
}

/// A block of a [`BlockPool`] that goes back when it is dropped.
pub struct PoolBlock<'p, A: Access = Single> {
    bytes: NonNull<[u8]>,
    link: NonZero<u32>,
    pool: &'p BlockPool<A>,
}

// SAFETY: the block is plain bytes that this value alone owns; the pool may be shared.
unsafe impl<A: Shared> Send for PoolBlock<'_, A> {}
// SAFETY: a shared block gives shared access to its bytes, and to nothing of the pool.
unsafe impl<A: Access> Sync for PoolBlock<'_, A> {}

impl<A: Access> Deref for PoolBlock<'_, A> {
    type Target = [MaybeUninit<u8>];

    fn deref(&self) -> &Self::Target {
        let block = NonNull::slice_from_raw_parts(self.bytes.cast(), self.bytes.len());
        // SAFETY: the block is live and this long.
        unsafe { block.as_ref() }
    }
}

impl<A: Access> DerefMut for PoolBlock<'_, A> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        let mut block = NonNull::slice_from_raw_parts(self.bytes.cast(), self.bytes.len());
        // SAFETY: the block is live, this long, and borrowed by nobody else.
        unsafe { block.as_mut() }
    }
}

impl<A: Access> Drop for PoolBlock<'_, A> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: taken by `take`, owned by this value alone, and not used any more.
        unsafe { self.pool.blocks.give(self.bytes.cast(), self.link) };
    }
}

impl<A: Access> fmt::Debug for PoolBlock<'_, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PoolBlock({:p}, {} bytes)", self.bytes, self.bytes.len())
    }
}
