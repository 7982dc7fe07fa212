//! A block with what a guard puts around it.
//!
//! ```text
//!   ┌─────────┬──────┬───────┬───────────────┬──────────────────┬───────────────┐
//!   │ padding │ size │ check │ canary, 8 B   │ the user's bytes │ canary, 8 B   │
//!   └─────────┴──────┴───────┴───────────────┴──────────────────┴───────────────┘
//! ```
//! Nothing is aligned behind the user's last byte: the first one too many is noticed.

use core::alloc::Layout;
use core::ptr::NonNull;

use super::Violation;

/// In front of the user's bytes at the least; more where the alignment is larger.
pub(super) const FRONT_BYTES: usize = 16;
const CANARY_BYTES: usize = 8;
/// Where blocks can start: the alignment of everything.
pub(super) const GRANULE_BYTES: usize = 8;
pub(super) const TAIL_BYTES: usize = CANARY_BYTES;

const KEY: u32 = 0xA5E7_0C1D;
const CANARY: [u8; CANARY_BYTES] = [0xC5, 0x3A, 0xE1, 0x7B, 0x96, 0x4D, 0xB8, 0x2F];

/// The layout of all of it, and where the user's bytes start in it. `None` when there is none.
pub(super) fn outer(layout: Layout) -> Option<(Layout, usize)> {
    let align = layout.align().max(GRANULE_BYTES);
    let front = front_bytes(layout.align());
    let size = layout.size().checked_add(front)?.checked_add(TAIL_BYTES)?;
    Some((Layout::from_size_align(size, align).ok()?, front))
}

pub(super) const fn front_bytes(align: usize) -> usize {
    if align > FRONT_BYTES { align } else { FRONT_BYTES }
}

/// A block whose surroundings are the guard's.
#[derive(Clone, Copy, Debug)]
pub(super) struct Block {
    user: NonNull<u8>,
}

impl Block {
    /// # Safety
    /// `user` lies in memory of the guard, with [`FRONT_BYTES`] in front of it, as long as the
    /// value is used; it is aligned to [`GRANULE_BYTES`].
    pub(super) const unsafe fn new(user: NonNull<u8>) -> Self {
        Self { user }
    }

    pub(super) fn addr(self) -> usize {
        self.user.addr().get()
    }

    fn check_word(self, size: u32, align_log2: u8) -> u32 {
        // The low bits carry the alignment.
        let mixed = KEY ^ size.rotate_left(13) ^ (self.addr() as u32).rotate_left(3);
        mixed & !0xFF | u32::from(align_log2)
    }

    fn words(self) -> NonNull<u32> {
        // SAFETY: (block invariant) so much lies in front, and the block is aligned to 8.
        unsafe { self.user.sub(FRONT_BYTES).cast() }
    }

    /// Surrounds a block of `layout`.
    ///
    /// # Safety
    /// `layout.size()` bytes and [`TAIL_BYTES`] lie behind; the size fits 32 bits.
    pub(super) unsafe fn surround(self, layout: Layout) {
        let (size, align_log2) = (layout.size() as u32, layout.align().trailing_zeros() as u8);
        // SAFETY: inside what the block has, by the invariant and the caller.
        unsafe {
            self.words().write(size);
            self.words().add(1).write(self.check_word(size, align_log2));
            let front = self.user.sub(CANARY_BYTES);
            front.copy_from_nonoverlapping(NonNull::from(&CANARY).cast(), CANARY_BYTES);
            let tail = self.user.add(layout.size());
            tail.copy_from_nonoverlapping(NonNull::from(&CANARY).cast(), CANARY_BYTES);
        }
    }

    /// The layout that it was surrounded with; `None` when that was written over.
    pub(super) fn layout(self) -> Option<Layout> {
        // SAFETY: the guard's own words.
        let (size, check) = unsafe { (self.words().read(), self.words().add(1).read()) };
        let align_log2 = check as u8;
        if u32::from(align_log2) >= usize::BITS || check != self.check_word(size, align_log2) {
            return None;
        }
        Layout::from_size_align(size as usize, 1 << align_log2).ok()
    }

    /// Looks at both canaries.
    ///
    /// # Safety
    /// The block was surrounded with a layout of this size.
    pub(super) unsafe fn check(self, size_bytes: usize) -> Result<(), Violation> {
        let block_addr = self.addr();
        // From the block outwards.
        for (index, &expected) in CANARY.iter().enumerate().rev() {
            // SAFETY: the guard's own bytes.
            let at = unsafe { self.user.sub(CANARY_BYTES - index) };
            // SAFETY: as above.
            let actual = unsafe { at.read() };
            if actual != expected {
                let at_addr = at.addr().get();
                return Err(Violation::Underrun { block_addr, at_addr, expected, actual });
            }
        }
        for (index, &expected) in CANARY.iter().enumerate() {
            // SAFETY: the guard's own bytes.
            let at = unsafe { self.user.add(size_bytes + index) };
            // SAFETY: as above.
            let actual = unsafe { at.read() };
            if actual != expected {
                let at_addr = at.addr().get();
                return Err(Violation::Overrun {
                    block_addr,
                    size_bytes,
                    at_addr,
                    expected,
                    actual,
                });
            }
        }
        Ok(())
    }

    /// The guard's own words were written over: the size is not known any more.
    pub(super) fn header_violation(self) -> Violation {
        // SAFETY: the guard's own words.
        let (size_word, check_word) = unsafe { (self.words().read(), self.words().add(1).read()) };
        Violation::Header { block_addr: self.addr(), size_word, check_word }
    }

    /// # Safety
    /// So many bytes lie behind, and are nobody's.
    pub(super) unsafe fn fill(self, from: usize, size_bytes: usize, byte: u8) {
        // SAFETY: passed on.
        unsafe { self.user.add(from).write_bytes(byte, size_bytes - from) };
    }

    /// Looks for a byte of a freed block that is no longer poison. O(size).
    ///
    /// # Safety
    /// So many bytes lie behind, and were filled with it.
    pub(super) unsafe fn check_poison(
        self,
        size_bytes: usize,
        expected: u8,
    ) -> Result<(), Violation> {
        for index in 0..size_bytes {
            // SAFETY: passed on.
            let actual = unsafe { self.user.add(index).read() };
            if actual != expected {
                let (block_addr, at_addr) = (self.addr(), self.addr() + index);
                return Err(Violation::WrittenAfterFree {
                    block_addr,
                    size_bytes,
                    at_addr,
                    expected,
                    actual,
                });
            }
        }
        Ok(())
    }
}
