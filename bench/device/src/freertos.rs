//! The heaps of the FreeRTOS kernel, without the kernel.

/// What the heaps take `configTOTAL_HEAP_SIZE` from (see `c/FreeRTOSConfig.h`). Zeroed before each
/// job, so it lives with the statics of the heap, where its four bytes are counted.
#[unsafe(export_name = "bench_heap_bytes")]
pub static mut HEAP_BYTES: usize = 0;

/// Without a scheduler there is nothing to suspend.
#[unsafe(export_name = "vTaskSuspendAll")]
extern "C" fn suspend_all() {}

/// Without a scheduler there is nothing to resume.
#[unsafe(export_name = "xTaskResumeAll")]
extern "C" fn resume_all() -> i32 {
    0
}

/// Makes the program of one heap, which `build.rs` compiled with its name before each function's.
#[macro_export]
macro_rules! freertos_heap {
    ($heap:literal, $begin:expr) => {
        unsafe extern "C" {
            #[link_name = concat!($heap, "_pvPortMalloc")]
            fn malloc(size: usize) -> *mut u8;
            #[link_name = concat!($heap, "_vPortFree")]
            fn free(ptr: *mut u8);
        }

        struct Heap;

        impl $crate::Subject for Heap {
            const MAX_ALIGN: usize = 8;

            unsafe fn init(arena: &'static mut [::core::mem::MaybeUninit<u8>]) -> Option<Self> {
                let begin: unsafe fn(*mut u8, usize) = $begin;
                // Smaller ones are below what the heaps assert.
                // SAFETY: the arena is the heap's alone, nothing was allocated yet.
                (arena.len() >= 256).then(|| unsafe {
                    begin(arena.as_mut_ptr().cast(), arena.len());
                    Self
                })
            }

            fn arena_control_bytes(&self) -> usize {
                // The end marker, or what is given up for alignment.
                8
            }

            unsafe fn alloc(&mut self, layout: ::core::alloc::Layout) -> *mut u8 {
                // SAFETY: any size may be asked for.
                unsafe { malloc(layout.size()) }
            }

            unsafe fn dealloc(&mut self, ptr: *mut u8, _layout: ::core::alloc::Layout) {
                // SAFETY: the block is live.
                unsafe { free(ptr) };
            }
        }

        $crate::program!(Heap);
    };
}
