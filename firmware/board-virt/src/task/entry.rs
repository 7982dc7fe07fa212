//! The way into a trap and out of it, by way of a context.

use core::arch::{asm, naked_asm};

use riscv::register::mcause;
use riscv::register::mtvec::{self, Mtvec, TrapMode};

use super::context::{Cause, MAIN};

/// The code of `ecall` in `mcause`.
const MACHINE_CALL: usize = 11;

/// The length of [`call`]'s instruction.
const CALL_BYTES: usize = 4;

/// The registers of a task that is not running.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(super) struct Context {
    /// `x1` to `x31`; `gp` and `tp` are everybody's, and their places are left alone.
    pub(super) registers: [usize; 31],
    pub(super) pc: usize,
}

const SP: usize = 1;
const A0: usize = 9;

const _: () = assert!(size_of::<Context>() == 128, "the offsets below");

impl Context {
    pub(super) const EMPTY: Self = Self { registers: [0; 31], pc: 0 };

    /// One that begins at `pc_addr` on a stack with its top at `argument`, which it gets.
    pub(super) fn starting(pc_addr: usize, argument: usize) -> Self {
        let mut context = Self::EMPTY;
        context.registers[SP] = argument;
        context.registers[A0] = argument;
        context.pc = pc_addr;
        context
    }

    #[inline(always)]
    pub(super) fn sp_addr(&self) -> usize {
        self.registers[SP]
    }

    /// It goes on behind its call.
    #[inline(always)]
    pub(super) fn skip_call(&mut self) {
        self.pc += CALL_BYTES;
    }
}

/// Asks the hart for it, inside of a trap.
#[inline(always)]
pub(super) fn cause() -> Cause {
    let cause = mcause::read();
    match cause.code() {
        code if cause.is_interrupt() => Cause::Interrupt(code),
        MACHINE_CALL => Cause::Call,
        _ => Cause::Exception,
    }
}

/// Calls the program's handler of an interrupt.
///
/// # Safety
/// Inside of a trap for this interrupt.
#[inline(always)]
pub(super) unsafe fn dispatch(code: usize) {
    unsafe extern "C" {
        fn _dispatch_core_interrupt(code: usize);
    }
    // SAFETY: promised by the caller; it is what the function is for.
    unsafe { _dispatch_core_interrupt(code) };
}

/// Into the scheduler, by a trap; returns when this task runs again.
pub(super) fn call() {
    // SAFETY: all registers are kept. What other tasks do to memory meanwhile is known to the
    // compiler as anything.
    unsafe { asm!(".option push", ".option norvc", "ecall", ".option pop") };
}

/// What traps did before the tasks had them.
pub(super) struct Before(Mtvec);

/// Traps are the tasks' from here on, and `main` is who runs.
pub(super) fn take_traps() -> Before {
    let before = mtvec::read();
    // SAFETY: from here on traps find the context of who runs, and that is the caller.
    unsafe {
        asm!("csrw mscratch, {}", in(reg) MAIN.0.get());
        mtvec::write(Mtvec::new(enter as *const () as usize, TrapMode::Direct));
    }
    Before(before)
}

impl Before {
    /// Traps do again what they did; nobody but `main` runs.
    pub(super) fn restore(self) {
        // SAFETY: what was there before; nobody else runs.
        unsafe { mtvec::write(self.0) };
    }
}

/// What `mtvec` points to while tasks run; `mscratch` points to the context of the one that does.
///
/// # Safety
/// Entered by the hart alone.
#[unsafe(naked)]
pub(super) unsafe extern "C" fn enter() {
    naked_asm!(
        // A trap's address is a multiple of 4.
        ".balign 4",
        "csrrw t6, mscratch, t6",
        "sw x1, 0(t6)",
        "sw x2, 4(t6)",
        "sw x5, 16(t6)",
        "sw x6, 20(t6)",
        "sw x7, 24(t6)",
        "sw x8, 28(t6)",
        "sw x9, 32(t6)",
        "sw x10, 36(t6)",
        "sw x11, 40(t6)",
        "sw x12, 44(t6)",
        "sw x13, 48(t6)",
        "sw x14, 52(t6)",
        "sw x15, 56(t6)",
        "sw x16, 60(t6)",
        "sw x17, 64(t6)",
        "sw x18, 68(t6)",
        "sw x19, 72(t6)",
        "sw x20, 76(t6)",
        "sw x21, 80(t6)",
        "sw x22, 84(t6)",
        "sw x23, 88(t6)",
        "sw x24, 92(t6)",
        "sw x25, 96(t6)",
        "sw x26, 100(t6)",
        "sw x27, 104(t6)",
        "sw x28, 108(t6)",
        "sw x29, 112(t6)",
        "sw x30, 116(t6)",
        "csrr t0, mepc",
        "sw t0, 124(t6)",
        "csrrw t0, mscratch, t6",
        "sw t0, 120(t6)",
        // Below what `main` uses of the boot stack; if it is `main` that was interrupted, that was
        // stored just now.
        "la t0, {main}",
        "lw sp, 4(t0)",
        "andi sp, sp, -16",
        // The chain of frame pointers starts anew.
        "li s0, 0",
        "call {handle}",
        "csrw mscratch, a0",
        "mv t6, a0",
        "lw t0, 124(t6)",
        "csrw mepc, t0",
        // Back to machine mode, with interrupts let through: nobody waits inside a critical section.
        "li t0, 0x1880",
        "csrs mstatus, t0",
        "lw x1, 0(t6)",
        "lw x2, 4(t6)",
        "lw x5, 16(t6)",
        "lw x6, 20(t6)",
        "lw x7, 24(t6)",
        "lw x8, 28(t6)",
        "lw x9, 32(t6)",
        "lw x10, 36(t6)",
        "lw x11, 40(t6)",
        "lw x12, 44(t6)",
        "lw x13, 48(t6)",
        "lw x14, 52(t6)",
        "lw x15, 56(t6)",
        "lw x16, 60(t6)",
        "lw x17, 64(t6)",
        "lw x18, 68(t6)",
        "lw x19, 72(t6)",
        "lw x20, 76(t6)",
        "lw x21, 80(t6)",
        "lw x22, 84(t6)",
        "lw x23, 88(t6)",
        "lw x24, 92(t6)",
        "lw x25, 96(t6)",
        "lw x26, 100(t6)",
        "lw x27, 104(t6)",
        "lw x28, 108(t6)",
        "lw x29, 112(t6)",
        "lw x30, 116(t6)",
        "lw x31, 120(t6)",
        "mret",
        main = sym MAIN,
        handle = sym super::scheduler::handle,
    )
}
