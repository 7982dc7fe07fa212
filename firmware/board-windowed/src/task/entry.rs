//! The way into a trap and out of it, by way of a context.

use core::arch::{asm, naked_asm};

use esparto::stack::StackSpan;

use super::context::{Cause, MAIN};
use super::trap::CURRENT;
pub(super) use super::trap::{call, take_traps};
use crate::{stack, timer};

/// The registers of a task that is not running.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct Context {
    /// `a0` to `a15`.
    registers: [usize; 16],
    pc: usize,
    /// The amount of the next shift.
    sar: usize,
    /// The state, as inside of the trap: also between a call and the `entry` that it goes to.
    ps: usize,
    /// What the next conditional store compares with.
    scompare1: usize,
}

const SP: usize = 1;
/// The callee's first one, in the window of a caller by `call4`.
const ARGUMENT: usize = 6;

/// Register windows, called by `call4`, inside of a trap.
const STARTING: usize = 1 << 18 | 1 << 16 | 1 << 4;

/// The length of [`call`]'s instruction.
const CALL_BYTES: usize = 3;

const _: () = assert!(size_of::<Context>() == 80, "the offsets below");

impl Context {
    pub(super) const EMPTY: Self = Self { registers: [0; 16], pc: 0, sar: 0, ps: 0, scompare1: 0 };

    /// One that begins at `pc_addr` on a stack with its top at `argument`, which it gets: somebody
    /// has just called it, and it never returns.
    pub(super) fn starting(pc_addr: usize, argument: usize) -> Self {
        let mut context = Self::EMPTY;
        context.registers[SP] = argument;
        context.registers[ARGUMENT] = argument;
        context.pc = pc_addr;
        context.ps = STARTING;
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
        // There is one that anybody enables.
        INTERRUPT => Cause::Interrupt(0),
        SYSTEM_CALL => Cause::Call,
        _ => Cause::Exception,
    }
}

/// Calls the handler of the timer.
///
/// # Safety
/// Inside of a trap for its interrupt.
#[inline(always)]
pub(super) unsafe fn dispatch(_code: usize) {
    timer::interrupt();
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
        "rsr a2, ps",
        "s32i a2, a0, 72",
        "rsr a2, scompare1",
        "s32i a2, a0, 76",
        // Below what `main` uses of the boot stack; if it is `main` that was interrupted, that was
        // stored just now.
        "movi a2, {main}",
        "l32i a2, a2, 4",
        "addi a2, a2, -64",
        "movi a3, -16",
        "and a2, a2, a3",
        // Of who has left its stack nothing is written, for nobody goes on with it.
        "movi a3, {end}",
        "l32i a3, a3, 0",
        "beqz a3, 2f",
        "bltu a3, a1, 1f",
        "movi a3, {start}",
        "l32i a3, a3, 0",
        "addi a3, a3, {canary}",
        "bgeu a1, a3, 2f",
        "1:",
        "rsr a3, windowbase",
        "ssl a3",
        "movi a3, 1",
        "sll a3, a3",
        "wsr a3, windowstart",
        "rsync",
        "2:",
        // Windows may be spilled from here on, which reading or writing above a3 may want. An
        // exception in here is told like any other; interrupts are not let through. By `call4`, which
        // spills a caller's registers below its stack pointer and nowhere else.
        "movi a3, 0x4000f",
        "wsr a3, ps",
        "rsync",
        "mov a6, a2",
        "movi a4, {away}",
        "callx4 a4",
        "mov a2, a6",
        // Back to who is next, whose callers are all on its stack, in whatever window this is. Its
        // state is that of a trap, so that nothing interrupts this.
        "l32i a3, a2, 72",
        "wsr a3, ps",
        "rsync",
        "l32i a3, a2, 64",
        "wsr a3, epc1",
        "l32i a3, a2, 68",
        "wsr a3, sar",
        "l32i a3, a2, 76",
        "wsr a3, scompare1",
        "movi a3, {current}",
        "s32i a2, a3, 0",
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
        away = sym away,
        end = sym stack::END_ADDR,
        start = sym stack::START_ADDR,
        canary = const StackSpan::CANARY_BYTES,
    )
}

/// Handles a trap on the stack below `stack_addr`, when everybody's registers are on their own.
#[unsafe(naked)]
unsafe extern "C" fn away(stack_addr: usize) -> *mut Context {
    naked_asm!(
        "entry a1, 32",
        "mov a1, a2",
        "movi a6, 8",
        "call4 {spill}",
        "movi a4, {handle}",
        "callx4 a4",
        "mov a2, a6",
        "retw",
        spill = sym crate::spill::nest,
        handle = sym super::scheduler::handle,
    )
}
