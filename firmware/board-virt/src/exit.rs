//! The end of the program.

use crate::{counter, println};

/// The machine's test device: a word stored there ends the machine.
const FINISHER: *mut u32 = core::ptr::without_provenance_mut(0x0010_0000);
const PASS: u32 = 0x5555;
const FAIL: u32 = 0x3333;

/// Says how many instructions it took, waiting aside, and ends the machine; QEMU exits with 0.
pub fn success() -> ! {
    println!("instructions {}", counter::busy_u64());
    finish(PASS)
}

/// Ends the machine; QEMU exits with 1.
pub fn failure() -> ! {
    finish(1 << 16 | FAIL)
}

fn finish(word: u32) -> ! {
    // SAFETY: the machine has its test device at this address; the store ends the machine.
    unsafe { FINISHER.write_volatile(word) };
    loop {
        core::hint::spin_loop();
    }
}
