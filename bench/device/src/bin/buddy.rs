//! buddy_system_allocator: powers of two, at its usual 32 orders.

#![no_std]
#![no_main]

use core::alloc::Layout;
use core::mem::MaybeUninit;
use core::ptr::NonNull;

use buddy_system_allocator::Heap;
use esparto_bench_device::{Subject, program};

struct Buddy(Heap<32>);

impl Subject for Buddy {
    unsafe fn init(arena: &'static mut [MaybeUninit<u8>]) -> Option<Self> {
        let mut heap = Heap::new();
        // SAFETY: the arena is the heap's alone.
        unsafe { heap.init(arena.as_mut_ptr().expose_provenance(), arena.len()) };
        Some(Self(heap))
    }

    unsafe fn alloc(&mut self, layout: Layout) -> *mut u8 {
        self.0.alloc(layout).map_or(core::ptr::null_mut(), NonNull::as_ptr)
    }

    unsafe fn dealloc(&mut self, ptr: *mut u8, layout: Layout) {
        // SAFETY: a live block is not null; the caller's promise is the heap's.
        unsafe { self.0.dealloc(NonNull::new_unchecked(ptr), layout) };
    }
}

program!(Buddy);
