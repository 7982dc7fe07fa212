//! Exact instruction counts.

use core::arch::global_asm;

use crate::memory;

// The two reads stand directly around the call, in assembly, so that no compiler moves anything
// between them. With one instruction per tick of the emulator, the difference of two reads is the
// instructions between them + 1. What is left counts the call itself and everything up to the
// return: an allocator that does nothing costs 2.
global_asm!(
    ".section .text.timed_call, \"ax\"",
    ".global timed_call",
    "timed_call:",
    "addi sp, sp, -16",
    "sw ra, 12(sp)",
    "sw s0, 8(sp)",
    "csrr s0, minstret",
    "jalr a4",
    "csrr a1, minstret",
    "sub a1, a1, s0",
    "addi a1, a1, -1",
    "lw s0, 8(sp)",
    "lw ra, 12(sp)",
    "addi sp, sp, 16",
    "ret",
);

/// What a timed call gave back and what it cost.
#[repr(C)]
pub(crate) struct Timed {
    pub(crate) value: usize,
    pub(crate) instructions: usize,
}

unsafe extern "C" {
    /// Calls `call` with the four arguments.
    ///
    /// # Safety
    /// `call` is a function of the C convention that takes those arguments.
    pub(crate) fn timed_call(a: usize, b: usize, c: usize, d: usize, call: *const ()) -> Timed;
}

/// The costs of one kind of operation.
pub(crate) struct Costs {
    histogram: *mut u32,
    pub(crate) count: u64,
    pub(crate) sum: u64,
    pub(crate) max: usize,
    /// Which operation was the dearest.
    pub(crate) max_at: usize,
}

impl Costs {
    /// Starts an account in histogram `index`.
    pub(crate) fn new(index: usize) -> Self {
        let histogram = memory::histogram(index);
        // SAFETY: the histogram's memory is the harness's own.
        unsafe { histogram.write_bytes(0, memory::HISTOGRAM_LEN) };
        Self { histogram, count: 0, sum: 0, max: 0, max_at: 0 }
    }

    pub(crate) fn add(&mut self, instructions: usize, op_index: usize) {
        self.count += 1;
        self.sum += instructions as u64;
        if instructions > self.max {
            self.max = instructions;
            self.max_at = op_index;
        }
        let bar = instructions.min(memory::HISTOGRAM_LEN - 1);
        // SAFETY: the bar is inside the histogram.
        unsafe { *self.histogram.add(bar) += 1 };
    }

    /// The least count that 99 of 100 operations stay within.
    pub(crate) fn p99(&self) -> usize {
        let needed = self.count - self.count / 100;
        let mut seen = 0;
        for bar in 0..memory::HISTOGRAM_LEN {
            // SAFETY: the bar is inside the histogram.
            seen += u64::from(unsafe { *self.histogram.add(bar) });
            if seen >= needed {
                return if bar == memory::HISTOGRAM_LEN - 1 { self.max } else { bar };
            }
        }
        self.max
    }
}
