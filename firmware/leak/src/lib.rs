//! What the programs of this package share: a memory with a ledger, and a task on a stack from it.
//!
//! - `leaking` forgets to give back what it asks for, until there is nothing left: reported with
//!   its leak's origin, and no crash.
//! - `fixed` gives it back, and stays flat.
//! - `overrun` runs over the end of its stack: found, named, and nobody else harmed.
#![no_std]

use board::{memory, println, stack};
use esparto::guard::Ledger;
use esparto::stack::{StackSpan, StackUnit, Task, TaskTable};
use esparto::{Caps, LinkedList, Memory, Owner, Stack};

/// Blocks that can be on record at once: all that fit the SRAM in pieces of [`BLOCK_WORDS`].
const RECORDS: usize = 128;

/// All memory of the machine, with a ledger of its blocks.
pub static MEMORY: Memory<4, Ledger<RECORDS>> = Memory::with_sink(Ledger::new().with_clock(now));

/// For whom the task asks.
pub const TASK: Owner = Owner(1);

/// The stack of the task: it prints, and has an array of 400 bytes.
const STACK_BYTES: usize = 2048;

/// What a task costs besides its stack on this machine: nothing, there is no kernel.
const CONTROL_BYTES: usize = 0;

/// What is asked for in each round, in words.
pub const BLOCK_WORDS: usize = 1024;

/// Where tasks get their memory.
pub const INTERNAL: Caps = Caps::INTERNAL.union(Caps::DMA);

/// The ledger's clock: thousands of instructions.
fn now() -> u32 {
    (board::counter::instructions_u64() / 1000) as u32
}

/// Hands all memory over.
///
/// # Panics
/// The memory map is not sound.
pub fn start() {
    for region in memory::regions() {
        // SAFETY: the linker keeps these ranges free, and they are added once.
        unsafe { MEMORY.add::<LinkedList>(region) }.expect("the memory map is sound");
    }
}

/// Runs `task` on a stack from the memory, as a kernel would, and says afterwards what it cost.
/// Returns its high-water mark in bytes.
///
/// # Panics
/// There is no such stack, or the task overran it.
pub fn run(name: &'static str, task: impl FnOnce(&StackSpan)) -> usize {
    let stack = Stack::allocate(name, &MEMORY, INTERNAL, STACK_BYTES).expect("room for a stack");
    let mut tasks = TaskTable::<1>::new();
    tasks
        .add(Task::new(TASK, &stack).with_control_bytes(CONTROL_BYTES))
        .expect("a stack larger than its overhead");
    let others = MEMORY.set_owner(TASK);
    // SAFETY: nothing else runs on this stack.
    unsafe { stack::run_on(&stack, || task(&stack)) };
    MEMORY.set_owner(others);
    tasks.check().expect("the stack is large enough");
    for task in tasks.tasks() {
        println!("task {}", task.stats().with_heap(MEMORY.owner_heap(task.owner())));
    }
    stack.high_water_bytes()
}

/// The first lines of a round: the array, and what is left of the stack.
#[inline(never)]
pub fn first_lines(stack: &StackSpan) {
    let a = core::hint::black_box(1);
    let mut b = [0i32; 100];
    for item in &mut b {
        *item = a + 1;
    }
    println!("{}", core::hint::black_box(&b)[0]);
    println!("Remaining Stack Memory {} (words)", stack.unused(StackUnit::FREERTOS));
}

/// The free bytes that the task can see.
pub fn free_bytes() -> usize {
    MEMORY.caps_stats(INTERNAL).free_bytes
}

/// Fills a block as the task does.
///
/// # Safety
/// `block` is live, aligned and [`BLOCK_WORDS`] words long.
pub unsafe fn fill(block: core::ptr::NonNull<u8>) {
    for index in 0..BLOCK_WORDS {
        // SAFETY: inside of the block. Volatile: nobody reads it.
        unsafe { block.cast::<i32>().add(index).write_volatile(3) };
    }
}
