//! What the variants of the structure differ in.

/// How a link or a size lies in a free block.
pub trait Unit: Copy {
    /// What the stored number is multiplied by.
    const SCALE: usize;

    /// Makes it of a number of bytes.
    fn pack(bytes: usize) -> Self;

    /// The number of bytes.
    fn bytes(self) -> usize;
}

/// Counts in words of four bytes: reaches 256 KiB.
impl Unit for u16 {
    const SCALE: usize = 4;

    #[inline(always)]
    fn pack(bytes: usize) -> Self {
        (bytes / Self::SCALE) as Self
    }

    #[inline(always)]
    fn bytes(self) -> usize {
        self as usize * Self::SCALE
    }
}

impl Unit for u32 {
    const SCALE: usize = 1;

    #[inline(always)]
    fn pack(bytes: usize) -> Self {
        bytes as Self
    }

    #[inline(always)]
    fn bytes(self) -> usize {
        self as usize
    }
}

/// A variant.
pub trait Shape: 'static {
    /// Links and sizes.
    type Unit: Unit;
    /// What sizes are rounded to.
    const GRANULE: usize = 4;
    /// The bytes for each bit of the map, one or two granules. No live block is smaller.
    const CELL: usize = 8;
    /// The most bytes that are kept aside for each size; 0 for no cache.
    const KEEP_BYTES: usize = 0;
    /// The largest size that is kept aside.
    const CACHED_BYTES: usize = 0;
}

/// Links of two bytes, no cache.
#[derive(Clone, Copy, Debug)]
pub struct Narrow;

impl Shape for Narrow {
    type Unit = u16;
}

/// Links of two bytes, and a cache.
#[derive(Clone, Copy, Debug)]
pub struct NarrowCached;

impl Shape for NarrowCached {
    type Unit = u16;
    const KEEP_BYTES: usize = 256;
    const CACHED_BYTES: usize = 140;
}

/// Links of four bytes for memory beyond 256 KiB, no cache.
#[derive(Clone, Copy, Debug)]
pub struct Wide;

impl Shape for Wide {
    type Unit = u32;
}

/// Links of four bytes, and a cache.
#[derive(Clone, Copy, Debug)]
pub struct WideCached;

impl Shape for WideCached {
    type Unit = u32;
    const KEEP_BYTES: usize = 256;
    const CACHED_BYTES: usize = 140;
}

/// Granules of sixteen bytes, as hosts align to: no free block is too small for a list.
#[derive(Clone, Copy, Debug)]
pub struct Coarse;

impl Shape for Coarse {
    type Unit = u32;
    const GRANULE: usize = 16;
    const CELL: usize = 16;
}

/// The same, with a cache.
#[derive(Clone, Copy, Debug)]
pub struct CoarseCached;

impl Shape for CoarseCached {
    type Unit = u32;
    const GRANULE: usize = 16;
    const CELL: usize = 16;
    const KEEP_BYTES: usize = 1024;
    const CACHED_BYTES: usize = 512;
}
