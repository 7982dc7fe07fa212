//! umm_malloc: 16-bit links over 8-byte blocks, best fit, in C.

#![no_std]
#![no_main]

use core::alloc::Layout;
use core::mem::MaybeUninit;

use esparto_bench_device::{Subject, program};

unsafe extern "C" {
    fn umm_init_heap(start: *mut u8, size: usize);
    fn umm_malloc(size: usize) -> *mut u8;
    fn umm_realloc(ptr: *mut u8, size: usize) -> *mut u8;
    fn umm_free(ptr: *mut u8);
}

struct Umm;

impl Subject for Umm {
    // Four bytes of links precede a block in its 8-byte cell.
    const MAX_ALIGN: usize = 4;

    unsafe fn init(arena: &'static mut [MaybeUninit<u8>]) -> Option<Self> {
        // Its links are 15 bits wide; more memory than they reach it would lose in silence.
        let cells = arena.len() / 8;
        // SAFETY: the arena is the heap's alone.
        (32..0x8000).contains(&cells).then(|| unsafe {
            umm_init_heap(arena.as_mut_ptr().cast(), arena.len());
            Self
        })
    }

    fn arena_control_bytes(&self) -> usize {
        // The head of the free list and the end, one cell each.
        16
    }

    unsafe fn alloc(&mut self, layout: Layout) -> *mut u8 {
        // SAFETY: the heap is initialised.
        unsafe { umm_malloc(layout.size()) }
    }

    unsafe fn dealloc(&mut self, ptr: *mut u8, _layout: Layout) {
        // SAFETY: the block is live.
        unsafe { umm_free(ptr) };
    }

    unsafe fn realloc(&mut self, ptr: *mut u8, _layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: the block is live; the new size is not zero.
        unsafe { umm_realloc(ptr, new_size) }
    }
}

program!(Umm);
