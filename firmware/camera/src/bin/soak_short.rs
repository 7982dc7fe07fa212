//! The same as the hour of load, with a few frames.
#![no_std]
#![no_main]

use board_virt::exit;
use camera::Plan;

#[board_virt::entry]
fn main() -> ! {
    camera::run(&Plan::SHORT);
    exit::success()
}
