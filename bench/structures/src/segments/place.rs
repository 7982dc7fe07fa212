//! Taking the first block that fits, and giving blocks back.

use super::index::{GRANULE, Index, LIMIT, NOWHERE};

/// How many segments an aligned request looks at before it asks for a block that fits however it lies.
const ALIGNED_COUNT: usize = 16;

/// A free block: where it is, its size, and the places of the one in front of it in its segment and
/// the one behind.
#[derive(Clone, Copy)]
pub(super) struct Found {
    pub(super) block: usize,
    pub(super) size: usize,
    last: usize,
    next: usize,
}

impl Index {
    #[inline(always)]
    pub(super) const fn footprint(size: usize) -> usize {
        size.next_multiple_of(GRANULE)
    }

    /// The first block of a segment that `fits` likes.
    #[inline(always)]
    unsafe fn walk(&self, segment: usize, fits: impl Fn(usize, usize) -> bool) -> Option<Found> {
        // SAFETY: (list invariant) the segment's list leads through its free blocks.
        unsafe {
            let mut last = NOWHERE;
            let mut place = self.first(segment);
            while place != NOWHERE {
                let block = Self::offset(segment, place);
                let (size, next) = self.block(block);
                if fits(block, size) {
                    return Some(Found { block, size, last, next });
                }
                last = place;
                place = next;
            }
            None
        }
    }

    /// Takes `size` bytes off the start of the first block that has them.
    ///
    /// # Safety
    /// The heap is initialised; `size` is a footprint.
    #[inline(always)]
    pub(super) unsafe fn take(&self, size: usize) -> Option<usize> {
        if size > LIMIT {
            return None;
        }
        // SAFETY: (maximum invariant) the segment found has such a block.
        unsafe {
            let segment = self.find(size)?;
            let found = match self.walk(segment, |_, found| found >= size) {
                Some(found) => found,
                // Maxima of very large blocks tell too little.
                None => self.first_fit(segment + 1, |_, found| found >= size)?,
            };
            self.cut_front(found, size);
            Some(found.block)
        }
    }

    /// # Safety
    /// The heap is initialised.
    #[inline(never)]
    pub(super) unsafe fn first_fit(
        &self,
        from: usize,
        fits: impl Fn(usize, usize) -> bool,
    ) -> Option<Found> {
        // SAFETY: as for `take`.
        (from..self.segment_count()).find_map(|segment| unsafe { self.walk(segment, &fits) })
    }

    /// Takes the first `size` bytes of a free block.
    ///
    /// # Safety
    /// It is that long.
    #[inline(always)]
    unsafe fn cut_front(&self, found: Found, size: usize) {
        let Found { block, size: had, last, next } = found;
        let segment = Self::segment(block);
        let rest = had - size;
        let start = block + size;
        let end = block + had;
        // SAFETY: as promised; what is left is free, and nothing else free starts in front of it in its
        // segment, if that is another.
        unsafe {
            if rest == 0 {
                self.set_link(segment, last, next);
                if segment != Self::segment(end) {
                    self.set_spill(Self::segment(end), NOWHERE);
                }
            } else if Self::segment(start) == segment {
                self.set_block(start, rest, next);
                self.set_link(segment, last, Self::place(start));
            } else {
                let other = Self::segment(start);
                self.set_link(segment, last, next);
                if other == Self::segment(end) {
                    self.set_spill(other, NOWHERE);
                }
                self.set_block(start, rest, self.first(other));
                self.set_first(other, Self::place(start));
                self.raise(other, rest);
            }
            self.lower(segment, had);
        }
    }

    /// The first place in a free block where `size` bytes are aligned, if there is one.
    pub(super) fn fit(&self, block: usize, had: usize, size: usize, align: usize) -> Option<usize> {
        let at = (self.base_addr() + block).checked_next_multiple_of(align)? - self.base_addr();
        (at.checked_add(size)? <= block + had).then_some(at)
    }

    /// Where the first aligned block is that a request gets.
    ///
    /// # Safety
    /// The heap is initialised.
    pub(super) unsafe fn look_aligned(&self, size: usize, align: usize) -> Option<Found> {
        if size > LIMIT || align > LIMIT {
            return None;
        }
        let fits = |block, had| self.fit(block, had, size, align).is_some();
        // SAFETY: as for `take`.
        unsafe {
            let from = self.find(size)?;
            for segment in from..self.segment_count().min(from + ALIGNED_COUNT) {
                if let Some(found) = self.walk(segment, fits) {
                    return Some(found);
                }
            }
            let segment = self.find(size + align - GRANULE)?;
            self.walk(segment, fits).or_else(|| self.first_fit(segment + 1, fits))
        }
    }

    /// Takes an aligned block.
    ///
    /// # Safety
    /// The heap is initialised; `size` is a footprint.
    #[inline(never)]
    pub(super) unsafe fn take_aligned(&self, size: usize, align: usize) -> Option<usize> {
        // SAFETY: the place is in the block found: it leaves the index, and what is not needed of it
        // comes back.
        unsafe {
            let found = self.look_aligned(size, align)?;
            let at = self.fit(found.block, found.size, size, align)?;
            self.cut_front(found, found.size);
            if at != found.block {
                self.give(found.block, at - found.block);
            }
            let end = found.block + found.size;
            if at + size != end {
                self.give(at + size, end - at - size);
            }
            Some(at)
        }
    }

    /// Makes a live block free, merged with free neighbours.
    ///
    /// # Safety
    /// It is live and of this size.
    #[inline(always)]
    pub(super) unsafe fn give(&self, block: usize, size: usize) {
        let segment = Self::segment(block);
        let end = block + size;
        // SAFETY: (list invariant) the segment's list tells what is free on both sides; (spill
        // invariant) a block that begins further down has its size in its last word.
        unsafe {
            let (last, mut next) = self.seek(block);
            let mut end_of_all = end;
            // Behind: in this segment's list, or the first of the segment where this one ends.
            let behind = Self::segment(end);
            if behind == segment {
                if next == Self::place(end) {
                    let (more, after) = self.block(end);
                    end_of_all += more;
                    next = after;
                }
            } else if self.first(behind) == Self::place(end) {
                let (more, after) = self.block(end);
                self.set_first(behind, after);
                end_of_all += more;
                self.lower(behind, more);
            }
            // In front: the last of this segment, or one that reaches into it.
            if last != NOWHERE {
                let front = Self::offset(segment, last);
                if front + self.block(front).0 == block {
                    self.set_block(front, end_of_all - front, next);
                    self.raise(segment, end_of_all - front);
                    return;
                }
            } else if self.spill(segment) == Self::place(block) {
                let front = block - self.size_before(block);
                // Its list goes on in its own segment; what follows here is this segment's own.
                self.set_spill(segment, NOWHERE);
                self.set_first(segment, next);
                let own = self.block(front).1;
                self.set_block(front, end_of_all - front, own);
                self.raise(Self::segment(front), end_of_all - front);
                if end_of_all != end && behind == segment {
                    self.lower(segment, end_of_all - end);
                }
                return;
            }
            self.set_block(block, end_of_all - block, next);
            self.set_link(segment, last, Self::place(block));
            self.raise(segment, end_of_all - block);
        }
    }

    /// The free block that starts there, if one does.
    ///
    /// # Safety
    /// Something starts there.
    pub(super) unsafe fn found_at(&self, block: usize) -> Option<Found> {
        // SAFETY: (list invariant) as for `give`.
        unsafe {
            let (last, place) = self.seek(block);
            (place == Self::place(block)).then(|| {
                let (size, next) = self.block(block);
                Found { block, size, last, next }
            })
        }
    }

    /// Makes a block larger where it lies. Whether that could be.
    ///
    /// # Safety
    /// It is live; both sizes are footprints, and the new one is the larger.
    pub(super) unsafe fn extend(&self, block: usize, old: usize, new: usize) -> bool {
        // SAFETY: as for `give`; at the end of the memory no block starts.
        unsafe {
            let Some(found) = self.found_at(block + old) else { return false };
            let has_room = found.size >= new - old;
            if has_room {
                self.cut_front(found, new - old);
            }
            has_room
        }
    }
}
