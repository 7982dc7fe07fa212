//! What the loader asks of the LX106 board, and where the packed overlays are. All but the files is
//! the RISC-V program's.
#![no_std]

use board_lx106 as board;

#[path = "../../overlay/src/calls.rs"]
pub mod calls;
mod files;
#[path = "../../overlay/src/machine.rs"]
mod machine;
#[path = "../../overlay/src/place.rs"]
mod place;
#[path = "../../overlay/src/told.rs"]
mod told;

pub use files::Files;
pub use machine::{Machine, REFUSED};
pub use place::Place;
pub use told::Told;
