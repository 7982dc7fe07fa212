//! A block that goes back by itself.

use core::alloc::Layout;
use core::mem::MaybeUninit;
use core::ops::{Deref, DerefMut};
use core::ptr::NonNull;

use super::{AllocError, Memory};
use crate::{Policy, Silent, Sink};

/// A block of bytes that is given back when it is dropped. What collections are too much for:
/// buffers of a layout known at run time only.
#[derive(Debug)]
pub struct Block<'m, const N: usize, S: Sink = Silent> {
    memory: &'m Memory<N, S>,
    ptr: NonNull<u8>,
    layout: Layout,
    policy: Policy,
}

// SAFETY: the block is plain bytes that this value alone owns; the memory locks itself.
unsafe impl<const N: usize, S: Sink + Send> Send for Block<'_, N, S> {}
// SAFETY: as above; shared references only read.
unsafe impl<const N: usize, S: Sink + Send> Sync for Block<'_, N, S> {}

impl<'m, const N: usize, S: Sink> Block<'m, N, S> {
    pub(super) fn new(
        memory: &'m Memory<N, S>,
        layout: Layout,
        policy: Policy,
    ) -> Result<Self, AllocError> {
        let ptr = memory.allocate(layout, policy)?;
        Ok(Self { memory, ptr, layout, policy })
    }

    /// The layout it was asked for with, the size as last changed.
    #[must_use]
    pub const fn layout(&self) -> Layout {
        self.layout
    }

    /// Changes the size, in place or by moving under the policy the block was taken with. The
    /// contents up to the smaller size stay.
    ///
    /// # Errors
    /// As for [`Memory::allocate`]; [`AllocError::TooLarge`] also for a size that no layout can
    /// have. The block is as it was then.
    pub fn resize(&mut self, new_size: usize) -> Result<(), AllocError> {
        if new_size == 0 {
            return Err(AllocError::ZeroSize);
        }
        let Ok(new) = Layout::from_size_align(new_size, self.layout.align()) else {
            let limit_bytes = isize::MAX as usize;
            return Err(AllocError::TooLarge { requested_bytes: new_size, limit_bytes });
        };
        // SAFETY: the block is live and ours, with this layout.
        self.ptr = unsafe { self.memory.resize(self.ptr, self.layout, new, self.policy)? };
        self.layout = new;
        Ok(())
    }
}

impl<const N: usize, S: Sink> Deref for Block<'_, N, S> {
    type Target = [MaybeUninit<u8>];

    fn deref(&self) -> &Self::Target {
        // SAFETY: the block is live and this long.
        unsafe { NonNull::slice_from_raw_parts(self.ptr.cast(), self.layout.size()).as_ref() }
    }
}

impl<const N: usize, S: Sink> DerefMut for Block<'_, N, S> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        // SAFETY: the block is live, this long, and borrowed by nobody else.
        unsafe { NonNull::slice_from_raw_parts(self.ptr.cast(), self.layout.size()).as_mut() }
    }
}

impl<const N: usize, S: Sink> Drop for Block<'_, N, S> {
    fn drop(&mut self) {
        // SAFETY: the block is live, ours, and not used again.
        unsafe { self.memory.deallocate(self.ptr, self.layout) }
    }
}
