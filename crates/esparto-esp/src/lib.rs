//! Esparto under esp-hal, instead of esp-alloc.
//!
//! - [`add`] gives a memory a stretch of the chip's memory, with the capabilities that the chip's map
//!   has for it.
//! - [`radio_symbols!`] defines the C names that esp-radio and its libraries ask the program's
//!   allocator for.
//!
//! ```no_run,standalone_crate
//! use esparto::Memory;
//!
//! // In a firmware it is the global allocator too.
//! static MEMORY: Memory<4> = Memory::new();
//! # mod names { use super::MEMORY;
//! esparto_esp::radio_symbols!(MEMORY);
//! # }
//! # fn main() {}
//! ```
//!
//! The names are unmangled: there is one such line in a program, and none with esp-alloc in it.
#![no_std]

mod malloc;
mod region;

#[doc(hidden)]
pub use malloc::private as __private;
pub use malloc::{allocate, allocate_zeroed, deallocate, free_bytes, resize};
pub use region::{AddError, add};
