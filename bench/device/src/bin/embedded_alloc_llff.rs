//! embedded-alloc over linked_list_allocator, with its critical section.

#![no_std]
#![no_main]

use core::mem::MaybeUninit;

use embedded_alloc::LlffHeap;
use esparto_bench_device::{Global, Start, program};

struct Heap(LlffHeap);

esparto_bench_device::forward_global_alloc!(Heap);

// SAFETY: the allocator's own.
unsafe impl Start for Heap {
    unsafe fn start(memory: &'static mut [MaybeUninit<u8>]) -> Self {
        let heap = LlffHeap::empty();
        // SAFETY: as the caller promises.
        unsafe { heap.init(memory.as_mut_ptr().expose_provenance(), memory.len()) };
        Self(heap)
    }
}

program!(Global<Heap>);
