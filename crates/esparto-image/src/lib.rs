//! The overlay file format: parsed, checked and built by the same code on device and host.
//!
//! An overlay is a library kept on storage as a pair of files that share one header: `NAME_e` with
//! code, which may be evicted at any time, and `NAME_d` with constants and data, which stay.
//! Everything is read once and in order: header and tables, then each segment.
//!
//! | module | holds |
//! |---|---|
//! | `wire` | magic, version, lengths and limits |
//! | `checksum` | the checksum of everything |
//! | `target` | instruction sets, calling conventions, parts, names |
//! | `raw` | what a load decides on: header, segments and dependencies, checked in place |
//! | `header`, `segment`, `prefix` | the same in types, for tools |
//! | `export` | what an overlay offers by name |
//! | `block`, `relocation` | segments with relocations or compressed |
//! | `image` | a whole image in memory, verified |
//! | `firmware` | what the packer leaves in the firmware for the loader |
//! | `manifest` | what vouches for all files (feature `signed`) |
//! | `build` | images made (feature `build`) |
//! | `error`, `field` | what can be wrong, and where |
//!
//! Every byte of the format is in `docs/format.md`.
#![no_std]
#![forbid(unsafe_code)]

#[cfg(feature = "build")]
extern crate alloc;

mod block;
#[cfg(feature = "build")]
mod build;
mod checksum;
mod error;
mod export;
mod field;
pub mod firmware;
mod header;
mod image;
#[cfg(feature = "signed")]
pub mod manifest;
mod prefix;
mod raw;
mod relocation;
mod segment;
mod target;
mod wire;

pub use block::{BLOCK_HEADER_BYTES, Block, BlockHeader, decompress};
#[cfg(feature = "build")]
pub use build::{BuildError, Contents, ImageBuilder, Place};
pub use checksum::Checksum;
pub use error::{ImageError, Refused};
pub use export::{Export, ExportEntry, Exports, name_hash};
pub use field::Field;
pub use header::Header;
pub use image::Image;
pub use prefix::Prefix;
pub use raw::RawPrefix;
pub use relocation::{Change, Distance, Moved, Relocation};
pub use segment::{Encoding, Segment, SegmentKind};
pub use target::{Abi, Isa, Name, Part, Placement};
pub use wire::{
    BUILD_ID_BYTES, DEPENDENCY_BYTES, EXPORT_BYTES, HEADER_BYTES, MAGIC, MAX_BLOCK_BYTES,
    MAX_DEPENDENCY_COUNT, MAX_NAME_BYTES, MAX_PREFIX_BYTES, MAX_SEGMENT_COUNT, SEGMENT_BYTES,
    STRIPE_BYTES, VERSION,
};
