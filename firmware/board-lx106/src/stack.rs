//! Stacks: the boot stack, and one of one's own.

#[path = "../../board-virt/src/stack/borrow.rs"]
mod borrow;

use core::arch::naked_asm;

pub(crate) use borrow::switch_to;
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
        "addi a1, a1, -16",
        "s32i a0, a1, 12",
        "s32i a12, a1, 8",
        "mov a12, a1",
        "mov a1, a4",
        "callx0 a3",
        "mov a1, a12",
        "l32i a12, a1, 8",
        "l32i a0, a1, 12",
        "addi a1, a1, 16",
        "ret",
    )
}
