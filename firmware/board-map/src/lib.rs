//! Where the parts of a firmware go in a chip's memory, for build scripts.
//!
//! ```text
//!  esparto-chips ──▶ Layout ──▶ script(): memory.x for riscv-rt
//!                       └─────▶ table():  the regions left for Esparto, as Rust
//! ```
//!
//! Code is in flash or in SRAM, at the addresses of the instruction bus; constants are in flash at
//! those of the data bus; statics, the boot stack and the first region are in the largest SRAM that
//! data reaches. Everything else that holds bytes is a region of its own with the chip's
//! capabilities. Code and data never share a page, so that memory can be kept either writable or
//! executable.
//!
//! ```
//! use board_map::{Code, Layout};
//!
//! let chip = esparto_chips::find("esp32c3")?;
//! let layout = Layout::of(chip, Code::Sram)?;
//! // Fetched at the address of the one bus, out of the way of what the other one writes.
//! assert!(layout.script().contains("CODE  : ORIGIN = 0x40380000"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

mod layout;
mod script;

pub use layout::{Code, Layout, LayoutError, Piece, Sram};
