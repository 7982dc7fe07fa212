//! Reads a block of a pool after it was given back.
#![no_std]
#![no_main]

extern crate alloc;

use alloc::boxed::Box;
use core::hint::black_box;

use board_virt::{exit, hint, println};
use esparto::Caps;
use esparto::pool::{BlockPool, Shape};

const BLOCK_BYTES: usize = 32;
const MEMORY_BYTES: usize = 1024;

#[board_virt::entry]
fn main() -> ! {
    planted::start();
    let memory = Box::leak(Box::new_uninit_slice(MEMORY_BYTES));
    hint::heap(
        memory.as_ptr().addr(),
        MEMORY_BYTES,
        Caps::BYTE | Caps::WORD | Caps::ISR_SAFE | Caps::ATOMIC,
    );
    let shape = Shape::new(BLOCK_BYTES, 8).expect("the shape is sound");
    let pool: BlockPool = BlockPool::new();
    pool.init_static(memory, shape).expect("the memory is enough");

    let [first, second] = [(); 2].map(|()| {
        let block = pool.allocate().expect("the pool is fresh");
        hint::allocated(block.addr().get(), BLOCK_BYTES, 0);
        // SAFETY: the block is this program's alone.
        unsafe { block.cast::<[u32; 8]>().write([7; 8]) };
        block
    });
    hint::freed(first.addr().get());
    pool.deallocate(first).expect("it is the pool's");
    // SAFETY: none for the first: this is the error.
    let value = unsafe { black_box(first).cast::<u32>().add(3).read_volatile() }; // planted
    // SAFETY: the second is this program's still.
    let other = unsafe { second.cast::<u32>().read_volatile() };
    println!("{value} {other}");
    exit::success()
}
