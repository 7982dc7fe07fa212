//! Esparto's heaps as subjects: the algorithm alone, as the peers are.

use core::alloc::Layout;
use core::mem::MaybeUninit;
use core::ptr::NonNull;

use esparto::{RawHeap, Region};

use crate::Subject;

/// A heap of Esparto.
pub struct Ours<H>(H);

impl<H: RawHeap> Subject for Ours<H> {
    unsafe fn init(arena: &'static mut [MaybeUninit<u8>]) -> Option<Self> {
        let len = arena.len() & !(Region::ALIGN_BYTES - 1);
        let memory = NonNull::slice_from_raw_parts(NonNull::from(arena).cast(), len);
        // SAFETY: the arena starts at a multiple of 16 MiB and is the heap's alone.
        unsafe { H::init(memory) }.ok().map(Self)
    }

    fn arena_control_bytes(&self) -> usize {
        let mut total = 0;
        self.0.walk(&mut |extent| {
            if extent.kind == esparto::heap::ExtentKind::Bookkeeping {
                total += extent.len_bytes;
            }
        });
        total
    }

    #[inline(always)]
    unsafe fn alloc(&mut self, layout: Layout) -> *mut u8 {
        self.0.allocate(layout).map_or(core::ptr::null_mut(), |grant| grant.ptr.as_ptr())
    }

    #[inline(always)]
    unsafe fn dealloc(&mut self, ptr: *mut u8, layout: Layout) {
        // SAFETY: a live block is not null; the caller's promise is the heap's.
        unsafe { self.0.deallocate(NonNull::new_unchecked(ptr), layout) };
    }

    unsafe fn realloc(&mut self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: a live block is not null; the caller's promise is the heap's.
        let moved = unsafe { self.0.reallocate(NonNull::new_unchecked(ptr), layout, new_size) };
        moved.map_or(core::ptr::null_mut(), NonNull::as_ptr)
    }

    fn settle(&mut self) -> bool {
        self.0.settle()
    }

    #[inline(always)]
    unsafe fn resize_in_place(&mut self, ptr: *mut u8, layout: Layout, new_size: usize) -> bool {
        // SAFETY: as for `realloc`.
        unsafe {
            let block = NonNull::new_unchecked(ptr);
            let taken_bytes = if new_size >= layout.size() {
                self.0.grow(block, layout, new_size)
            } else {
                self.0.shrink(block, layout, new_size)
            };
            taken_bytes.is_some()
        }
    }

    unsafe fn grow_moving(&mut self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: as for `realloc`.
        let moved = unsafe { self.0.grow_moving(NonNull::new_unchecked(ptr), layout, new_size) };
        moved.map_or(core::ptr::null_mut(), |moved| moved.grant.ptr.as_ptr())
    }
}
