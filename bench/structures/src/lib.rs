//! Heap structures that were tried beside the shipped one: contestants of the benchmark, not part of
//! the product. What they reach, and why another was shipped, is in `docs/heap.md`.
//!
//! - [`Boundary`]: no tag; a bitmap beside the blocks says where free and live memory meet. With and
//!   without a cache of freed blocks.
//! - [`Segments`]: no tag and no bitmap; free blocks are found by where they lie, and the first that
//!   fits is taken.

#![no_std]

mod boundary;
mod segments;

pub use boundary::{Boundary, Coarse, CoarseCached, Narrow, NarrowCached, Shape, Wide, WideCached};
pub use segments::Segments;
