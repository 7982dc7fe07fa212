//! Giving back, growing and shrinking.

use super::Preset;
use super::control::{AFTER_FREE, Control};

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
    pub(super) unsafe fn extend(self, block: *mut u8, old: usize, new: usize) -> bool {
        // SAFETY: (tag invariant) as for `give`; the rest lies inside the free block.
        unsafe {
            let end = block.add(old);
            let tag = self.tag(end);
            // Behind a live block a tag is `LIVE` or that of a free block.
            if tag == 0 {
                return false;
            }
            let size = self.size(end, tag);
            let more = new - old;
            if size < more {
                return false;
            }
            if Self::is_same_huge_list(size - more, size) {
                self.shift(end, end.add(more), size - more);
                return true;
            }
            let rest = old + self.detach_behind(end) - new;
            let end = block.add(new);
            if rest == 0 {
                self.set_tag(end, super::control::LIVE);
            } else {
                self.place(end, rest);
            }
            true
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
