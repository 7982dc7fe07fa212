//! The exact cost of one call.

#[cfg(target_arch = "riscv32")]
use core::arch::global_asm;

// The two readings stand directly around the call, in assembly, so that no compiler moves anything
// between them. The difference is the instructions between them and one.
#[cfg(target_arch = "riscv32")]
global_asm!(
    ".section .text.timed_call, \"ax\"",
    ".global timed_call",
    "timed_call:",
    "addi sp, sp, -16",
    "sw ra, 12(sp)",
    "sw s1, 8(sp)",
    "csrr s1, minstret",
    "jalr a2",
    "csrr a1, minstret",
    "sub a1, a1, s1",
    "lw s1, 8(sp)",
    "lw ra, 12(sp)",
    "addi sp, sp, 16",
    "ret",
);

// On Xtensa the board has it, and counts in cycles.
#[cfg(target_arch = "riscv32")]
fn instructions_in(count: u32) -> u32 {
    count
}

#[cfg(target_arch = "xtensa")]
fn instructions_in(cycles: u32) -> u32 {
    board::counter::instructions_in(u64::from(cycles)) as u32
}

/// What a call gave back and what it cost.
#[repr(C)]
struct Timed {
    value: *mut u8,
    counted: u32,
}

/// An operation, opaque to its caller: a pool and a block go in, a block or nothing comes out.
pub(crate) type Operation = unsafe extern "C" fn(pool: *const u8, block: *mut u8) -> *mut u8;

unsafe extern "C" {
    fn timed_call(pool: *const u8, block: *mut u8, operation: Operation) -> Timed;
}

/// The costs of a kind of operation, the call and the return included.
#[derive(Clone, Copy)]
pub(crate) struct Costs {
    pub(crate) count: u32,
    sum: u32,
    pub(crate) max: u32,
}

impl Costs {
    pub(crate) const fn new() -> Self {
        Self { count: 0, sum: 0, max: 0 }
    }

    /// The mean in hundredths.
    pub(crate) fn mean_hundredths(self) -> u32 {
        self.sum * 100 / self.count.max(1)
    }

    /// Calls and counts.
    ///
    /// # Safety
    /// As the operation says.
    pub(crate) unsafe fn time(
        &mut self,
        pool: *const u8,
        block: *mut u8,
        operation: Operation,
    ) -> *mut u8 {
        // SAFETY: passed on; the assembly above keeps the C convention.
        let timed = unsafe { timed_call(pool, block, operation) };
        let instructions = instructions_in(timed.counted) - 1;
        self.count += 1;
        self.sum += instructions;
        self.max = self.max.max(instructions);
        timed.value
    }
}
