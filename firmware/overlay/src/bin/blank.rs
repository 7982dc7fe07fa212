//! `bare` without the loader: the stubs lead nowhere. It uses nothing of this package's library,
//! which would bring the loader in.
#![no_std]
#![no_main]

use board_virt::{exit, stack};

const REFUSED: i32 = 0x0BAD_CA11;

unsafe extern "C" {
    safe fn bulk(value: i32) -> i32;
}

core::arch::global_asm!(
    ".global __esparto_overlay_miss",
    ".global __wrap_longjmp",
    "__wrap_longjmp:",
    "__esparto_overlay_miss:",
    "li a0, {refused}",
    "ret",
    refused = const REFUSED,
);

#[board_virt::entry]
fn main() -> ! {
    let end = stack::in_use().end;
    let answer = bulk(1);
    // With numbers of the kinds that the others say too.
    assert!(answer == REFUSED && end != 0, "{end} {}", end as u64);
    exit::success()
}
