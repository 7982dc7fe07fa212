//! A memory as Rust's global allocator.

use core::alloc::{GlobalAlloc, Layout};
use core::ptr::{NonNull, null_mut};

use super::Memory;
use super::state::State;
use crate::Sink;

// SAFETY: blocks come from heaps, which keep the promises of `RawHeap`; nothing here unwinds.
unsafe impl<const N: usize, S: Sink> GlobalAlloc for Memory<N, S> {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if State::<N, S>::LED {
            let Some(policy) = self.locked(|state| state.global_policy) else { return null_mut() };
            return self.allocate_for(None, layout, policy).map_or(null_mut(), NonNull::as_ptr);
        }
        self.served(None, |state| state.allocate::<false>(None, layout, state.global_policy))
            .map_or(null_mut(), NonNull::as_ptr)
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        if let Some(ptr) = NonNull::new(ptr) {
            // SAFETY: the caller gives back a block of this allocator with its layout.
            unsafe { self.deallocate(ptr, layout) }
        }
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        let Some(ptr) = NonNull::new(ptr) else { return null_mut() };
        let Ok(new) = Layout::from_size_align(new_size, layout.align()) else { return null_mut() };
        let Some(policy) = self.locked(|state| state.global_policy) else { return null_mut() };
        // SAFETY: as for `dealloc`; a failed resize leaves the block as it was.
        unsafe { self.resize(ptr, layout, new, policy) }.map_or(null_mut(), NonNull::as_ptr)
    }
}
