//! The exact cost of one call.

use core::arch::global_asm;

// The two readings stand directly around the call, in assembly, so that no compiler moves anything
// between them. The difference is the instructions between them and one.
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
    "addi a1, a1, -1",
    "lw s1, 8(sp)",
    "lw ra, 12(sp)",
    "addi sp, sp, 16",
    "ret",
);

/// What a call gave back and what it cost.
#[repr(C)]
struct Timed {
    value: *mut u8,
    instructions: u32,
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
        self.count += 1;
        self.sum += timed.instructions;
        self.max = self.max.max(timed.instructions);
        timed.value
    }
}
