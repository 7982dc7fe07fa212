//! Programs with one memory error each, for the simulator's memcheck to find.
//!
//! Each program of `src/bin` makes the error in the line that says `planted`; `clean` makes none.
//! - [`hint`]: what a firmware tells the simulator, one instruction each, without effect elsewhere.
//! - [`Told`]: the sink that tells it of blocks. [`start`]: the memory, all of it told of.
#![no_std]

extern crate alloc;

pub mod hint;
mod told;

pub use told::{MEMORY, Told, start};
