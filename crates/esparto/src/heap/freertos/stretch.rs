//! A stretch of memory in a scheme's own addresses.

use core::ptr::NonNull;

/// A stretch and its place in the row of all stretches. Between two there is always a step that
/// belongs to none, so that no block ends where one of another stretch starts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stretch {
    pub(super) base: NonNull<u8>,
    /// The offset of its first byte in the row.
    pub(super) first: u32,
    pub(super) len: u32,
}

impl Stretch {
    /// No byte.
    pub(super) const EMPTY: Self = Self { base: NonNull::dangling(), first: 0, len: 0 };

    /// Behind its last byte, in the row.
    pub(super) const fn end(&self) -> u32 {
        self.first + self.len
    }

    /// How far `addr` is from the start, if it is in here.
    pub(super) fn offset_of(&self, addr: usize) -> Option<u32> {
        let offset = addr.wrapping_sub(self.base.addr().get());
        u32::try_from(offset).ok().filter(|&offset| offset < self.len)
    }
}
