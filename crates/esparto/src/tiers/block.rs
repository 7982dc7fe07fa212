//! A block of tiers that goes back by itself.

use core::alloc::Layout;
use core::fmt;
use core::mem::MaybeUninit;
use core::ops::{Deref, DerefMut};
use core::ptr::NonNull;

use super::{AllocError, Tiers};
use crate::{Silent, Sink};

/// A block of bytes, of a pool or of the heap behind, that is given back when it is dropped.
pub struct TiersBlock<'t, const CLASSES: usize, const N: usize, S: Sink = Silent> {
    tiers: &'t Tiers<'t, CLASSES, N, S>,
    ptr: NonNull<u8>,
    layout: Layout,
}

// SAFETY: the block is plain bytes that this value alone owns; the tiers lock themselves.
unsafe impl<const CLASSES: usize, const N: usize, S: Sink + Send> Send
    for TiersBlock<'_, CLASSES, N, S>
{
}
// SAFETY: as above; shared references only read.
unsafe impl<const CLASSES: usize, const N: usize, S: Sink + Send> Sync
    for TiersBlock<'_, CLASSES, N, S>
{
}

impl<'t, const CLASSES: usize, const N: usize, S: Sink> TiersBlock<'t, CLASSES, N, S> {
    pub(super) fn new(
        tiers: &'t Tiers<'t, CLASSES, N, S>,
        layout: Layout,
    ) -> Result<Self, AllocError> {
        Ok(Self { tiers, ptr: tiers.allocate(layout)?, layout })
    }

    /// The layout it was asked for with, the size as last changed.
    #[must_use]
    pub const fn layout(&self) -> Layout {
        self.layout
    }

    /// Changes the size, by moving to where a block of the new one belongs. The contents up to the
    /// smaller size stay.
    ///
    /// # Errors
    /// As for [`Tiers::allocate`]; the block is as it was then.
    pub fn resize(&mut self, new_size: usize) -> Result<(), AllocError> {
        let Ok(layout) = Layout::from_size_align(new_size, self.layout.align()) else {
            let limit_bytes = isize::MAX as usize;
            let requested_bytes = new_size;
            return Err(AllocError::Heap(crate::AllocError::TooLarge {
                requested_bytes,
                limit_bytes,
            }));
        };
        let mut new = Self::new(self.tiers, layout)?;
        let kept_bytes = new_size.min(self.len());
        new[..kept_bytes].copy_from_slice(&self[..kept_bytes]);
        *self = new;
        Ok(())
    }
}

impl<const CLASSES: usize, const N: usize, S: Sink> Deref for TiersBlock<'_, CLASSES, N, S> {
    type Target = [MaybeUninit<u8>];

    fn deref(&self) -> &Self::Target {
        // SAFETY: the block is live and this long.
        unsafe { NonNull::slice_from_raw_parts(self.ptr.cast(), self.layout.size()).as_ref() }
    }
}

impl<const CLASSES: usize, const N: usize, S: Sink> DerefMut for TiersBlock<'_, CLASSES, N, S> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        // SAFETY: the block is live, this long, and borrowed by nobody else.
        unsafe { NonNull::slice_from_raw_parts(self.ptr.cast(), self.layout.size()).as_mut() }
    }
}

impl<const CLASSES: usize, const N: usize, S: Sink> Drop for TiersBlock<'_, CLASSES, N, S> {
    fn drop(&mut self) {
        // Refused only if somebody gave the block back by its address, which was counted.
        // SAFETY: the block is ours, of this layout, and not used again.
        let _ = unsafe { self.tiers.deallocate(self.ptr.as_ptr(), self.layout) };
    }
}

impl<const CLASSES: usize, const N: usize, S: Sink> fmt::Debug for TiersBlock<'_, CLASSES, N, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TiersBlock({:p}, {} bytes)", self.ptr, self.layout.size())
    }
}
