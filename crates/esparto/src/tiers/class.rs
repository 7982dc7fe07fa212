//! A size of blocks, and how many.

use crate::pool::{Shape, ShapeError};

/// A class of blocks. A count of zero turns it off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Class {
    /// For people.
    pub name: &'static str,
    /// A block's size.
    pub block_bytes: usize,
    /// How many blocks.
    pub block_count: usize,
}

impl Class {
    /// Events and messages of a service: 64 bytes × 100, 256 × 50, 1024 × 20, 4096 × 10.
    pub const SERVICE: [Self; 4] = [
        Self::new("Small", 64, 100),
        Self::new("Medium", 256, 50),
        Self::new("Large", 1024, 20),
        Self::new("XLarge", 4096, 10),
    ];

    /// A small set for mixed sizes: 32 bytes × 100, 128 × 50, 512 × 20.
    pub const MULTI_SIZE: [Self; 3] =
        [Self::new("Small", 32, 100), Self::new("Medium", 128, 50), Self::new("Large", 512, 20)];

    /// A class. Nothing is checked before [`Tiers::init`](super::Tiers::init).
    #[must_use]
    pub const fn new(name: &'static str, block_bytes: usize, block_count: usize) -> Self {
        Self { name, block_bytes, block_count }
    }

    /// The shape of its pool; `None` when it is off.
    pub(super) fn shape(&self) -> Result<Option<Shape>, ShapeError> {
        match self.block_count {
            0 => Ok(None),
            count => Shape::new(self.block_bytes, count).map(Some),
        }
    }

    /// Does a block of the class do for `layout`?
    #[inline]
    pub(super) fn fits(&self, layout: core::alloc::Layout) -> bool {
        let align_bytes =
            if self.block_bytes.is_multiple_of(8) { 8 } else { align_of::<*mut u8>() };
        layout.size() <= self.block_bytes && layout.align() <= align_bytes
    }
}

/// What a request does whose class is off or exhausted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Spill {
    /// It goes on to the heap.
    #[default]
    Heap,
    /// It takes a block of the next larger class that has one, and goes on to the heap after the
    /// last: never fails for a full class while a larger one has room, at the price of that room.
    NextClass,
}
