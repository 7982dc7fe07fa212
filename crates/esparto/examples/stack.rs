//! Stacks for tasks: from a memory, from static memory, from a pool; what they used, and who
//! overran. Run with `cargo run -p esparto --example stack`.

use std::error::Error;
use std::mem::MaybeUninit;

use esparto::stack::{GuardRange, NodePool, StackPool, StackUnit, Task, TaskTable};
use esparto::{Caps, LinkedList, Memory, Owner, Stack};

static MEMORY: Memory<2> = Memory::new();
static STACKS: StackPool = StackPool::new();
static DRIVERS: NodePool<u32> = NodePool::new(128, 256);

pub(crate) fn main() -> Result<(), Box<dyn Error>> {
    let caps = Caps::INTERNAL | Caps::BYTE | Caps::WORD | Caps::ATOMIC;
    MEMORY.add_static::<LinkedList>("sram", memory(65_536), caps)?;

    // One stack from the heap, by capability; one from static memory, with no heap at all; one
    // from a pool.
    let network = Stack::allocate("network", &MEMORY, Caps::INTERNAL, 4096)?;
    let sampler = Stack::adopt("sampler", memory(2048))?;
    println!("the pool of stacks takes {} bytes", STACKS.init_in(&MEMORY, caps, 2048, 4)?);
    let driver = STACKS.take("uart driver")?;

    let mut tasks = TaskTable::<4>::new();
    for (owner, stack) in [(1, &*network), (2, &*sampler), (3, &*driver)] {
        tasks.add(Task::new(Owner(owner), stack).with_control_bytes(192))?;
    }

    // What a task does to its stack: it writes from the top down.
    // SAFETY: the stack's own memory, which nobody else writes.
    unsafe { sampler.top().sub(600).write_bytes(1, 600) };
    println!("{tasks}");
    println!(
        "sampler: {} words left for FreeRTOS, {} bytes for ESP-IDF",
        sampler.unused(StackUnit::FREERTOS),
        sampler.unused(StackUnit::ESP_IDF)
    );
    let guard = sampler.guard(GuardRange::WATCHPOINT_BYTES)?;
    println!("watch {} bytes at {:#x}", guard.size_bytes(), guard.start_addr());

    // Too deep: the canary at the end goes, and the check names the task.
    let all_bytes = sampler.addrs().len();
    // SAFETY: as above, down to the stack's own end: the canary is there to be written by mistake.
    unsafe { sampler.top().sub(all_bytes).write_bytes(1, all_bytes) };
    let breach = tasks.check().expect_err("it overran");
    println!("{breach}");

    // Nodes of drivers, with a buffer of 128 and data of 256 bytes each; they come back.
    DRIVERS.init_in(&MEMORY, caps, 4)?;
    let mut node = DRIVERS.take(7)?;
    node.buffer_mut()[..5].copy_from_slice(b"hello");
    println!("driver {}: {} nodes in use", *node, DRIVERS.stats().used_count);
    drop(node);
    println!("and {} after it was removed", DRIVERS.stats().used_count);
    Ok(())
}

/// Memory for the program's whole life, as on the chip.
fn memory(len_bytes: usize) -> &'static mut [MaybeUninit<u8>] {
    vec![MaybeUninit::uninit(); len_bytes].leak()
}
