//! esp-alloc, built for the ESP32-C3, with its TLSF, its regions and its lock.

#![no_std]
#![no_main]

use core::mem::MaybeUninit;

use esp_alloc::{EspHeap, HeapRegion, MemoryCapability};
use esparto_bench_device::{Global, Start, program};

struct Heap(EspHeap);

esparto_bench_device::forward_global_alloc!(Heap);

// SAFETY: the allocator's own.
unsafe impl Start for Heap {
    unsafe fn start(memory: &'static mut [MaybeUninit<u8>]) -> Self {
        let heap = EspHeap::empty();
        // SAFETY: as the caller promises.
        unsafe {
            heap.add_region(HeapRegion::new(
                memory.as_mut_ptr().cast(),
                memory.len(),
                MemoryCapability::Internal.into(),
            ));
        }
        Self(heap)
    }
}

program!(Global<Heap>);
