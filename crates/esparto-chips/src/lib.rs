//! Memory maps of the ESP32 family as const data.
//!
//! Eleven chips, each with its regions (bus, addresses, capabilities, alias, what is taken by
//! default), DMA ranges, caches, MMU page sizes, PSRAM windows, instruction set and the rules that
//! follow from them. Every figure carries its source; what is not established says so ([`None`])
//! instead of guessing.
//!
//! ```
//! let chip = esparto_chips::find("ESP32-S3")?;
//! // The same bytes, seen by the instruction bus.
//! assert_eq!(chip.alias_of(0x3FC8_8000), Some(0x4037_8000));
//! // The memory a manager can hand out for data, with 8 MiB of PSRAM on the module.
//! for region in chip.data_regions(8 << 20) {
//!     assert!(region.caps.contains(esparto::Caps::BYTE));
//! }
//! # Ok::<(), esparto_chips::UnknownChip>(())
//! ```
//!
//! | module | holds |
//! |---|---|
//! | `chip` | a chip and what it answers |
//! | `region` | a region, its alias, what is taken from it |
//! | `facts` | the smaller facts: instruction set, caches, PSRAM, each with its source |
//! | `rule` | the rules of a chip that break naive code |
//! | `lookup` | from a name to a chip |
//! | `map` | the data, a file for each chip |
#![no_std]
#![forbid(unsafe_code)]

mod chip;
mod facts;
mod lookup;
mod map;
mod range;
mod region;
mod rule;

pub use chip::{Chip, DataRegion};
pub use facts::{Atomics, Cache, Fact, FlashWindow, Isa, Protection, Psram};
pub use lookup::{UnknownChip, find};
pub use map::CHIPS;
pub use range::AddrRange;
pub use region::{Alias, Bus, ChipRegion, Kind, Reserved, Role, WordOrder};
pub use rule::Rule;
