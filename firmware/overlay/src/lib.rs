//! What the programs that run overlays share.
//!
//! - [`Machine`]: what the loader asks of this machine.
//! - [`Files`]: the packed overlays, on the host by semihosting (QEMU, `-append FOLDER`) or on the SD
//!   card (the simulator).
//! - [`calls`]: the functions of the overlays and of the resident C++ code.
#![no_std]

pub mod calls;
mod files;
mod machine;

pub use files::Files;
pub use machine::{Machine, REFUSED};
