//! What the applications for all chips share.
//!
//! - [`memory`]: the chip's memory as regions, the global allocator, the radio's C names.
//! - [`work`]: tasks that post samples, read them, and watch the memory.
//! - [`card`]: the SD card over SPI. [`loader`]: overlays from it.
#![no_std]

extern crate alloc;

pub mod card;
pub mod loader;
pub mod memory;
pub mod work;
