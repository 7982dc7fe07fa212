//! What the programs that run overlays share.
//!
//! - [`Machine`]: what the loader asks of this machine.
//! - [`Files`]: the packed overlays, on the host by semihosting (QEMU, `-append FOLDER`) or on the SD
//!   card (the simulator).
//! - [`Place`]: static memory that is handed out once.
//! - [`Told`]: a writer that tells memcheck where code is.
//! - [`calls`]: the functions of the overlays and of the resident C++ code.
#![no_std]

use board_virt as board;

pub mod calls;
mod files;
mod machine;
mod place;
mod told;

pub use files::Files;
pub use machine::{Machine, REFUSED};
pub use place::Place;
pub use told::Told;
