//! Peers that come as a global allocator, with the lock that they bring.

use core::alloc::{GlobalAlloc, Layout};
use core::mem::MaybeUninit;

use crate::Subject;

/// A global allocator that can be given its memory after it was made.
///
/// # Safety
/// As of [`GlobalAlloc`].
pub unsafe trait Start: GlobalAlloc + Sized {
    /// Makes one that manages `memory`, which is larger than any bookkeeping.
    ///
    /// # Safety
    /// The memory is the allocator's alone.
    unsafe fn start(memory: &'static mut [MaybeUninit<u8>]) -> Self;
}

/// A global allocator as a subject.
pub struct Global<T>(T);

impl<T: Start> Subject for Global<T> {
    unsafe fn init(arena: &'static mut [MaybeUninit<u8>]) -> Option<Self> {
        // They assert that the memory is worth while.
        // SAFETY: as the harness promises.
        (arena.len() >= 256).then(|| Self(unsafe { T::start(arena) }))
    }

    unsafe fn alloc(&mut self, layout: Layout) -> *mut u8 {
        // SAFETY: the size is not zero.
        unsafe { self.0.alloc(layout) }
    }

    unsafe fn dealloc(&mut self, ptr: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise is the allocator's.
        unsafe { self.0.dealloc(ptr, layout) };
    }

    unsafe fn realloc(&mut self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: the caller's promise is the allocator's.
        unsafe { self.0.realloc(ptr, layout, new_size) }
    }
}

/// Implements `GlobalAlloc` for a tuple struct by its first field. (A program cannot implement
/// [`Start`] for another crate's type.)
#[macro_export]
macro_rules! forward_global_alloc {
    ($name:ty) => {
        // SAFETY: every call goes to an allocator that keeps the contract.
        unsafe impl ::core::alloc::GlobalAlloc for $name {
            #[inline(always)]
            unsafe fn alloc(&self, layout: ::core::alloc::Layout) -> *mut u8 {
                // SAFETY: the caller's promise is passed on.
                unsafe { ::core::alloc::GlobalAlloc::alloc(&self.0, layout) }
            }

            #[inline(always)]
            unsafe fn dealloc(&self, ptr: *mut u8, layout: ::core::alloc::Layout) {
                // SAFETY: the caller's promise is passed on.
                unsafe { ::core::alloc::GlobalAlloc::dealloc(&self.0, ptr, layout) }
            }

            #[inline(always)]
            unsafe fn realloc(
                &self,
                ptr: *mut u8,
                layout: ::core::alloc::Layout,
                new_size: usize,
            ) -> *mut u8 {
                // SAFETY: the caller's promise is passed on.
                unsafe { ::core::alloc::GlobalAlloc::realloc(&self.0, ptr, layout, new_size) }
            }
        }
    };
}
