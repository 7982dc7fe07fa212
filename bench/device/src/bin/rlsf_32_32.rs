//! rlsf, a TLSF, in the configuration of esp-alloc and embedded-alloc.

#![no_std]
#![no_main]

use core::alloc::Layout;
use core::mem::MaybeUninit;
use core::ptr::NonNull;

use esparto_bench_device::{Subject, program};
use rlsf::Tlsf;

struct Subj(Tlsf<'static, usize, usize, 32, 32>);

impl Subject for Subj {
    unsafe fn init(arena: &'static mut [MaybeUninit<u8>]) -> Option<Self> {
        let mut heap = Tlsf::new();
        // SAFETY: the arena is the heap's alone.
        unsafe {
            let start = NonNull::from(&mut *arena).cast::<u8>();
            heap.insert_free_block_ptr(NonNull::slice_from_raw_parts(start, arena.len()))?;
        }
        Some(Self(heap))
    }

    unsafe fn alloc(&mut self, layout: Layout) -> *mut u8 {
        self.0.allocate(layout).map_or(core::ptr::null_mut(), NonNull::as_ptr)
    }

    unsafe fn dealloc(&mut self, ptr: *mut u8, layout: Layout) {
        // SAFETY: a live block is not null; the caller's promise is the heap's.
        unsafe { self.0.deallocate(NonNull::new_unchecked(ptr), layout.align()) };
    }

    unsafe fn realloc(&mut self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: as for `dealloc`; the new size forms a valid layout.
        unsafe {
            let layout = Layout::from_size_align_unchecked(new_size, layout.align());
            self.0
                .reallocate(NonNull::new_unchecked(ptr), layout)
                .map_or(core::ptr::null_mut(), NonNull::as_ptr)
        }
    }
}

program!(Subj);
