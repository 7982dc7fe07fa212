//! Looking without touching.

use esparto::heap::Corruption;

use super::place::NONE;
use super::shape::Shape;
use super::space::{END, FIRST_LARGE, FRESH, FRESH_END, Space, list_of};

impl<S: Shape> Space<S> {
    /// Every listed block.
    ///
    /// # Safety
    /// The heap is initialised.
    pub(super) unsafe fn each_listed(self, mut visit: impl FnMut(usize, usize)) {
        for list in 0..Self::LIST_COUNT {
            let head = Self::head(list);
            // SAFETY: (list invariant) lists lead to free blocks.
            unsafe {
                let mut block = self.next(head);
                while block != head {
                    visit(block, self.size(block));
                    block = self.next(block);
                }
            }
        }
    }

    /// The largest size that would be granted now.
    ///
    /// # Safety
    /// The heap is initialised.
    pub(super) unsafe fn largest(self, align: usize) -> usize {
        let align = align.max(S::GRANULE);
        let room = |block: usize, size: usize| {
            let start = (self.base_addr() + block).next_multiple_of(align) - self.base_addr();
            (block + size).saturating_sub(start)
        };
        // SAFETY: passed on.
        unsafe {
            let fresh = self.word(FRESH);
            let mut largest = room(fresh, self.word(FRESH_END) - fresh);
            let would_fit = |size: usize| {
                if size < S::CELL {
                    return false;
                }
                let granules = size / S::GRANULE;
                if align == S::GRANULE && granules < FIRST_LARGE {
                    return self.next(Self::head(granules)) != Self::head(granules)
                        || self.first_list(granules + 1) != Self::LIST_COUNT;
                }
                self.look(size, align) != NONE
            };
            self.each_listed(|block, size| {
                let size = room(block, size);
                if size > largest && would_fit(size) {
                    largest = size;
                }
            });
            self.each_kept(|block, size| {
                if size > largest && (self.base_addr() + block).is_multiple_of(align) {
                    largest = size;
                }
            });
            largest
        }
    }

    /// Holds every listed block against the map, its list, its neighbours and itself.
    ///
    /// # Safety
    /// The heap was initialised.
    pub(super) unsafe fn verify(self) -> Result<(), Corruption> {
        let at = |block: usize| self.base_addr() + block;
        // SAFETY: nothing is read outside the memory: links are checked before they are followed.
        unsafe {
            let end = self.word(END);
            let blocks = Self::blocks_at(end);
            for list in 0..Self::LIST_COUNT {
                let head = Self::head(list);
                let (mut last, mut block) = (head, self.next(head));
                let mut seen_count = 0;
                while block != head {
                    if block < blocks || block >= end {
                        let (at_addr, link_addr) = (at(last), at(block));
                        return Err(Corruption::LinkOutside { at_addr, link_addr });
                    }
                    if !block.is_multiple_of(S::GRANULE) {
                        let (at_addr, align_bytes) = (at(block), S::GRANULE);
                        return Err(Corruption::Misaligned { at_addr, align_bytes });
                    }
                    let size = self.size(block);
                    let max_bytes = end - block;
                    if size < Self::LISTED || size > max_bytes {
                        return Err(Corruption::Size {
                            at_addr: at(block),
                            actual_bytes: size,
                            min_bytes: Self::LISTED,
                            max_bytes,
                        });
                    }
                    for (expected, actual) in [
                        (list, list_of(size / S::GRANULE)),
                        (last, self.before(block)),
                        (size, self.size_before(block + size)),
                        (1, usize::from(self.is_boundary(block))),
                        (1, usize::from(self.is_boundary(block + size))),
                    ] {
                        if expected != actual {
                            let at_addr = at(block);
                            return Err(Corruption::Mismatch { at_addr, expected, actual });
                        }
                    }
                    seen_count += 1;
                    if seen_count > end / S::CELL {
                        let (at_addr, limit_count) = (at(block), end / S::CELL);
                        return Err(Corruption::Cycle { at_addr, limit_count });
                    }
                    (last, block) = (block, self.next(block));
                }
            }
        }
        Ok(())
    }
}
