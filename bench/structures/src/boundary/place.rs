//! Taking blocks out of what is free, and giving them back.

use super::shape::Shape;
use super::space::{CRUMBS, FIRST_LARGE, FRESH, FRESH_END, Space, list_of};

/// How many blocks a search looks at, in lists whose blocks differ in size.
const PROBE_COUNT: usize = 24;

/// "No block".
pub(super) const NONE: usize = 0;

impl<S: Shape> Space<S> {
    /// What a block for `size` bytes takes.
    #[inline(always)]
    pub(super) const fn footprint(size: usize) -> usize {
        let rounded = size.next_multiple_of(S::GRANULE);
        if rounded < S::CELL { S::CELL } else { rounded }
    }

    /// A block of `size` bytes, or null.
    ///
    /// # Safety
    /// As for [`take`](Self::take).
    #[inline(always)]
    pub(super) unsafe fn take_any(self, size: usize, align: usize) -> *mut u8 {
        // SAFETY: passed on.
        let block = unsafe {
            if align <= S::GRANULE { self.take(size) } else { self.take_aligned(size, align) }
        };
        if block == NONE { core::ptr::null_mut() } else { self.at(block) }
    }

    /// A block of `size` bytes, aligned to a granule, or [`NONE`].
    ///
    /// # Safety
    /// The heap is initialised; `size` is a footprint.
    #[inline(always)]
    pub(super) unsafe fn take(self, size: usize) -> usize {
        let granules = size / S::GRANULE;
        // SAFETY: (list invariant) lists lead to free blocks; (map invariant) both ends of one are
        // boundaries, and are none once it is taken.
        unsafe {
            if granules >= FIRST_LARGE {
                return self.take_large(size);
            }
            let head = Self::head(granules);
            let block = self.next(head);
            if block != head {
                self.unlink(block);
                self.toggle(block);
                self.toggle(block + size);
                return block;
            }
            let fresh = self.word(FRESH);
            if self.word(FRESH_END) - fresh >= size {
                self.set_word(FRESH, fresh + size);
                return fresh;
            }
            // Rests that are too small for a list are to be rare.
            let mut list = self.first_list(granules + Self::LISTED / S::GRANULE);
            if list == Self::LIST_COUNT {
                list = self.first_list(granules + 1);
                if list == Self::LIST_COUNT {
                    return NONE;
                }
            }
            self.carve(self.next(Self::head(list)), size)
        }
    }

    /// # Safety
    /// As for [`take`](Self::take).
    #[inline(never)]
    unsafe fn take_large(self, size: usize) -> usize {
        // SAFETY: as for `take`.
        unsafe {
            let block = self.look(size, S::GRANULE);
            if block != NONE {
                return self.carve(block, size);
            }
            let fresh = self.word(FRESH);
            if self.word(FRESH_END) - fresh >= size {
                self.set_word(FRESH, fresh + size);
                return fresh;
            }
            NONE
        }
    }

    /// Where `size` bytes fit last in the free `len` bytes at `block`; in front of it if nowhere.
    #[inline(always)]
    fn fit(self, block: usize, len: usize, size: usize, align: usize) -> Option<usize> {
        let last = (self.base_addr() + block + len).checked_sub(size)? & !(align - 1);
        last.checked_sub(self.base_addr()).filter(|&at| at >= block)
    }

    /// A listed block in which `size` bytes fit, or [`NONE`].
    ///
    /// # Safety
    /// The heap is initialised.
    #[inline(always)]
    pub(super) unsafe fn look(self, size: usize, align: usize) -> usize {
        let sure = size + align - S::GRANULE;
        if sure > Self::LIMIT {
            return NONE;
        }
        let sure_list = list_of(sure / S::GRANULE);
        // SAFETY: (list invariant) lists lead to free blocks.
        unsafe {
            let mut probes = PROBE_COUNT;
            let block = self.probe(sure_list, size, align, &mut probes);
            if block != NONE {
                return block;
            }
            let list = self.first_list(sure_list + 1);
            if list != Self::LIST_COUNT {
                return self.next(Self::head(list));
            }
            let mut list = sure_list;
            while list > list_of(size / S::GRANULE) {
                list -= 1;
                let block = self.probe(list, size, align, &mut probes);
                if block != NONE {
                    return block;
                }
            }
            NONE
        }
    }

    /// # Safety
    /// As for [`look`](Self::look).
    #[inline(always)]
    unsafe fn probe(self, list: usize, size: usize, align: usize, probes: &mut usize) -> usize {
        let head = Self::head(list);
        // SAFETY: (list invariant) lists lead to free blocks.
        unsafe {
            let mut block = self.next(head);
            while block != head && *probes != 0 {
                if self.fit(block, self.size(block), size, align).is_some() {
                    return block;
                }
                *probes -= 1;
                block = self.next(block);
            }
            NONE
        }
    }

    /// Takes the last `size` bytes of a listed block.
    ///
    /// # Safety
    /// It is that long.
    #[inline(always)]
    unsafe fn carve(self, block: usize, size: usize) -> usize {
        // SAFETY: as promised; (map invariant) its ends are boundaries.
        unsafe {
            let found = self.size(block);
            let rest = found - size;
            self.toggle(block + found);
            let list = list_of(rest / S::GRANULE);
            if list >= FIRST_LARGE && list == list_of(found / S::GRANULE) {
                self.set_size(block, rest);
            } else {
                self.unlink(block);
                if rest != 0 {
                    self.place(block, rest);
                    if Self::is_half_cell(block, rest) {
                        return block + rest;
                    }
                }
            }
            self.toggle(block + rest);
            block + rest
        }
    }

    /// An aligned block, or [`NONE`].
    ///
    /// # Safety
    /// As for [`take`](Self::take).
    #[inline(never)]
    pub(super) unsafe fn take_aligned(self, size: usize, align: usize) -> usize {
        // SAFETY: as for `take`; the pieces in front and behind are inside what was free.
        unsafe {
            let block = self.look(size, align);
            if block == NONE {
                let fresh = self.word(FRESH);
                let place = (self.base_addr() + fresh).wrapping_add(align - 1) & !(align - 1);
                let at = place.wrapping_sub(self.base_addr());
                if fresh == NONE || align > Self::LIMIT || at + size > self.word(FRESH_END) {
                    return NONE;
                }
                self.set_word(FRESH, at + size);
                if at != fresh {
                    self.part(fresh, at - fresh);
                }
                return at;
            }
            let found = self.size(block);
            let Some(at) = self.fit(block, found, size, align) else { return NONE };
            self.unlink(block);
            self.toggle(block);
            self.toggle(block + found);
            if at != block {
                self.part(block, at - block);
            }
            let end = at + size;
            if end != block + found {
                self.part(end, block + found - end);
            }
            at
        }
    }

    /// Makes bytes free that lie between live ones.
    ///
    /// # Safety
    /// They are the heap's, and their ends are no boundaries.
    unsafe fn part(self, block: usize, size: usize) {
        // SAFETY: as promised.
        unsafe {
            self.toggle(block);
            if !Self::is_half_cell(block, size) {
                self.toggle(block + size);
            }
            self.place(block, size);
        }
    }

    /// Enters a free block in its list, if there is one.
    ///
    /// # Safety
    /// It is free, and the map says so.
    #[inline(always)]
    unsafe fn place(self, block: usize, size: usize) {
        // SAFETY: as promised.
        unsafe {
            self.set_size(block, size);
            if size >= Self::LISTED {
                self.link(block, list_of(size / S::GRANULE));
            } else {
                self.set_word(CRUMBS, self.word(CRUMBS) + size);
            }
        }
    }

    /// Takes a free block that a neighbour is merged with out of its list. `end` is the end of it
    /// that is a boundary no more, and has been turned over.
    ///
    /// # Safety
    /// It is free and of this size.
    #[inline(always)]
    unsafe fn absorb(self, block: usize, size: usize, end: usize) {
        // SAFETY: as promised. In half a cell the other end is a boundary still.
        unsafe {
            if size >= Self::LISTED {
                self.unlink(block);
            } else {
                self.set_word(CRUMBS, self.word(CRUMBS) - size);
                if Self::is_half_cell(block, size) {
                    self.toggle(end);
                }
            }
        }
    }

    /// Makes a live block free, merged with free neighbours.
    ///
    /// # Safety
    /// It is live and of this size.
    #[inline(always)]
    pub(super) unsafe fn give(self, mut block: usize, mut size: usize) {
        let end = block + size;
        // SAFETY: (map invariant) the bits at its ends tell of the neighbours.
        unsafe {
            if end == self.word(FRESH) {
                return self.give_fresh(block);
            }
            if self.toggle(block) {
                let front = self.size_before(block);
                self.absorb(block - front, front, block);
                block -= front;
                size += front;
            }
            if self.toggle(end) {
                let behind = self.size(end);
                self.absorb(end, behind, end);
                size += behind;
            }
            self.place(block, size);
        }
    }

    /// Makes a live block fresh that lies in front of what is, and what is free in front of it.
    ///
    /// # Safety
    /// It is live.
    #[inline(never)]
    unsafe fn give_fresh(self, mut block: usize) {
        // SAFETY: as for `give`.
        unsafe {
            if self.is_boundary(block) {
                self.toggle(block);
                let front = self.size_before(block);
                let start = block - front;
                // Neither end is a boundary: one turn in half a cell, and one turn back less.
                self.absorb(start, front, block);
                self.toggle(start);
                block = start;
            }
            self.set_word(FRESH, block);
        }
    }

    /// Makes what is fresh an ordinary free block. Whether there was any.
    ///
    /// # Safety
    /// The heap is initialised.
    pub(super) unsafe fn retire_fresh(self) -> bool {
        // SAFETY: what is fresh has live neighbours.
        unsafe {
            let fresh = self.word(FRESH);
            let size = self.word(FRESH_END) - fresh;
            self.set_word(FRESH, NONE);
            self.set_word(FRESH_END, NONE);
            if size != 0 {
                self.part(fresh, size);
            }
            size != 0
        }
    }

    /// Makes a block larger where it lies. Whether that could be.
    ///
    /// # Safety
    /// It is live; both sizes are footprints, and the new one is the larger.
    pub(super) unsafe fn extend(self, block: usize, old: usize, new: usize) -> bool {
        let end = block + old;
        let more = new - old;
        // SAFETY: (map invariant) as for `give`.
        unsafe {
            if end == self.word(FRESH) {
                let has_room = self.word(FRESH_END) - end >= more;
                if has_room {
                    self.set_word(FRESH, end + more);
                }
                return has_room;
            }
            if !self.is_boundary(end) {
                return false;
            }
            let behind = self.size(end);
            if behind < more {
                return false;
            }
            self.toggle(end);
            self.absorb(end, behind, end);
            let rest = behind - more;
            if rest == 0 {
                self.toggle(end + behind);
            } else {
                if !Self::is_half_cell(end + more, rest) {
                    self.toggle(end + more);
                }
                self.place(end + more, rest);
            }
            true
        }
    }

    /// Makes a block smaller where it lies.
    ///
    /// # Safety
    /// It is live; both sizes are footprints, and the new one is the smaller.
    pub(super) unsafe fn cut(self, block: usize, old: usize, new: usize) {
        let end = block + old;
        let start = block + new;
        // SAFETY: (map invariant) as for `give`.
        unsafe {
            if end == self.word(FRESH) {
                self.set_word(FRESH, start);
            } else if self.is_boundary(end) {
                let behind = self.size(end);
                self.toggle(end);
                self.absorb(end, behind, end);
                self.toggle(start);
                self.place(start, end - start + behind);
            } else {
                self.part(start, end - start);
            }
        }
    }
}
