//! From reset to `main`, and where exceptions and interrupts enter.

use core::arch::global_asm;

use crate::task::enter;
use crate::timer;

unsafe extern "Rust" {
    /// The program.
    safe fn main() -> !;
}

// The machine starts here, with interrupts held back and exceptions doubled.
global_asm!(
    ".section .init, \"ax\"",
    ".global _start",
    "_start:",
    "j 3f",
    ".balign 4",
    "1:",
    ".4byte __sram_end",
    "2:",
    ".4byte {begin}",
    "3:",
    "movi a2, 0",
    "wsr a2, intenable",
    "wsr a2, ps",
    "rsync",
    "l32r a1, 1b",
    "l32r a0, 2b",
    "callx0 a0",
    ".text",
    begin = sym begin,
);

extern "C" fn begin() -> ! {
    timer::watch();
    main()
}

// The vectors have fixed places: 0x30 for exceptions and interrupts of the kernel, which all code
// here is, 0x50 for those of users, 0x70 for an exception inside of one.
global_asm!(
    ".section .vectors, \"ax\"",
    "1:",
    ".4byte {enter}",
    ".org 0x30",
    "wsr a0, excsave1",
    "l32r a0, 1b",
    "jx a0",
    ".org 0x50",
    "wsr a0, excsave1",
    "l32r a0, 1b",
    "jx a0",
    // The verdict 2: nothing can be said any more.
    ".org 0x70",
    "movi a2, 1",
    "movi a3, 2",
    ".byte 0x00, 0x51, 0x00",
    "2:",
    "j 2b",
    ".text",
    enter = sym enter,
);

/// The handler of a program without one: its timer is never started, and nobody rings.
#[unsafe(no_mangle)]
extern "C" fn board_no_handler() {}
