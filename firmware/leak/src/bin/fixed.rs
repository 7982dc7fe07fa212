//! The task gives back what it asks for: the heap and the stack stay flat.
#![no_std]
#![no_main]

use core::alloc::Layout;

use board::{exit, println};
use esparto::stack::StackSpan;
use leak::{BLOCK_WORDS, INTERNAL, MEMORY, TASK, fill, first_lines, free_bytes};

/// Ten times what a leaking task would last.
const ROUND_COUNT: usize = 1000;

fn test_task(stack: &StackSpan) {
    let layout = Layout::new::<[i32; BLOCK_WORDS]>();
    let (flat_bytes, mut unused_bytes) = (free_bytes(), None);
    for _ in 0..ROUND_COUNT {
        first_lines(stack);
        println!("Heap before malloc {} (bytes)", free_bytes());
        assert_eq!(free_bytes(), flat_bytes);
        match MEMORY.allocate_here(layout, INTERNAL) {
            Ok(block) => {
                // SAFETY: just granted, and this long.
                unsafe { fill(block) };
                // SAFETY: from this memory, with this layout.
                unsafe { MEMORY.deallocate(block, layout) };
            }
            Err(_) => panic!("Not enough heap."),
        }
        println!("Heap after malloc {} (bytes)", free_bytes());
        let unused = stack.unused_bytes();
        // The first round finds the deepest point.
        assert_eq!(*unused_bytes.get_or_insert(unused), unused);
    }
}

#[cfg_attr(target_arch = "riscv32", board::entry)]
#[cfg_attr(target_arch = "xtensa", unsafe(no_mangle))]
fn main() -> ! {
    leak::start();
    let free_before = free_bytes();
    let high_water_bytes = leak::run("testTask", test_task);
    println!("{ROUND_COUNT} rounds, {high_water_bytes} bytes of stack");
    println!("{}", MEMORY.leaks());
    assert_eq!(MEMORY.owner_heap(TASK), esparto::guard::OwnerHeap::default());
    assert_eq!(free_bytes(), free_before, "the stack went back too");
    println!("ok");
    exit::success()
}
