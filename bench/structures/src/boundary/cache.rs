//! Blocks kept aside by exact size. A kept block begins with the block below it and how much is
//! kept from there on, in one word, as the list's head does.

use super::place::NONE;
use super::shape::Shape;
use super::space::{CURSOR, FREE, KEEP, ROOMY, SCARCE, Space};

/// The bits of a word that name a block, in granules.
const PLACE_BITS: u32 = 23;
const PLACE: usize = (1 << PLACE_BITS) - 1;

/// A free block in front of one that is given back is merged with it if it has less or more.
const LITTLE: usize = 20;
const MUCH: usize = 128;

/// The lists that an allocation looks at for a block to give back, when memory is scarce.
const DRAIN_COUNT: usize = 8;

impl<S: Shape> Space<S> {
    /// The cache list for a size, if it has one.
    #[inline(always)]
    fn list_for(size: usize) -> Option<usize> {
        let number = (size - 1) / S::GRANULE;
        (number < Self::CACHE_COUNT).then(|| Self::cache_list(number))
    }

    /// What a block of a list takes.
    const fn kept_size(number: usize) -> usize {
        Self::footprint((number + 1) * S::GRANULE)
    }

    /// # Safety
    /// The heap is new.
    pub(super) unsafe fn start_cache(self, capacity: usize) {
        // SAFETY: a shape with a cache has these words.
        unsafe {
            self.set_word(KEEP, S::KEEP_BYTES / S::GRANULE);
            self.set_word(FREE, capacity);
            self.set_word(SCARCE, capacity / 3);
            self.set_word(ROOMY, capacity / 3 + capacity / 16);
            self.set_word(CURSOR, 0);
            for number in 0..Self::CACHE_COUNT {
                self.set_word(Self::cache_list(number), 0);
            }
        }
    }

    /// A kept block of just this size, or [`NONE`].
    ///
    /// # Safety
    /// The heap is initialised.
    #[inline(always)]
    pub(super) unsafe fn take_kept(self, size: usize, align: usize) -> usize {
        let Some(list) = Self::list_for(size) else { return NONE };
        // SAFETY: (cache invariant) a head that is not zero names a kept block.
        unsafe {
            let word = self.word(list);
            let block = (word & PLACE) * S::GRANULE;
            if word == 0 || (align > S::GRANULE && (self.base_addr() + block) & (align - 1) != 0) {
                return NONE;
            }
            self.set_word(list, self.word(block));
            block
        }
    }

    /// Keeps a block aside. Whether there was room.
    ///
    /// # Safety
    /// It is live, and for a request of `size` bytes.
    #[inline(always)]
    pub(super) unsafe fn keep(self, block: usize, size: usize) -> bool {
        let Some(list) = Self::list_for(size) else { return false };
        // SAFETY: as promised.
        unsafe {
            let word = self.word(list);
            let kept = (word >> PLACE_BITS) + Self::footprint(size) / S::GRANULE;
            // One with much free memory in front of it would part that for good; and little is of no
            // use without it.
            let has_room = kept <= self.word(KEEP)
                && (!self.is_boundary(block) || (LITTLE..MUCH).contains(&self.size_before(block)));
            if has_room {
                self.set_word(block, word);
                self.set_word(list, (block / S::GRANULE) | (kept << PLACE_BITS));
            }
            has_room
        }
    }

    /// What an allocation does that found nothing kept: while memory is scarce, it first gives one
    /// block back. Apart, so that the others save no registers.
    ///
    /// # Safety
    /// The heap is initialised.
    #[inline(never)]
    pub(super) unsafe fn take_missed(self, size: usize, align: usize) -> *mut u8 {
        let size = Self::footprint(size);
        // SAFETY: a shape with a cache has these words.
        unsafe {
            if self.word(KEEP) == 0 {
                self.drain(DRAIN_COUNT);
            }
            let ptr = self.take_any(size, align);
            if !ptr.is_null() {
                self.count_taken(size);
            }
            ptr
        }
    }

    /// What a free does of a block that is not kept.
    ///
    /// # Safety
    /// The block is live and of this size.
    #[inline(never)]
    pub(super) unsafe fn give_missed(self, block: usize, size: usize) {
        // SAFETY: a shape with a cache has these words.
        unsafe {
            self.count_given(size);
            self.give(block, size);
        }
    }

    /// Counts bytes that were taken.
    ///
    /// # Safety
    /// As for [`take_missed`](Self::take_missed).
    #[inline(always)]
    pub(super) unsafe fn count_taken(self, size: usize) {
        // SAFETY: a shape with a cache has these words.
        unsafe {
            let free = self.word(FREE) - size;
            self.set_word(FREE, free);
            if free < self.word(SCARCE) {
                self.set_word(KEEP, 0);
            }
        }
    }

    /// Counts bytes that were given back.
    ///
    /// # Safety
    /// As for [`take_missed`](Self::take_missed).
    #[inline(always)]
    pub(super) unsafe fn count_given(self, size: usize) {
        // SAFETY: a shape with a cache has these words.
        unsafe {
            let free = self.word(FREE) + size;
            self.set_word(FREE, free);
            if free >= self.word(ROOMY) {
                self.set_word(KEEP, S::KEEP_BYTES / S::GRANULE);
            }
        }
    }

    /// Gives the first kept block of the next `list_count` lists back. Whether there was one.
    ///
    /// # Safety
    /// As for [`take_missed`](Self::take_missed).
    #[inline(never)]
    pub(super) unsafe fn drain(self, list_count: usize) -> bool {
        // SAFETY: (cache invariant) a head that is not zero names a kept block of the list's size.
        unsafe {
            let mut number = self.word(CURSOR);
            for _ in 0..list_count {
                if number == 0 {
                    number = Self::CACHE_COUNT;
                }
                number -= 1;
                let list = Self::cache_list(number);
                let word = self.word(list);
                if word != 0 {
                    let block = (word & PLACE) * S::GRANULE;
                    self.set_word(list, self.word(block));
                    self.set_word(CURSOR, number + 1);
                    self.give(block, Self::kept_size(number));
                    self.count_given(Self::kept_size(number));
                    return true;
                }
            }
            self.set_word(CURSOR, number);
            false
        }
    }

    /// Every kept block.
    ///
    /// # Safety
    /// As for [`take_missed`](Self::take_missed).
    pub(super) unsafe fn each_kept(self, mut visit: impl FnMut(usize, usize)) {
        for number in 0..Self::CACHE_COUNT {
            // SAFETY: (cache invariant) as for `drain`.
            unsafe {
                let mut word = self.word(Self::cache_list(number));
                while word != 0 {
                    let block = (word & PLACE) * S::GRANULE;
                    visit(block, Self::kept_size(number));
                    word = self.word(block);
                }
            }
        }
    }
}
