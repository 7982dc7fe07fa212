//! The camera with more code than its flash.
//!
//! Decoding is MozJPEG in C, in three parts; scaling and measuring is C++ with virtual functions and
//! constructors; the report is a Rust crate. All of them are overlays on an SD card, and share one
//! slot of executable memory that is several times smaller.
//!
//! ```text
//!  decode ─▶ gate ─▶ marker │ blocks ⇄ colour     (C: row of blocks by row of blocks)
//!  scale  ─▶ gate ─▶ lens                         (C++)
//!  report, compress ─▶ gate ─▶ report             (Rust)
//!  detect                                         (stays in flash)
//! ```
#![no_std]
#![no_main]

mod gate;
mod machine;
mod overlays;

use board_virt::exit;
use camera::Plan;

#[board_virt::entry]
fn main() -> ! {
    camera::run_with(&Plan::PHOTOGRAPHS, &gate::GATE);
    exit::success()
}
