//! The camera takes every photograph once.
#![no_std]
#![no_main]

use board_virt::exit;
use camera::Plan;

#[board_virt::entry]
fn main() -> ! {
    camera::run(&Plan::PHOTOGRAPHS);
    exit::success()
}
