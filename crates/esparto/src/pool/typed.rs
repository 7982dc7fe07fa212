//! Pools of one type.

use core::cell::UnsafeCell;
use core::fmt;
use core::mem::MaybeUninit;
use core::num::NonZero;
use core::ptr::NonNull;

use super::access::sealed::Start;
use super::boxed::{PoolBox, Vacant};
use super::list::Slots;
use super::{Access, Exclusive, Full, PoolStats, Refused, Shape, Shared, Single};
use crate::heap::{Corruption, Cursor, Progress};

/// A block: a value, or while it is free a link.
#[repr(C)]
union Block<T> {
    _value: core::mem::ManuallyDrop<T>,
    _link: u32,
}

/// `N` blocks for values of type `T`, for whom `A` says.
///
/// Made for a `static`: it is const-constructible, needs no set-up, is all zeros (`.bss`), and has
/// its blocks inside. A block in use has nothing but the value. Values are owned by [`PoolBox`]es,
/// which give the block back when they are dropped, so nothing can be freed twice or into the wrong
/// pool.
///
/// Taking and giving back are O(1), and last in first out. On riscv32imc either is at most 12
/// instructions, the return included, beside the lock of [`Critical`](super::Critical).
///
/// ```
/// use esparto::pool::{Critical, Pool};
///
/// struct Reading { sensor: u8, value: u32 }
///
/// static READINGS: Pool<Reading, 16, Critical> = Pool::new();
///
/// let mut reading = READINGS.allocate(Reading { sensor: 3, value: 0 })?;
/// reading.value = 20;
/// assert_eq!(READINGS.stats().used_count, 1);
/// drop(reading);
/// assert_eq!(READINGS.stats().used_count, 0);
/// # Ok::<(), esparto::pool::Full<Reading>>(())
/// ```
///
/// A pool for one owner cannot be shared:
///
/// ```compile_fail,E0277
/// use esparto::pool::{Pool, Single};
/// static POOL: Pool<u32, 16, Single> = Pool::new();
/// ```
#[repr(C)]
pub struct Pool<T, const N: usize, A: Access = Single> {
    // In front, where short offsets reach.
    list: A::List,
    links: A::Links<N>,
    blocks: UnsafeCell<[MaybeUninit<Block<T>>; N]>,
}

// SAFETY: the list is safe to share, which is what `Shared` says; a value in a block belongs to
// whoever holds its box, and may be dropped wherever that is.
unsafe impl<T: Send, const N: usize, A: Shared> Sync for Pool<T, N, A> {}

impl<T, const N: usize, A: Access> Pool<T, N, A> {
    const BLOCK_BYTES: usize = size_of::<Block<T>>();
    const _COUNT: () = {
        assert!(N >= 1 && N <= Shape::LIMIT_COUNT, "a pool has 1 to 65,534 blocks");
        assert!(Self::BLOCK_BYTES <= u32::MAX as usize / (N + 1), "a pool is smaller than 4 GiB");
    };

    /// A pool with all blocks free.
    #[must_use]
    pub const fn new() -> Self {
        let () = Self::_COUNT;
        Self {
            list: <A::List>::START,
            links: <A::Links<N>>::START,
            blocks: UnsafeCell::new([const { MaybeUninit::uninit() }; N]),
        }
    }

    #[inline(always)]
    fn slots(&self) -> Slots {
        let unit_bytes = const { NonZero::new(Self::BLOCK_BYTES).expect("a link fits") };
        let (unit_bytes, step) = if A::BY_INDEX {
            (unit_bytes, 1)
        } else {
            (NonZero::<usize>::MIN, Self::BLOCK_BYTES as u32)
        };
        Slots {
            origin: (&raw const *self).cast_mut().cast(),
            // Links start at one unit.
            lead_bytes: core::mem::offset_of!(Self, blocks).wrapping_sub(unit_bytes.get()),
            unit_bytes,
            step,
            end: step * N as u32,
        }
    }

    /// Puts `value` into a block. O(1).
    ///
    /// # Errors
    /// [`Full`] gives the value back.
    #[inline]
    pub fn allocate(&self, value: T) -> Result<PoolBox<'_, T, N, A>, Full<T>> {
        match self.take() {
            Some(vacant) => Ok(vacant.write(value)),
            None => Err(Full(value)),
        }
    }

    /// Takes a block with nothing in it yet, so that a large value can be made in place; `None` if
    /// all are in use. O(1).
    #[inline]
    pub fn take(&self) -> Option<Vacant<'_, T, N, A>> {
        // SAFETY: these are the list's slots.
        let block = unsafe { A::pop(&self.list, &self.links, self.slots())? };
        // SAFETY: the block is free, and large and aligned enough for a value.
        Some(unsafe { Vacant::new(block.cast(), self) })
    }

    /// # Safety
    /// The block is of this pool, in use, and not used again.
    #[inline(always)]
    pub(super) unsafe fn give(&self, block: NonNull<T>) {
        // SAFETY: passed on.
        unsafe { A::push(&self.list, &self.links, self.slots(), block.cast()) };
    }

    /// The pool's figures. O(1). Of a lock-free pool they are approximate while others use it.
    pub fn stats(&self) -> PoolStats {
        let counts = A::counts(&self.list, self.slots());
        PoolStats {
            block_bytes: Self::BLOCK_BYTES,
            block_count: N,
            used_count: counts.used_count,
            peak_count: counts.peak_count,
            failure_count: counts.failure_count,
            // Boxes give back what they took, once.
            refused: Refused::default(),
            corruption_count: 0,
        }
    }
}

impl<T, const N: usize, A: Exclusive> Pool<T, N, A> {
    /// Checks a part of the free list, at most `max_steps` blocks, and its count when the end is
    /// reached; a whole walk is at most `N` steps. The lock is let go between two calls: when the
    /// list changed meanwhile, the cursor notices and starts over.
    ///
    /// # Errors
    /// The first [`Corruption`] found: somebody wrote to a block after giving it back.
    pub fn check(&self, cursor: &mut Cursor, max_steps: usize) -> Result<Progress, Corruption> {
        A::check(&self.list, self.slots(), cursor, max_steps)
    }
}

impl<T, const N: usize, A: Access> Default for Pool<T, N, A> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T, const N: usize, A: Access> fmt::Debug for Pool<T, N, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stats = self.stats();
        write!(f, "Pool {{ {}/{} × {} bytes used }}", stats.used_count, N, stats.block_bytes)
    }
}
