//! FreeRTOS heap_2: best fit, no merging.

#![no_std]
#![no_main]

use esparto_bench_device::freertos;

unsafe extern "C" {
    fn heap_2_vPortHeapResetState();
}

esparto_bench_device::freertos_heap!("heap_2", |_start, len| {
    // SAFETY: one thread; the heap takes its size over at the reset.
    unsafe {
        freertos::HEAP_BYTES = len;
        heap_2_vPortHeapResetState();
    }
});
