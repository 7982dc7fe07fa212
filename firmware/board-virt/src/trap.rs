//! Panics and exceptions: say what happened, then fail. Nothing goes on in an unknown state.

use core::panic::PanicInfo;

use crate::{cache, exit, frames, println};

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    println!("{info}");
    let mut callers = [0; 16];
    let count = frames::capture(&mut callers);
    for return_addr in callers.into_iter().take(count) {
        println!("  called from {return_addr:#010x}");
    }
    exit::failure()
}

#[unsafe(no_mangle)]
extern "C" fn ExceptionHandler(_frame: &riscv_rt::TrapFrame) -> ! {
    fail()
}

/// Says which exception this is, inside of its trap.
pub(crate) fn fail() -> ! {
    // The words to say it with are in flash.
    cache::on();
    let (cause, addr) = (riscv::register::mcause::read(), riscv::register::mtval::read());
    println!(
        "exception {} at {:#010x}, value {addr:#010x}",
        cause.code(),
        riscv::register::mepc::read()
    );
    exit::failure()
}
