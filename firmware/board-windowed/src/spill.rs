//! Register windows: the registers of callers that are still in the core go to their places on the
//! stack.

use core::arch::naked_asm;

/// Calls itself `depth` times. Each call takes eight registers, and whose they were is spilled: at 8
/// nobody else's are left, of at most 64.
///
/// # Safety
/// There is stack for it, 32 bytes each.
#[unsafe(naked)]
pub(crate) unsafe extern "C" fn nest(depth: u32) {
    naked_asm!(
        "entry a1, 32",
        "beqz a2, 1f",
        "addi a10, a2, -1",
        "call8 {nest}",
        "1:",
        "retw",
        nest = sym nest,
    )
}
