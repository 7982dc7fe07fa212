//! The cost of one call.

use core::arch::global_asm;

// `timed_call(pool, block, operation)` calls `operation(pool, block)` between two readings; no
// compiler moves anything between them. It returns what that did, and the cycles of the call and of
// one instruction more.
global_asm!(
    ".section .text.timed_call, \"ax\"",
    ".global timed_call",
    "timed_call:",
    "addi a1, a1, -16",
    "s32i a0, a1, 12",
    "s32i a12, a1, 8",
    "rsr a12, ccount",
    "callx0 a4",
    "rsr a3, ccount",
    "sub a3, a3, a12",
    "l32i a12, a1, 8",
    "l32i a0, a1, 12",
    "addi a1, a1, 16",
    "ret",
);
