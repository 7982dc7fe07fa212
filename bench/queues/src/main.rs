//! Pools and queues side by side on the emulated core: what is measured is a call of a function that
//! does one thing, up to its return, in instructions; the worst of many.
//!
//! Prints a line of JSON for each row and `{"kind":"done"}`.
#![no_std]
#![no_main]

mod pools;
mod queues;
mod timed;

use board_virt::{exit, println};

#[board_virt::entry]
fn main() -> ! {
    pools::measure();
    queues::measure();
    println!("{{\"kind\":\"done\"}}");
    exit::success()
}
