//! Giving back, growing and shrinking.

use core::ptr::null_mut;

use super::Preset;
use super::control::{AFTER_FREE, Control, LIVE};

impl<P: Preset> Control<P> {
    /// Makes `size` bytes at `block` free, merged with free neighbours. O(1).
    ///
    /// # Safety
    /// They are a live block.
    #[inline(always)]
    pub(super) unsafe fn give(self, mut block: *mut u8, mut size: usize) {
        // SAFETY: (tag invariant) the tags tell what the neighbours are; (footer invariant) a free
        // one in front has a footer.
        unsafe {
            let tag = self.tag(block);
            size += self.detach_behind(block.add(size));
            if tag & AFTER_FREE != 0 {
                let front = self.size_in_front(block);
                block = block.sub(front);
                size += front;
                if front >= Self::LISTED {
                    self.unlink(block);
                } else {
                    self.add_crumbs(front.wrapping_neg());
                }
            }
            self.place(block, size);
        }
    }

    /// Makes a live block of `old` bytes one of `new` bytes, which are more. False, and nothing
    /// changed, when what is behind is live or too small. O(1).
    ///
    /// # Safety
    /// `block` is live and `old` bytes long.
    #[inline(always)]
    pub(super) unsafe fn extend(self, block: *mut u8, old: usize, new: usize) -> bool {
        // SAFETY: (tag invariant) as for `give`.
        unsafe {
            let end = block.add(old);
            // Behind a live block a tag is `LIVE` or that of a free block.
            let tag = self.tag(end);
            if tag == LIVE || self.size(end, tag) < new - old {
                return false;
            }
            self.extend_behind(end, new - old);
        }
        true
    }

    /// Takes `more` bytes off the start of a free block for the live one in front.
    ///
    /// # Safety
    /// The free block is at `end` and no shorter.
    #[inline(never)]
    unsafe fn extend_behind(self, end: *mut u8, more: usize) {
        // SAFETY: as for `extend`; the rest lies inside the free block.
        unsafe {
            let size = self.size(end, self.tag(end));
            let rest = size - more;
            let to = end.add(more);
            if Self::is_same_huge_list(rest, size) {
                return self.shift(end, to, rest);
            }
            self.detach_behind(end);
            if rest == 0 {
                self.set_tag(to, LIVE);
            } else {
                self.place(to, rest);
            }
        }
    }

    /// Where a live block of `old` bytes would end, if it began further in front and had `new` bytes, which
    /// are more: where it ends now, or where what is free behind it ends. Null when what is free is too
    /// little, or lies so that the block would not be clear of the bits of `gap`.
    ///
    /// # Safety
    /// `block` is live and `old` bytes long.
    #[inline(always)]
    pub(super) unsafe fn end_from_front(
        self,
        block: *mut u8,
        old: usize,
        new: usize,
        gap: usize,
    ) -> *mut u8 {
        // SAFETY: (tag invariant) as for `give`.
        unsafe {
            if self.tag(block) & AFTER_FREE == 0 {
                return null_mut();
            }
            let start = block.addr() - self.size_in_front(block);
            let end = block.add(old);
            let holds = |end: *mut u8| end.addr() - start >= new && (end.addr() - new) & gap == 0;
            if holds(end) {
                return end;
            }
            let tag = self.tag(end);
            if tag == LIVE {
                return null_mut();
            }
            let end = end.add(self.size(end, tag));
            if holds(end) { end } else { null_mut() }
        }
    }

    /// Makes a live block of `old` bytes one of `new` bytes, which are more, that starts further in front
    /// and ends at `end`. No byte of the old one is written. O(1).
    ///
    /// # Safety
    /// `block` is live and `old` bytes long; `end` is from [`end_from_front`](Self::end_from_front).
    #[inline(never)]
    pub(super) unsafe fn extend_front(
        self,
        block: *mut u8,
        old: usize,
        new: usize,
        end: *mut u8,
    ) -> *mut u8 {
        // SAFETY: (tag invariant) as for `give`; the new block lies inside the two free ones and the old.
        unsafe {
            let front = self.size_in_front(block);
            let start = block.sub(front);
            let old_end = block.add(old);
            if end != old_end {
                self.detach_behind(old_end);
                self.set_tag(end, LIVE);
            }
            let taken = end.sub(new);
            let rest = taken.addr() - start.addr();
            if Self::is_same_huge_list(rest, front) {
                self.resize(start, rest);
                return taken;
            }
            if front >= Self::LISTED {
                self.unlink(start);
            } else {
                self.add_crumbs(front.wrapping_neg());
            }
            if rest == 0 {
                self.set_tag(taken, LIVE);
                return taken;
            }
            self.place_apart(start, rest, rest.wrapping_neg())
        }
    }

    /// Makes a live block of `old` bytes one of `new` bytes, which are less. O(1).
    ///
    /// # Safety
    /// `block` is live and `old` bytes long; `new` is a footprint.
    pub(super) unsafe fn cut(self, block: *mut u8, old: usize, new: usize) {
        // SAFETY: the bytes cut off are ours from here on; in front of them is a live block.
        unsafe {
            let rest = old - new + self.detach_behind(block.add(old));
            self.place_apart(block.add(new), rest, 0);
        }
    }
}
