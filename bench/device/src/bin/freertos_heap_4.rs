//! FreeRTOS heap_4: first fit, merging.

#![no_std]
#![no_main]

use esparto_bench_device::freertos;

esparto_bench_device::freertos_heap!("heap_4", |_start, len| {
    // SAFETY: one thread; the heap reads it at its first allocation.
    unsafe { freertos::HEAP_BYTES = len };
});
