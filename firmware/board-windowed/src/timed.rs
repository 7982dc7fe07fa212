//! The cost of one call.

use core::arch::global_asm;

// `timed_call(pool, block, operation)` calls `operation(pool, block)` between two readings; no
// compiler moves anything between them. It returns what that did, and the cycles of the call and of
// one instruction more. Callers' windows are spilled before, not within.
global_asm!(
    ".section .text.timed_call, \"ax\"",
    ".balign 4",
    ".global timed_call",
    "timed_call:",
    "entry a1, 32",
    "movi a10, 8",
    "call8 {spill}",
    "mov a10, a2",
    "mov a11, a3",
    "rsr a5, ccount",
    "callx8 a4",
    "rsr a3, ccount",
    "sub a3, a3, a5",
    "mov a2, a10",
    "retw",
    spill = sym crate::spill::nest,
);
