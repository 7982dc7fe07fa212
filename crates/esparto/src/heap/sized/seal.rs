//! The word in front of a block that says how large it is.
//!
//! It holds size and alignment, disguised with the block's address: a pointer that was never handed
//! out, points inside a block, or was given back before does not show a word that fits. The disguise
//! is a sum of 32 bits, not a secret: it finds mistakes, with a chance of about one in 2¹² of missing
//! one, not attacks.

use core::alloc::Layout;

use crate::heap::tag::bits::lowest_bit;

/// Four bytes, whatever the target.
pub(crate) const BYTES: usize = size_of::<u32>();

/// In the upper five bits is how many times the alignment doubles a word's, in the lower ones the size.
const SIZE_BITS: u32 = 27;
const SIZE_MASK: u32 = (1 << SIZE_BITS) - 1;

/// The largest size that the word can state.
pub(crate) const LIMIT_BYTES: usize = SIZE_MASK as usize - BYTES;

/// The layout of the block that holds `size` bytes at `align` and the word in front of them, and how
/// far the bytes are into it. `None` for a size beyond the limit or an alignment that is none.
#[inline]
pub(crate) fn layout(size: usize, align: usize) -> Option<(Layout, usize)> {
    let offset = align.max(BYTES);
    if size > LIMIT_BYTES || !align.is_power_of_two() {
        return None;
    }
    let layout = Layout::from_size_align(size.checked_add(offset)?, offset).ok()?;
    Some((layout, offset))
}

#[inline]
fn disguise(addr: usize) -> u32 {
    (addr as u32).wrapping_mul(0x9E37_79B9)
}

/// The word of a live block at `addr`.
#[inline]
pub(crate) fn close(addr: usize, size: usize, align: usize) -> u32 {
    let doublings = lowest_bit((align.max(BYTES) / BYTES) as u32) as u32;
    let state = size as u32 | doublings << SIZE_BITS;
    state ^ disguise(addr)
}

/// The word of a block that was given back: the next free does not take it for a live one. Its alignment
/// is one that nothing has, so that it stays broken when the heap writes over the lower half of it.
#[inline]
pub(crate) fn broken(addr: usize) -> u32 {
    !disguise(addr)
}

/// The size and the least alignment of the block at `addr` whose word is `word`, if it is live.
#[inline]
pub(crate) fn open(addr: usize, word: u32) -> Option<(usize, usize)> {
    let state = word ^ disguise(addr);
    // What is more than an address can hold becomes 0, which nothing is a multiple of.
    let (size, align) = ((state & SIZE_MASK) as usize, BYTES << (state >> SIZE_BITS));
    (size != 0 && addr & align.wrapping_sub(1) == 0).then_some((size, align))
}
