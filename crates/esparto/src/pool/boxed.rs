//! A value in a block of a pool.

use core::fmt;
use core::mem::{ManuallyDrop, MaybeUninit};
use core::ops::{Deref, DerefMut};
use core::ptr::NonNull;

use super::{Access, Pool, Shared, Single};

/// A value that lives in a block of a [`Pool`]. When it is dropped, the value is dropped and the
/// block goes back.
pub struct PoolBox<'p, T, const N: usize, A: Access = Single> {
    ptr: NonNull<T>,
    pool: &'p Pool<T, N, A>,
}

// SAFETY: the box owns its value; the pool, to which the block goes back, may be shared.
unsafe impl<T: Send, const N: usize, A: Shared> Send for PoolBox<'_, T, N, A> {}
// SAFETY: a shared box gives shared access to the value, and to nothing of the pool.
unsafe impl<T: Sync, const N: usize, A: Access> Sync for PoolBox<'_, T, N, A> {}

impl<'p, T, const N: usize, A: Access> PoolBox<'p, T, N, A> {
    /// Takes the value out and gives the block back. O(1).
    #[must_use]
    pub fn into_inner(self) -> T {
        let this = ManuallyDrop::new(self);
        // SAFETY: the box owns the value, which is not used again.
        let value = unsafe { this.ptr.read() };
        // SAFETY: the box owns the block.
        unsafe { this.pool.give(this.ptr) };
        value
    }

    /// Lets go of the value: the block stays in use until [`from_raw`](Self::from_raw).
    #[must_use = "without the pointer the block is lost"]
    pub fn into_raw(self) -> NonNull<T> {
        ManuallyDrop::new(self).ptr
    }

    /// Takes a value back that [`into_raw`](Self::into_raw) let go of.
    ///
    /// # Safety
    /// `ptr` came from `into_raw` of a box of this very pool, and was not taken back since.
    pub unsafe fn from_raw(pool: &'p Pool<T, N, A>, ptr: NonNull<T>) -> Self {
        Self { ptr, pool }
    }
}

impl<T, const N: usize, A: Access> Deref for PoolBox<'_, T, N, A> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: the box owns the value.
        unsafe { self.ptr.as_ref() }
    }
}

impl<T, const N: usize, A: Access> DerefMut for PoolBox<'_, T, N, A> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: the box owns the value and is borrowed exclusively.
        unsafe { self.ptr.as_mut() }
    }
}

impl<T, const N: usize, A: Access> Drop for PoolBox<'_, T, N, A> {
    #[inline]
    fn drop(&mut self) {
        /// Gives the block back even if dropping the value unwinds.
        struct Give<'p, T, const N: usize, A: Access>(NonNull<T>, &'p Pool<T, N, A>);

        impl<T, const N: usize, A: Access> Drop for Give<'_, T, N, A> {
            #[inline(always)]
            fn drop(&mut self) {
                // SAFETY: the box owned the block, and is gone.
                unsafe { self.1.give(self.0) };
            }
        }

        let give = Give(self.ptr, self.pool);
        // SAFETY: the box owns the value, which is not used again.
        unsafe { give.0.drop_in_place() };
    }
}

impl<T: fmt::Debug, const N: usize, A: Access> fmt::Debug for PoolBox<'_, T, N, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: fmt::Display, const N: usize, A: Access> fmt::Display for PoolBox<'_, T, N, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

/// A block of a [`Pool`] with nothing in it yet: the place where a value is made. Goes back when it
/// is dropped.
pub struct Vacant<'p, T, const N: usize, A: Access = Single> {
    ptr: NonNull<T>,
    pool: &'p Pool<T, N, A>,
}

// SAFETY: as for the box; there is no value yet, but one may be written wherever the place is.
unsafe impl<T: Send, const N: usize, A: Shared> Send for Vacant<'_, T, N, A> {}

impl<'p, T, const N: usize, A: Access> Vacant<'p, T, N, A> {
    /// # Safety
    /// The block is of this pool, in use, and owned by nobody else.
    #[inline(always)]
    pub(super) unsafe fn new(ptr: NonNull<T>, pool: &'p Pool<T, N, A>) -> Self {
        Self { ptr, pool }
    }

    /// Moves `value` in.
    #[inline]
    pub fn write(self, value: T) -> PoolBox<'p, T, N, A> {
        // SAFETY: the place is this value's own, and large and aligned enough.
        unsafe { self.ptr.write(value) };
        // SAFETY: just written.
        unsafe { self.assume_init() }
    }

    /// Says that the value has been made in place, through [`DerefMut`].
    ///
    /// # Safety
    /// It has.
    #[inline]
    pub unsafe fn assume_init(self) -> PoolBox<'p, T, N, A> {
        let this = ManuallyDrop::new(self);
        PoolBox { ptr: this.ptr, pool: this.pool }
    }
}

impl<T, const N: usize, A: Access> Deref for Vacant<'_, T, N, A> {
    type Target = MaybeUninit<T>;

    fn deref(&self) -> &MaybeUninit<T> {
        // SAFETY: the place is this value's own, and large and aligned enough.
        unsafe { self.ptr.cast().as_ref() }
    }
}

impl<T, const N: usize, A: Access> DerefMut for Vacant<'_, T, N, A> {
    fn deref_mut(&mut self) -> &mut MaybeUninit<T> {
        // SAFETY: as above, borrowed exclusively.
        unsafe { self.ptr.cast().as_mut() }
    }
}

impl<T, const N: usize, A: Access> Drop for Vacant<'_, T, N, A> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: the block is this value's own, and not used again.
        unsafe { self.pool.give(self.ptr) };
    }
}

impl<T, const N: usize, A: Access> fmt::Debug for Vacant<'_, T, N, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Vacant")
    }
}
