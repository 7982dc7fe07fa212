//! FreeRTOS heap_5: heap_4 over several regions, of which it has one here.

#![no_std]
#![no_main]

/// A region, as the kernel's headers have it. The list ends with an empty one.
#[repr(C)]
struct HeapRegion {
    start: *mut u8,
    size_bytes: usize,
}

unsafe extern "C" {
    fn heap_5_vPortDefineHeapRegions(regions: *const HeapRegion);
}

esparto_bench_device::freertos_heap!("heap_5", |start, size_bytes| {
    let end = HeapRegion { start: core::ptr::null_mut(), size_bytes: 0 };
    // SAFETY: the heap reads the list during the call.
    unsafe { heap_5_vPortDefineHeapRegions([HeapRegion { start, size_bytes }, end].as_ptr()) };
});
