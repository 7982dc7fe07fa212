//! Programs with one memory error each, for the simulator's memcheck to find.
//!
//! Each program of `src/bin` makes the error in the line that says `planted`; `clean` makes none.
//! [`start`] hands out the memory, all of it told of.
#![no_std]

extern crate alloc;

mod memory;

pub use memory::{MEMORY, start};
