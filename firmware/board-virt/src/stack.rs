//! Stacks: the boot stack, and one of one's own.

mod borrow;

use core::arch::{asm, naked_asm};
use core::mem::MaybeUninit;

use esparto::stack::{GuardRange, StackBreach, StackSpan};

use crate::memory;
pub(crate) use borrow::switch_to;
pub use borrow::{Stack, in_use, run_on};
use borrow::{call_once, use_addrs};

/// What the caller has not yet used of the boot stack, painted. Interrupts run there while there are
/// [tasks](crate::task), and whatever the caller calls.
///
/// # Panics
/// There is too little left for a stack.
///
/// # Safety
/// Called once, on the boot stack.
#[must_use]
pub unsafe fn adopt_boot(name: &'static str) -> esparto::Stack {
    /// What this function and those that it calls need while they paint.
    const OWN_BYTES: usize = 512;
    let sp: *mut MaybeUninit<u8>;
    // SAFETY: reads a register.
    unsafe { asm!("mv {}, sp", out(reg) sp, options(nomem, nostack, preserves_flags)) };
    let start_addr = memory::boot_stack_addrs().start;
    let len_bytes = sp.addr().saturating_sub(start_addr).saturating_sub(OWN_BYTES);
    // SAFETY: the part of the boot stack that nobody is on; what runs there later is what the stack
    // is for, and its words are read one by one.
    let rest = unsafe { core::slice::from_raw_parts_mut(sp.with_addr(start_addr), len_bytes) };
    match esparto::Stack::adopt(name, rest) {
        Ok(stack) => stack,
        Err(error) => panic!("{error}"),
    }
}

/// Runs `work` on `stack` with `guard` watched by the core: a store to it ends `work` there and
/// then, before anything is written, and is told as a breach that names the task. What `work` held
/// is lost then, not dropped.
///
/// The entry of the PMP that watches is locked until the machine is reset: there is one, so this
/// works once.
///
/// # Errors
/// [`StackBreach::Guard`].
///
/// # Panics
/// `work` died of something else.
///
/// # Safety
/// Nothing else runs on the stack, and nothing ever writes to the guard again.
pub unsafe fn run_guarded<F: FnOnce()>(
    stack: &StackSpan,
    guard: &GuardRange,
    work: F,
) -> Result<(), StackBreach> {
    /// `mcause` of an end without a trap: not one of the core's.
    const NONE: u32 = u32::MAX;
    let (pmpaddr, read_only_locked) = (guard.napot_pmpaddr(), 0x99);
    // SAFETY: takes stores to the guard away from everybody, as the caller knows.
    unsafe {
        asm!("csrw pmpaddr0, {}", "csrs pmpcfg0, {}", in(reg) pmpaddr, in(reg) read_only_locked);
    }
    let before = in_use();
    use_addrs(stack.addrs());
    let mut work = Some(work);
    let top_addr = stack.top().addr().get();
    // SAFETY: as in `run_on`.
    let end = unsafe { call_until_trap((&raw mut work).cast(), call_once::<F>, top_addr) };
    use_addrs(before);
    let (fault_addr, cause) = (end as u32 as usize, (end >> 32) as u32);
    if cause == NONE {
        return Ok(());
    }
    guard.check_fault(fault_addr)?;
    panic!("exception {cause} on the stack of {}, value {fault_addr:#010x}", stack.name());
}

/// Calls `function(argument)` with the stack pointer at `top_addr`.
///
/// The chain of frame pointers starts anew there: `s0` is 0.
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
        "addi sp, sp, -16",
        "sw ra, 12(sp)",
        "sw s0, 8(sp)",
        "sw s1, 4(sp)",
        "mv s1, sp",
        "mv sp, a2",
        "li s0, 0",
        "jalr a1",
        "mv sp, s1",
        "lw s1, 4(sp)",
        "lw s0, 8(sp)",
        "lw ra, 12(sp)",
        "addi sp, sp, 16",
        "ret",
    )
}

/// Calls `function(argument)` with the stack pointer at `top_addr`, until it returns or traps.
/// Returns `mtval` in the low half and `mcause` in the high one, which is all ones after a return.
///
/// # Safety
/// As for [`call_on`]; after a trap, what was on that stack is gone without having been dropped.
#[unsafe(naked)]
unsafe extern "C" fn call_until_trap(
    argument: *mut (),
    function: unsafe extern "C" fn(*mut ()),
    top_addr: usize,
) -> u64 {
    naked_asm!(
        "addi sp, sp, -64",
        "sw ra, 60(sp)",
        "sw s0, 56(sp)",
        "sw s1, 52(sp)",
        "sw s2, 48(sp)",
        "sw s3, 44(sp)",
        "sw s4, 40(sp)",
        "sw s5, 36(sp)",
        "sw s6, 32(sp)",
        "sw s7, 28(sp)",
        "sw s8, 24(sp)",
        "sw s9, 20(sp)",
        "sw s10, 16(sp)",
        "sw s11, 12(sp)",
        // A trap finds this stack here; the other one is of no use to it.
        "csrw mscratch, sp",
        "la t0, 2f",
        "csrrw t0, mtvec, t0",
        "sw t0, 8(sp)",
        "mv s1, sp",
        "mv sp, a2",
        "li s0, 0",
        "jalr a1",
        "mv sp, s1",
        "lw t0, 8(sp)",
        "csrw mtvec, t0",
        "li a0, 0",
        "li a1, -1",
        "j 3f",
        // A trap's address is a multiple of 4.
        ".balign 4",
        "2:",
        "csrr sp, mscratch",
        "csrr a0, mtval",
        "csrr a1, mcause",
        "lw t0, 8(sp)",
        "csrw mtvec, t0",
        // Nobody returns from this trap: let interrupts through again if they were (MPIE to MIE).
        "csrr t0, mstatus",
        "andi t0, t0, 0x80",
        "srli t0, t0, 4",
        "csrs mstatus, t0",
        "3:",
        "lw s11, 12(sp)",
        "lw s10, 16(sp)",
        "lw s9, 20(sp)",
        "lw s8, 24(sp)",
        "lw s7, 28(sp)",
        "lw s6, 32(sp)",
        "lw s5, 36(sp)",
        "lw s4, 40(sp)",
        "lw s3, 44(sp)",
        "lw s2, 48(sp)",
        "lw s1, 52(sp)",
        "lw s0, 56(sp)",
        "lw ra, 60(sp)",
        "addi sp, sp, 64",
        "ret",
    )
}
