//! Where QEMU's two machines differ: `virt`, and `sifive_u`, which has an SD card. Memory, the timer's
//! registers and the software interrupt are at the same addresses on both.

// `sifive_u` has a second hart, which begins here too, and sleeps for good. QEMU counts the instructions of
// both as one: the first waits until the second sleeps, so that from `_start` on they are its own.
#[cfg(sifive_u)]
core::arch::global_asm!(
    ".pushsection .park, \"ax\"",
    "csrr t0, mhartid",
    "beqz t0, 2f",
    "1: wfi",
    "j 1b",
    // Its own software interrupt waits already: it only lets the other one go first.
    "2: csrwi mie, 8",
    "lui t0, 0x2000",
    "li t1, 1",
    "sw t1, 0(t0)",
    "wfi",
    "sw zero, 0(t0)",
    "csrwi mie, 0",
    "j _start",
    ".popsection"
);

/// The machine's `mtime` counts so often in a millisecond.
pub(crate) const TICKS_PER_MS: u64 = if cfg!(sifive_u) { 1_000 } else { 10_000 };

/// Sends a byte on the serial line, which is ready whenever the host is.
#[inline(always)]
pub(crate) fn send(byte: u8) {
    if cfg!(sifive_u) {
        const TRANSMIT: *mut u32 = core::ptr::without_provenance_mut(0x1001_0000);
        // SAFETY: the machine has SiFive's serial line at this address, and a word stored to its
        // transmit register does nothing but send the lowest byte.
        unsafe { TRANSMIT.write_volatile(byte.into()) };
    } else {
        const TRANSMIT: *mut u8 = core::ptr::without_provenance_mut(0x1000_0000);
        // SAFETY: the machine has a 16550 at this address, and a byte stored to its transmit register
        // does nothing but send it.
        unsafe { TRANSMIT.write_volatile(byte) };
    }
}

/// Ends the machine; the emulator exits with `code`.
pub(crate) fn end(code: u8) -> ! {
    if cfg!(sifive_u) {
        semihosting::process::exit(code.into())
    }
    /// The test device: a word stored there ends the machine.
    const FINISHER: *mut u32 = core::ptr::without_provenance_mut(0x0010_0000);
    const PASS: u32 = 0x5555;
    const FAIL: u32 = 0x3333;
    let word = if code == 0 { PASS } else { u32::from(code) << 16 | FAIL };
    // SAFETY: the machine has its test device at this address; the store ends the machine.
    unsafe { FINISHER.write_volatile(word) };
    loop {
        core::hint::spin_loop();
    }
}

/// Switches the cache in front of flash and PSRAM, which the simulator's `virt` and chips have; QEMU's
/// `virt` takes no note of it, and `sifive_u` has nothing there.
#[inline(always)]
pub(crate) fn switch_cache(word: u32) {
    const SWITCH: *mut u32 = core::ptr::without_provenance_mut(0x0010_0004);
    if !cfg!(sifive_u) {
        // SAFETY: the board has its switch at this address, and nothing else.
        unsafe { SWITCH.write_volatile(word) };
    }
}
