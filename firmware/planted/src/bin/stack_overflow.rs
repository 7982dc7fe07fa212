//! Calls itself until the stack is too small.
#![no_std]
#![no_main]

extern crate alloc;

use alloc::vec;
use core::hint::black_box;
use core::mem::MaybeUninit;

use board_virt::stack::Stack;
use board_virt::{exit, hint, println};

/// The task that overflows its stack.
const DESCENT: u16 = 3;
const STACK_BYTES: usize = 2048;

#[inline(never)]
// planted
fn deeper(depth: u32) -> u32 {
    let room = black_box([depth; 32]);
    if depth == 0 { 0 } else { deeper(depth - 1) + room[3] }
}

#[board_virt::entry]
fn main() -> ! {
    planted::start();
    let mut below = vec![MaybeUninit::<u128>::uninit(); 256];
    let mut memory = vec![MaybeUninit::<u128>::uninit(); STACK_BYTES / 16];
    black_box(&mut below);
    let start = memory.as_ptr().addr();
    // SAFETY: the same memory as bytes.
    let bytes = unsafe {
        core::slice::from_raw_parts_mut(memory.as_mut_ptr().cast::<MaybeUninit<u8>>(), STACK_BYTES)
    };
    let mut stack = Stack::new(bytes);
    hint::name(DESCENT, "descent");
    stack.run(|| {
        // The board has told of the stack, and of nobody on it.
        hint::stack(start, STACK_BYTES, DESCENT);
        println!("{}", deeper(14));
        hint::stack(0, 0, 0);
    });
    exit::success()
}
