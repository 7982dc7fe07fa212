//! From reset to `main`, and where exceptions, interrupts and windows enter.

use core::arch::global_asm;

use crate::task::enter;
use crate::timer;

unsafe extern "Rust" {
    /// The program.
    safe fn main() -> !;
}

// The machine starts here, with interrupts held back and exceptions doubled. All windows but this one
// are free from here on. Conditional stores are let through to all memory.
global_asm!(
    ".section .init, \"ax\"",
    ".global _start",
    "_start:",
    "j 5f",
    ".balign 4",
    "1:",
    ".4byte __sram_end",
    "2:",
    ".4byte {begin}",
    "3:",
    ".4byte board_vectors",
    "4:",
    ".4byte 0x40000",
    "5:",
    "movi a2, 0",
    "wsr a2, intenable",
    "wsr a2, windowbase",
    "rsync",
    "movi a2, 1",
    "wsr a2, windowstart",
    "rsync",
    "movi a2, 0x15",
    "wsr a2, atomctl",
    "l32r a2, 3b",
    "wsr a2, vecbase",
    "l32r a1, 1b",
    "l32r a2, 4b",
    "wsr a2, ps",
    "rsync",
    "l32r a4, 2b",
    "callx4 a4",
    ".text",
    begin = sym begin,
);

extern "C" fn begin() -> ! {
    timer::watch();
    main()
}

// The vectors have fixed places from `vecbase` on. First those of windows: a caller's registers go
// to the 16 bytes below its callee's stack pointer, those above a3 to the end of its own frame, which
// its own caller's stack pointer tells; then 0x300 for exceptions and interrupts of the kernel, which
// all code here is, 0x340 for those of users, 0x3C0 for an exception inside of one.
global_asm!(
    ".section .vectors, \"ax\"",
    ".global board_vectors",
    "board_vectors:",
    // Spill after call4.
    "s32e a0, a5, -16",
    "s32e a1, a5, -12",
    "s32e a2, a5, -8",
    "s32e a3, a5, -4",
    "rfwo",
    ".org 0x40",
    // Fill after call4.
    "l32e a0, a5, -16",
    "l32e a1, a5, -12",
    "l32e a2, a5, -8",
    "l32e a3, a5, -4",
    "rfwu",
    ".org 0x80",
    // Spill after call8.
    "s32e a0, a9, -16",
    "l32e a0, a1, -12",
    "s32e a1, a9, -12",
    "s32e a2, a9, -8",
    "s32e a3, a9, -4",
    "s32e a4, a0, -32",
    "s32e a5, a0, -28",
    "s32e a6, a0, -24",
    "s32e a7, a0, -20",
    "rfwo",
    ".org 0xC0",
    // Fill after call8.
    "l32e a0, a9, -16",
    "l32e a1, a9, -12",
    "l32e a2, a9, -8",
    "l32e a3, a9, -4",
    "l32e a7, a1, -12",
    "l32e a4, a7, -32",
    "l32e a5, a7, -28",
    "l32e a6, a7, -24",
    "l32e a7, a7, -20",
    "rfwu",
    ".org 0x100",
    // Spill after call12.
    "s32e a0, a13, -16",
    "l32e a0, a1, -12",
    "s32e a1, a13, -12",
    "s32e a2, a13, -8",
    "s32e a3, a13, -4",
    "s32e a4, a0, -48",
    "s32e a5, a0, -44",
    "s32e a6, a0, -40",
    "s32e a7, a0, -36",
    "s32e a8, a0, -32",
    "s32e a9, a0, -28",
    "s32e a10, a0, -24",
    "s32e a11, a0, -20",
    "rfwo",
    ".org 0x140",
    // Fill after call12.
    "l32e a0, a13, -16",
    "l32e a1, a13, -12",
    "l32e a2, a13, -8",
    "l32e a3, a13, -4",
    "l32e a11, a1, -12",
    "l32e a4, a11, -48",
    "l32e a5, a11, -44",
    "l32e a6, a11, -40",
    "l32e a7, a11, -36",
    "l32e a8, a11, -32",
    "l32e a9, a11, -28",
    "l32e a10, a11, -24",
    "l32e a11, a11, -20",
    "rfwu",
    ".balign 4",
    "1:",
    ".4byte {enter}",
    ".org 0x300",
    "wsr a0, excsave1",
    "l32r a0, 1b",
    "jx a0",
    ".org 0x340",
    "wsr a0, excsave1",
    "l32r a0, 1b",
    "jx a0",
    // The verdict 2: nothing can be said any more.
    ".org 0x3C0",
    "movi a2, 1",
    "movi a3, 2",
    ".byte 0x00, 0x51, 0x00",
    "2:",
    "j 2b",
    ".text",
    enter = sym enter,
);

/// The handler of a program without one: its timer is never started.
#[unsafe(no_mangle)]
extern "C" fn board_no_timer() {}
