//! Tiers for callers who do not say a block's size when they give it back.

use core::alloc::Layout;
use core::ptr::NonNull;

use super::state::State;
use super::{AllocError, Tiers};
use crate::pool::FreeError;
use crate::{Sink, SizedError};

/// Blocks of the heap behind know their size here ([`Memory::allocate_sized`]), those of a pool need
/// not. These blocks go back by [`deallocate_sized`](Self::deallocate_sized) alone.
///
/// [`Memory::allocate_sized`]: crate::Memory::allocate_sized
impl<const CLASSES: usize, const N: usize, S: Sink> Tiers<'_, CLASSES, N, S> {
    /// Takes a block of `size` bytes aligned to `align`. It is uninitialised.
    ///
    /// # Errors
    /// As for [`allocate`](Self::allocate).
    pub fn allocate_sized(&self, size: usize, align: usize) -> Result<NonNull<u8>, AllocError> {
        let heap = |error| AllocError::Heap(error);
        if size == 0 {
            return Err(heap(crate::AllocError::ZeroSize));
        }
        if let Ok(layout) = Layout::from_size_align(size, align)
            && let Some(block) = self.allocate_block(layout)?
        {
            return Ok(block);
        }
        // Before there is one, so that nobody ends the tiers in between.
        self.with(State::count_fallback);
        self.memory.allocate_sized(size, align, self.fallback_policy).map_err(|error| {
            self.with(State::uncount_fallback);
            heap(error)
        })
    }

    /// Gives a block back to where it came from. Null is given back to nowhere; what is no block in
    /// use, of the pools or of the heap, is refused and counted.
    ///
    /// # Errors
    /// [`FreeError`]: [`Foreign`](FreeError::Foreign) for what is no block of the heap's either.
    ///
    /// # Safety
    /// A block in use is the caller's to give back.
    pub unsafe fn deallocate_sized(&self, ptr: *mut u8) -> Result<(), FreeError> {
        // SAFETY: passed on.
        match (unsafe { self.deallocate_block(ptr) }, NonNull::new(ptr)) {
            (Err(foreign @ FreeError::Foreign { .. }), Some(block)) => {
                // SAFETY: passed on; anything else than a live block is refused.
                match unsafe { self.memory.deallocate_sized(block) } {
                    Ok(_) => {
                        self.with(State::uncount_fallback);
                        Ok(())
                    }
                    Err(SizedError::NotABlock { .. } | SizedError::Alloc(_)) => Err(foreign),
                }
            }
            (done, _) => done,
        }
    }
}
