//! In which order a free list is.

/// A free block: where it starts and how long it is.
#[derive(Clone, Copy)]
#[doc(hidden)]
pub struct Piece {
    pub(super) block: u32,
    pub(super) size: u32,
}

/// The order of a scheme's free list, which decides about fit and merging.
pub trait Order: 'static {
    /// Do free neighbours become one block? Only a list by address finds them.
    const MERGES: bool;

    /// Must `earlier` come before `later`, whichever was there first?
    #[doc(hidden)]
    fn is_before(earlier: Piece, later: Piece) -> bool;
}

/// By size, the smallest first: the first that fits is the best fit.
#[derive(Debug)]
pub struct BySize;

impl Order for BySize {
    const MERGES: bool = false;

    fn is_before(earlier: Piece, later: Piece) -> bool {
        earlier.size < later.size
    }
}

/// By address: the first that fits is the lowest, and neighbours are next to each other.
#[derive(Debug)]
pub struct ByAddress;

impl Order for ByAddress {
    const MERGES: bool = true;

    fn is_before(earlier: Piece, later: Piece) -> bool {
        earlier.block < later.block
    }
}
