//! No allocator at all: what the calls and the harness themselves cost.

#![no_std]
#![no_main]

use core::alloc::Layout;
use core::mem::MaybeUninit;

use esparto_bench_device::{Subject, program};

struct Empty;

impl Subject for Empty {
    unsafe fn init(_arena: &'static mut [MaybeUninit<u8>]) -> Option<Self> {
        Some(Self)
    }

    unsafe fn alloc(&mut self, _layout: Layout) -> *mut u8 {
        core::ptr::null_mut()
    }

    unsafe fn dealloc(&mut self, _ptr: *mut u8, _layout: Layout) {}
}

program!(Empty);
