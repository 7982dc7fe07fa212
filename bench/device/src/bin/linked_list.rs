//! linked_list_allocator: one list sorted by address, first fit, no header.

#![no_std]
#![no_main]

use core::alloc::Layout;
use core::mem::MaybeUninit;
use core::ptr::NonNull;

use esparto_bench_device::{Subject, program};
use linked_list_allocator::Heap;

struct Subj(Heap);

impl Subject for Subj {
    unsafe fn init(arena: &'static mut [MaybeUninit<u8>]) -> Option<Self> {
        (arena.len() >= 16).then(|| Self(Heap::from_slice(arena)))
    }

    unsafe fn alloc(&mut self, layout: Layout) -> *mut u8 {
        self.0.allocate_first_fit(layout).map_or(core::ptr::null_mut(), NonNull::as_ptr)
    }

    unsafe fn dealloc(&mut self, ptr: *mut u8, layout: Layout) {
        // SAFETY: a live block is not null; the caller's promise is the heap's.
        unsafe { self.0.deallocate(NonNull::new_unchecked(ptr), layout) };
    }
}

program!(Subj);
