//! Work on a stack that is a block like any other.

use core::alloc::Layout;

use board_virt::stack::Stack;
use esparto::{Owner, Policy};

use crate::Traced;

/// Runs `work` on a stack of `size_bytes` from `memory` under `policy`, in the name of `owner`,
/// and gives it back afterwards. Returns the stack's high-water mark in bytes.
///
/// # Panics
/// There is no such block, or the stack overflowed.
pub fn run_on_own_stack<const SLOTS: usize, const FRAMES: usize>(
    memory: &'static Traced<SLOTS, FRAMES>,
    owner: Owner,
    policy: impl Into<Policy>,
    size_bytes: usize,
    work: impl FnOnce(),
) -> usize {
    let layout = Layout::from_size_align(size_bytes, Stack::ALIGN_BYTES)
        .expect("a stack's size is that of a region at the most");
    let others = memory.set_owner(owner);
    let mut block = memory.take(layout, policy).expect("no room for a stack");
    memory.set_owner(others);

    let mut stack = Stack::new(&mut block);
    stack.run(work);
    let high_water_bytes = stack.high_water_bytes();

    let others = memory.set_owner(owner);
    drop(block);
    memory.set_owner(others);
    high_water_bytes
}
