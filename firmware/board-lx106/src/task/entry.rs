//! The way into a trap and out of it, by way of a context.

use core::arch::{asm, naked_asm};

use super::context::{Cause, MAIN};
use super::trap::CURRENT;
pub(super) use super::trap::{call, take_traps};
use crate::{doorbell, timer};

/// The registers of a task that is not running.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct Context {
    /// `a0` to `a15`.
    registers: [usize; 16],
    pc: usize,
    /// The amount of the next shift.
    sar: usize,
}

const SP: usize = 1;
const ARGUMENT: usize = 2;

/// The length of [`call`]'s instruction.
const CALL_BYTES: usize = 3;

const _: () = assert!(size_of::<Context>() == 72, "the offsets below");

impl Context {
    pub(super) const EMPTY: Self = Self { registers: [0; 16], pc: 0, sar: 0 };

    /// One that begins at `pc_addr` on a stack with its top at `argument`, which it gets.
    pub(super) fn starting(pc_addr: usize, argument: usize) -> Self {
        let mut context = Self::EMPTY;
        context.registers[SP] = argument;
        context.registers[ARGUMENT] = argument;
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

/// Asks the core for it, inside of a trap.
#[inline(always)]
pub(super) fn cause() -> Cause {
    const SYSTEM_CALL: u32 = 1;
    const INTERRUPT: u32 = 4;
    let cause: u32;
    // SAFETY: reads a register.
    unsafe { asm!("rsr {}, exccause", out(reg) cause, options(nomem, nostack)) };
    match cause {
        INTERRUPT => Cause::Interrupt(interrupts()),
        SYSTEM_CALL => Cause::Call,
        _ => Cause::Exception,
    }
}

/// The interrupts that are there and let through, each a bit.
fn interrupts() -> usize {
    let (pending, enabled): (usize, usize);
    // SAFETY: reads registers.
    unsafe {
        asm!("rsr {}, interrupt", "rsr {}, intenable", out(reg) pending, out(reg) enabled,
            options(nomem, nostack));
    }
    pending & enabled
}

/// Calls the handlers of these interrupts.
///
/// # Safety
/// Inside of a trap for them.
#[inline(always)]
pub(super) unsafe fn dispatch(interrupts: usize) {
    if doorbell::answer(interrupts as u32) != 0 {
        timer::interrupt();
    }
}

/// Where the vectors jump to, with `a0` in `excsave1`.
///
/// # Safety
/// Entered by the core alone.
#[unsafe(naked)]
pub(crate) unsafe extern "C" fn enter() {
    naked_asm!(
        "movi a0, {current}",
        "l32i a0, a0, 0",
        "s32i a1, a0, 4",
        "s32i a2, a0, 8",
        "s32i a3, a0, 12",
        "s32i a4, a0, 16",
        "s32i a5, a0, 20",
        "s32i a6, a0, 24",
        "s32i a7, a0, 28",
        "s32i a8, a0, 32",
        "s32i a9, a0, 36",
        "s32i a10, a0, 40",
        "s32i a11, a0, 44",
        "s32i a12, a0, 48",
        "s32i a13, a0, 52",
        "s32i a14, a0, 56",
        "s32i a15, a0, 60",
        "rsr a2, excsave1",
        "s32i a2, a0, 0",
        "rsr a2, epc1",
        "s32i a2, a0, 64",
        "rsr a2, sar",
        "s32i a2, a0, 68",
        // Below what `main` uses of the boot stack; if it is `main` that was interrupted, that was
        // stored just now.
        "movi a2, {main}",
        "l32i a1, a2, 4",
        "movi a2, -16",
        "and a1, a1, a2",
        // An exception in here is told like any other; interrupts are not let through.
        "movi a2, 15",
        "wsr a2, ps",
        "rsync",
        "movi a0, {handle}",
        "callx0 a0",
        // Back to who is next, with interrupts let through: nobody waits inside a critical section.
        // Until then this may not be interrupted, nor after the return be inside of an exception.
        "movi a0, 16",
        "wsr a0, ps",
        "rsync",
        "movi a0, {current}",
        "s32i a2, a0, 0",
        "l32i a0, a2, 64",
        "wsr a0, epc1",
        "l32i a0, a2, 68",
        "wsr a0, sar",
        "l32i a0, a2, 0",
        "l32i a1, a2, 4",
        "l32i a3, a2, 12",
        "l32i a4, a2, 16",
        "l32i a5, a2, 20",
        "l32i a6, a2, 24",
        "l32i a7, a2, 28",
        "l32i a8, a2, 32",
        "l32i a9, a2, 36",
        "l32i a10, a2, 40",
        "l32i a11, a2, 44",
        "l32i a12, a2, 48",
        "l32i a13, a2, 52",
        "l32i a14, a2, 56",
        "l32i a15, a2, 60",
        "l32i a2, a2, 8",
        "rfe",
        current = sym CURRENT,
        main = sym MAIN,
        handle = sym super::scheduler::handle,
    )
}
