//! The memory of a heap: its words, its map of boundaries, and the lists of free blocks.
//!
//! Everything is named by its distance from the start of the memory.

use core::marker::PhantomData;
use core::ptr::NonNull;

use super::shape::{Shape, Unit};

// The words at the start, as byte offsets.
/// The fresh memory behind all blocks: no block, in no list, live to its neighbour.
pub(super) const FRESH: usize = 0;
pub(super) const FRESH_END: usize = 4;
/// The end of the memory.
pub(super) const END: usize = 8;
/// The bytes in free blocks that are too small for a list.
pub(super) const CRUMBS: usize = 12;
const WORDS_END: usize = 16;
// With a cache only.
/// What is kept for each size at the moment, in granules: the shape's, or 0 when memory is scarce.
pub(super) const KEEP: usize = 16;
/// The free bytes, those kept aside not among them.
pub(super) const FREE: usize = 20;
/// Below this, memory is scarce; from the other on it is not.
pub(super) const SCARCE: usize = 24;
pub(super) const ROOMY: usize = 28;
/// The cache list that is emptied next.
pub(super) const CURSOR: usize = 32;
const CACHE_WORDS_END: usize = 36;

/// Lists below hold blocks of exactly so many granules.
pub(super) const FIRST_LARGE: usize = 32;
/// From so many granules on there is a list for each power of two; between, one for each 32.
const FIRST_HUGE: usize = 256;

/// The list for free blocks of so many granules.
#[inline(always)]
pub(super) const fn list_of(granules: usize) -> usize {
    if granules < FIRST_LARGE {
        granules
    } else if granules < FIRST_HUGE {
        FIRST_LARGE - 1 + (granules >> 5)
    } else {
        let mut list = FIRST_LARGE - 1 + (FIRST_HUGE >> 5);
        let mut rest = granules >> 8;
        while rest > 1 {
            rest >>= 1;
            list += 1;
        }
        list
    }
}

/// The base and the shape.
pub(super) struct Space<S> {
    base: NonNull<u8>,
    shape: PhantomData<S>,
}

impl<S> Clone for Space<S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S> Copy for Space<S> {}

impl<S: Shape> Space<S> {
    pub(super) const GRANULE: usize = S::GRANULE;
    pub(super) const CELL: usize = S::CELL;
    const UNIT: usize = size_of::<S::Unit>();
    /// The smallest block with room for two links, its size and its size again.
    pub(super) const LISTED: usize = 4 * Self::UNIT;
    pub(super) const HAS_CACHE: bool = S::KEEP_BYTES != 0;
    /// The largest memory that links, and the words of the cache, reach.
    pub(super) const LIMIT: usize = if size_of::<S::Unit>() == 2 { 0xffff * 4 } else { 32 << 20 };
    pub(super) const LIST_COUNT: usize = list_of(Self::LIMIT / S::GRANULE) + 1;
    /// A list's head is a pseudo-block, of which only the two links are there.
    const HEADS: usize = (if Self::HAS_CACHE { CACHE_WORDS_END } else { WORDS_END } - Self::UNIT)
        .next_multiple_of(4);
    const CACHE_LISTS: usize =
        (Self::HEADS + (Self::LIST_COUNT + 1) * 2 * Self::UNIT).next_multiple_of(4);
    pub(super) const CACHE_COUNT: usize = S::CACHED_BYTES / S::GRANULE;
    const MAP: usize = Self::CACHE_LISTS + 4 * Self::CACHE_COUNT;

    pub(super) const fn new(base: NonNull<u8>) -> Self {
        Self { base, shape: PhantomData }
    }

    /// Where the blocks start in a memory of so many bytes.
    pub(super) const fn blocks_at(len: usize) -> usize {
        (Self::MAP + 4 * (len / (32 * Self::CELL) + 1)).next_multiple_of(Self::CELL)
    }

    pub(super) fn base_addr(self) -> usize {
        self.base.addr().get()
    }

    #[inline(always)]
    pub(super) fn at(self, offset: usize) -> *mut u8 {
        self.base.as_ptr().wrapping_add(offset)
    }

    /// # Safety
    /// A word of this heap is at `offset`.
    #[inline(always)]
    pub(super) unsafe fn word(self, offset: usize) -> usize {
        // SAFETY: as promised.
        unsafe { self.at(offset).cast::<u32>().read() as usize }
    }

    /// # Safety
    /// As for [`word`](Self::word).
    #[inline(always)]
    pub(super) unsafe fn set_word(self, offset: usize, value: usize) {
        // SAFETY: as promised.
        unsafe { self.at(offset).cast::<u32>().write(value as u32) }
    }

    #[inline(always)]
    unsafe fn unit(self, offset: usize) -> usize {
        // SAFETY: the callers name units of free blocks and heads.
        unsafe { self.at(offset).cast::<S::Unit>().read().bytes() }
    }

    #[inline(always)]
    unsafe fn set_unit(self, offset: usize, bytes: usize) {
        // SAFETY: the callers name units of free blocks and heads.
        unsafe { self.at(offset).cast::<S::Unit>().write(S::Unit::pack(bytes)) }
    }

    // A free block: its size, two links if it is listed, and its size again in its last unit. One of
    // one unit has room for that once.

    /// # Safety
    /// A free block starts there.
    #[inline(always)]
    pub(super) unsafe fn size(self, block: usize) -> usize {
        // SAFETY: as promised.
        unsafe { self.unit(block) }
    }

    /// # Safety
    /// A free block ends there.
    #[inline(always)]
    pub(super) unsafe fn size_before(self, end: usize) -> usize {
        // SAFETY: as promised.
        unsafe { self.unit(end - Self::UNIT) }
    }

    /// # Safety
    /// The block is free and inside the heap.
    #[inline(always)]
    pub(super) unsafe fn set_size(self, block: usize, size: usize) {
        // SAFETY: both ends of the block are the heap's.
        unsafe {
            self.set_unit(block, size);
            self.set_unit(block + size - Self::UNIT, size);
        }
    }

    /// # Safety
    /// A listed block or a head.
    #[inline(always)]
    pub(super) unsafe fn next(self, block: usize) -> usize {
        // SAFETY: as promised.
        unsafe { self.unit(block + Self::UNIT) }
    }

    /// # Safety
    /// A listed block or a head.
    #[inline(always)]
    unsafe fn set_next(self, block: usize, next: usize) {
        // SAFETY: as promised.
        unsafe { self.set_unit(block + Self::UNIT, next) }
    }

    /// # Safety
    /// A listed block or a head.
    #[inline(always)]
    pub(super) unsafe fn before(self, block: usize) -> usize {
        // SAFETY: as promised.
        unsafe { self.unit(block + 2 * Self::UNIT) }
    }

    /// # Safety
    /// A listed block or a head.
    #[inline(always)]
    unsafe fn set_before(self, block: usize, before: usize) {
        // SAFETY: as promised.
        unsafe { self.set_unit(block + 2 * Self::UNIT, before) }
    }

    /// The pseudo-block of a list. The size in front of its links is not its own, and never read.
    #[inline(always)]
    pub(super) const fn head(list: usize) -> usize {
        Self::HEADS + list * 2 * Self::UNIT
    }

    /// # Safety
    /// The heads are there.
    pub(super) unsafe fn clear_heads(self) {
        for list in 0..Self::LIST_COUNT {
            let head = Self::head(list);
            // SAFETY: as promised.
            unsafe {
                self.set_next(head, head);
                self.set_before(head, head);
            }
        }
        // The end of every search: a list that is never empty.
        // SAFETY: there is room for one more.
        unsafe { self.set_next(Self::head(Self::LIST_COUNT), 0) }
    }

    /// # Safety
    /// The block is free, in no list, and long enough for one; its size is set.
    #[inline(always)]
    pub(super) unsafe fn link(self, block: usize, list: usize) {
        let head = Self::head(list);
        // SAFETY: (list invariant) the head leads to itself or to a listed block.
        unsafe {
            let next = self.next(head);
            self.set_next(block, next);
            self.set_before(block, head);
            self.set_before(next, block);
            self.set_next(head, block);
        }
    }

    /// # Safety
    /// The block is listed.
    #[inline(always)]
    pub(super) unsafe fn unlink(self, block: usize) {
        // SAFETY: (list invariant) both links lead to listed blocks or heads.
        unsafe {
            let next = self.next(block);
            let before = self.before(block);
            self.set_before(next, before);
            self.set_next(before, next);
        }
    }

    /// The lowest list from `list` on that is not empty; `LIST_COUNT` when all are.
    ///
    /// # Safety
    /// The heads are there.
    #[inline(always)]
    pub(super) unsafe fn first_list(self, list: usize) -> usize {
        let mut head = Self::head(list);
        // SAFETY: (list invariant) an empty head leads to itself; the last one never does.
        unsafe {
            while self.next(head) == head {
                head += 2 * Self::UNIT;
            }
        }
        (head - Self::head(0)) / (2 * Self::UNIT)
    }

    // The map: the bit of a cell is set iff one boundary in it has exactly one free side, or two
    // have: then a free block of one granule fills half the cell. So it is turned over at both ends
    // of whatever is taken or given, but inside such a cell.

    #[inline(always)]
    fn map_word(self, offset: usize) -> usize {
        Self::MAP + offset / (32 * Self::CELL) * 4
    }

    /// Whether there is such a boundary in the cell. Bits count from the top: a shift and the sign.
    ///
    /// # Safety
    /// The offset is a block's.
    #[inline(always)]
    pub(super) unsafe fn is_boundary(self, offset: usize) -> bool {
        // SAFETY: the map covers the memory.
        let word = unsafe { self.word(self.map_word(offset)) } as u32;
        (word.wrapping_shl((offset / Self::CELL) as u32) as i32) < 0
    }

    /// Turns the bit over, and says what it was.
    ///
    /// # Safety
    /// The offset is a block's.
    #[inline(always)]
    pub(super) unsafe fn toggle(self, offset: usize) -> bool {
        let at = self.map_word(offset);
        let cell = (offset / Self::CELL) as u32;
        // SAFETY: the map covers the memory.
        unsafe {
            let word = self.word(at) as u32;
            self.set_word(at, (word ^ (1_u32 << 31).wrapping_shr(cell)) as usize);
            (word.wrapping_shl(cell) as i32) < 0
        }
    }

    /// Whether a free block so long there has both its ends in one cell.
    #[inline(always)]
    pub(super) const fn is_half_cell(block: usize, size: usize) -> bool {
        Self::CELL != Self::GRANULE && size == Self::GRANULE && block & Self::GRANULE == 0
    }

    /// The head of a cache list.
    #[inline(always)]
    pub(super) const fn cache_list(number: usize) -> usize {
        Self::CACHE_LISTS + 4 * number
    }
}
