//! talc: boundary tags, bins by size, best fit.

#![no_std]
#![no_main]

use core::alloc::Layout;
use core::mem::MaybeUninit;

use esparto_bench_device::{Subject, program};
use talc::DefaultBinning;
use talc::base::Talc;
use talc::source::Manual;

/// The core without its lock wrapper.
struct Subj(Talc<Manual, DefaultBinning>);

impl Subject for Subj {
    unsafe fn init(arena: &'static mut [MaybeUninit<u8>]) -> Option<Self> {
        let mut heap = Talc::new(Manual);
        // SAFETY: the arena is the heap's alone.
        unsafe { heap.claim(arena.as_mut_ptr().cast(), arena.len())? };
        Some(Self(heap))
    }

    fn arena_control_bytes(&self) -> usize {
        talc::min_first_heap_layout::<DefaultBinning>().size()
    }

    unsafe fn alloc(&mut self, layout: Layout) -> *mut u8 {
        // SAFETY: the size is not zero.
        unsafe { self.0.allocate(layout) }.map_or(core::ptr::null_mut(), |ptr| ptr.as_ptr())
    }

    unsafe fn dealloc(&mut self, ptr: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise is the heap's.
        unsafe { self.0.deallocate(ptr, layout) };
    }

    unsafe fn realloc(&mut self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: the caller's promise is the heap's; a block that moves is copied before it is
        // given back.
        unsafe {
            if self.0.try_realloc_in_place(ptr, layout, new_size) {
                return ptr;
            }
            let new = self.alloc(Layout::from_size_align_unchecked(new_size, layout.align()));
            if !new.is_null() {
                new.copy_from_nonoverlapping(ptr, layout.size().min(new_size));
                self.dealloc(ptr, layout);
            }
            new
        }
    }
}

program!(Subj);
