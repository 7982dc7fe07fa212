//! No peer: every block begins on the last byte of the one before. The guard of the harness is
//! tested with it.

#![no_std]
#![no_main]

use core::alloc::Layout;
use core::mem::MaybeUninit;

use esparto_bench_device::{Subject, program};

struct Faulty {
    start: *mut u8,
    used: usize,
    len: usize,
}

impl Subject for Faulty {
    unsafe fn init(arena: &'static mut [MaybeUninit<u8>]) -> Option<Self> {
        Some(Self { start: arena.as_mut_ptr().cast(), used: 0, len: arena.len() })
    }

    unsafe fn alloc(&mut self, layout: Layout) -> *mut u8 {
        let at = self.used & !(layout.align() - 1);
        if at + layout.size() > self.len {
            return core::ptr::null_mut();
        }
        self.used = at + layout.size();
        // SAFETY: inside the arena.
        unsafe { self.start.add(at) }
    }

    unsafe fn dealloc(&mut self, _ptr: *mut u8, _layout: Layout) {}
}

program!(Faulty);
