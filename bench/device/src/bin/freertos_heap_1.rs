//! FreeRTOS heap_1: never frees.

#![no_std]
#![no_main]

use esparto_bench_device::freertos;

esparto_bench_device::freertos_heap!("heap_1", |_start, len| {
    // SAFETY: one thread; the heap reads it at every allocation.
    unsafe { freertos::HEAP_BYTES = len };
});
