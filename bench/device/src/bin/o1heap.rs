//! o1heap: half fit over powers of two, in C.

#![no_std]
#![no_main]

use core::alloc::Layout;
use core::mem::MaybeUninit;

use esparto_bench_device::{Subject, program};

#[repr(C)]
struct Diagnostics {
    capacity: usize,
    allocated: usize,
    peak_allocated: usize,
    peak_request_size: usize,
    oom_count: u64,
}

unsafe extern "C" {
    fn o1heapInit(base: *mut u8, size: usize) -> *mut u8;
    fn o1heapAllocate(heap: *mut u8, size: usize) -> *mut u8;
    fn o1heapFree(heap: *mut u8, ptr: *mut u8);
    fn o1heapGetDiagnostics(heap: *const u8) -> Diagnostics;
}

struct O1heap {
    heap: *mut u8,
    arena_bytes: usize,
}

impl Subject for O1heap {
    const MAX_ALIGN: usize = 16;

    unsafe fn init(arena: &'static mut [MaybeUninit<u8>]) -> Option<Self> {
        // SAFETY: the arena is the heap's alone.
        let heap = unsafe { o1heapInit(arena.as_mut_ptr().cast(), arena.len()) };
        (!heap.is_null()).then_some(Self { heap, arena_bytes: arena.len() })
    }

    fn arena_control_bytes(&self) -> usize {
        // SAFETY: the heap is initialised.
        self.arena_bytes - unsafe { o1heapGetDiagnostics(self.heap) }.capacity
    }

    unsafe fn alloc(&mut self, layout: Layout) -> *mut u8 {
        // SAFETY: the heap is initialised.
        unsafe { o1heapAllocate(self.heap, layout.size()) }
    }

    unsafe fn dealloc(&mut self, ptr: *mut u8, _layout: Layout) {
        // SAFETY: the block is live.
        unsafe { o1heapFree(self.heap, ptr) };
    }
}

program!(O1heap);
