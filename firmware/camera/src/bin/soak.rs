//! An hour of load: what is in use after a minute is what is in use at the end.
#![no_std]
#![no_main]

use board_virt::exit;
use camera::Plan;

#[board_virt::entry]
fn main() -> ! {
    camera::run(&Plan::HOUR);
    exit::success()
}
