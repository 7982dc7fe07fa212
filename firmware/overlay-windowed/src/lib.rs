//! What the loader asks of the board with register windows, and where the packed overlays are. All is
//! the other programs'.
#![no_std]

use board_windowed as board;

#[path = "../../overlay/src/calls.rs"]
pub mod calls;
#[path = "../../overlay-lx106/src/files.rs"]
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
