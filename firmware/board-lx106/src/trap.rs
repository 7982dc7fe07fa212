//! Panics and exceptions: say what happened, then fail. Nothing goes on in an unknown state.

use core::arch::asm;
use core::panic::PanicInfo;

use crate::{exit, println};

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    println!("{info}");
    exit::failure()
}

/// Says which exception this is, inside of its trap.
pub(crate) fn fail() -> ! {
    let (cause, at_addr, value): (u32, u32, u32);
    // SAFETY: reads registers.
    unsafe {
        asm!("rsr {}, exccause", "rsr {}, epc1", "rsr {}, excvaddr",
            out(reg) cause, out(reg) at_addr, out(reg) value, options(nomem, nostack));
    }
    println!("exception {cause} at {at_addr:#010x}, value {value:#010x}");
    exit::failure()
}
