//! Stacks: the boot stack, and one of one's own.

#[path = "../../board-virt/src/stack/borrow.rs"]
mod borrow;

use core::arch::naked_asm;

pub(crate) use borrow::{END_ADDR, START_ADDR, switch_to};
pub use borrow::{Stack, in_use, run_on};

/// Calls `function(argument)` with the stack pointer at `top_addr`.
///
/// # Safety
/// `top_addr` is 16-byte aligned and one past memory that nothing else uses; `function` may be
/// called with `argument`.
#[unsafe(naked)]
unsafe extern "C" fn call_on(
    argument: *mut (),
    function: unsafe extern "C" fn(*mut ()),
    top_addr: usize,
) {
    naked_asm!(
        "entry a1, 32",
        // The caller's registers go below this stack pointer, and are fetched from below whatever it
        // is then: once they are there, a copy goes to where the other stack's has them.
        "movi a10, 8",
        "call8 {spill}",
        "addi a6, a1, -16",
        "addi a7, a4, -16",
        "l32i a8, a6, 0",
        "s32i a8, a7, 0",
        "l32i a8, a6, 4",
        "s32i a8, a7, 4",
        "l32i a8, a6, 8",
        "s32i a8, a7, 8",
        "l32i a8, a6, 12",
        "s32i a8, a7, 12",
        "mov a10, a2",
        "mov a5, a1",
        "mov a1, a4",
        "callx8 a3",
        "mov a1, a5",
        "retw",
        spill = sym crate::spill::nest,
    )
}
