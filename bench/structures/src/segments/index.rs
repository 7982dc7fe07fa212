//! The index: for each segment its first free block, where a free block from further down ends in
//! it, and the size of its largest; and over these sizes a tree of maxima, eight to one.
//!
//! Everything in the memory is named by its distance from the start.

use core::ptr::NonNull;

/// What sizes are rounded to, and the least that a block takes.
pub(super) const GRANULE: usize = 4;
/// The bytes of a segment. A place in one, in granules, is less than [`NOWHERE`].
pub(super) const SEGMENT: usize = 1 << SEGMENT_BITS;
const SEGMENT_BITS: u32 = 9;
/// "No block", among the places in a segment.
pub(super) const NOWHERE: usize = 0xff;
/// A free block begins with its size in granules, and in the lowest bits with the place of the next
/// one that starts in its segment.
const PLACE_BITS: u32 = 8;

/// A maximum stands for itself or, the largest, for anything above.
pub(super) const MOST: usize = u16::MAX as usize;

/// Maxima that share one in the level above, and the most levels, for 32 MiB.
const FAN: usize = 8;
const LEVEL_COUNT: usize = 6;
pub(super) const LIMIT: usize = 32 << 20;

const _: () = assert!(SEGMENT / GRANULE <= NOWHERE && NOWHERE < 1 << PLACE_BITS);
const _: () = assert!(LIMIT / SEGMENT <= FAN.pow(LEVEL_COUNT as u32));

/// The memory of a heap and where its tables are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Index {
    base: NonNull<u8>,
    /// The tables of bytes: one for each segment, and one for the end.
    first_at: u32,
    spill_at: u32,
    /// The maxima, level by level; the last is one group.
    levels_at: [u32; LEVEL_COUNT],
    top: usize,
}

impl Index {
    /// The tables for `len` bytes, and where the blocks start.
    pub(super) fn plan(base: NonNull<u8>, len: usize) -> (Self, usize) {
        let segment_count = len / SEGMENT + 1;
        let mut at = 0;
        let mut levels_at = [0; LEVEL_COUNT];
        let mut level = 0;
        let mut count = segment_count;
        loop {
            levels_at[level] = at as u32;
            count = count.next_multiple_of(FAN);
            at += 2 * count;
            if count == FAN {
                break;
            }
            count /= FAN;
            level += 1;
        }
        let first_at = at as u32;
        let spill_at = first_at + segment_count as u32;
        let blocks = (spill_at as usize + segment_count).next_multiple_of(GRANULE);
        (Self { base, first_at, spill_at, levels_at, top: level }, blocks)
    }

    /// # Safety
    /// The memory holds the tables, which end at `blocks`.
    pub(super) unsafe fn clear(&self, blocks: usize) {
        // SAFETY: as promised.
        unsafe {
            self.at(0).write_bytes(0, self.first_at as usize);
            self.at(self.first_at as usize)
                .write_bytes(NOWHERE as u8, blocks - self.first_at as usize);
        }
    }

    pub(super) fn base_addr(&self) -> usize {
        self.base.addr().get()
    }

    #[inline(always)]
    pub(super) fn at(&self, offset: usize) -> *mut u8 {
        self.base.as_ptr().wrapping_add(offset)
    }

    /// The number of the segment.
    #[inline(always)]
    pub(super) const fn segment(offset: usize) -> usize {
        offset >> SEGMENT_BITS
    }

    /// The place in the segment.
    #[inline(always)]
    pub(super) const fn place(offset: usize) -> usize {
        (offset & (SEGMENT - 1)) / GRANULE
    }

    /// What is at a place of a segment.
    #[inline(always)]
    pub(super) const fn offset(segment: usize, place: usize) -> usize {
        (segment << SEGMENT_BITS) | (place * GRANULE)
    }

    /// The place of a segment's first free block.
    ///
    /// # Safety
    /// There is such a segment.
    #[inline(always)]
    pub(super) unsafe fn first(&self, segment: usize) -> usize {
        // SAFETY: as promised.
        unsafe { self.at(self.first_at as usize + segment).read() as usize }
    }

    /// # Safety
    /// As for [`first`](Self::first).
    #[inline(always)]
    pub(super) unsafe fn set_first(&self, segment: usize, place: usize) {
        // SAFETY: as promised.
        unsafe { self.at(self.first_at as usize + segment).write(place as u8) }
    }

    /// The place in a segment where a free block ends that starts in one further down.
    ///
    /// # Safety
    /// As for [`first`](Self::first).
    #[inline(always)]
    pub(super) unsafe fn spill(&self, segment: usize) -> usize {
        // SAFETY: as promised.
        unsafe { self.at(self.spill_at as usize + segment).read() as usize }
    }

    /// # Safety
    /// As for [`first`](Self::first).
    #[inline(always)]
    pub(super) unsafe fn set_spill(&self, segment: usize, place: usize) {
        // SAFETY: as promised.
        unsafe { self.at(self.spill_at as usize + segment).write(place as u8) }
    }

    #[inline(always)]
    unsafe fn word(&self, offset: usize) -> u32 {
        // SAFETY: the callers name words of free blocks.
        unsafe { self.at(offset).cast::<u32>().read() }
    }

    #[inline(always)]
    unsafe fn set_word(&self, offset: usize, word: u32) {
        // SAFETY: the callers name words of free blocks.
        unsafe { self.at(offset).cast::<u32>().write(word) }
    }

    /// The bytes of a free block, and the place of the next one in its segment.
    ///
    /// # Safety
    /// A free block starts there.
    #[inline(always)]
    pub(super) unsafe fn block(&self, offset: usize) -> (usize, usize) {
        // SAFETY: as promised.
        let word = unsafe { self.word(offset) } as usize;
        ((word >> PLACE_BITS) * GRANULE, word & NOWHERE)
    }

    /// Writes the start of a free block, and what tells its size and end to those behind it when it
    /// ends in another segment.
    ///
    /// # Safety
    /// The bytes are free.
    #[inline(always)]
    pub(super) unsafe fn set_block(&self, offset: usize, size: usize, next: usize) {
        let word = ((size / GRANULE) << PLACE_BITS) as u32;
        let end = offset + size;
        // SAFETY: as promised.
        unsafe {
            if Self::segment(offset) != Self::segment(end) {
                // Of one granule, the last word is the first: it is written below.
                self.set_word(end - GRANULE, word);
                self.set_spill(Self::segment(end), Self::place(end));
            }
            self.set_word(offset, word | next as u32);
        }
    }

    /// The size of a free block that ends here and starts in another segment.
    ///
    /// # Safety
    /// There is one.
    #[inline(always)]
    pub(super) unsafe fn size_before(&self, end: usize) -> usize {
        // SAFETY: as promised.
        (unsafe { self.word(end - GRANULE) } as usize >> PLACE_BITS) * GRANULE
    }

    /// The place of the free block that a link is in: that at `last`, or the segment's entry.
    ///
    /// # Safety
    /// As for [`first`](Self::first); `last` is a free block's place or [`NOWHERE`].
    #[inline(always)]
    pub(super) unsafe fn set_link(&self, segment: usize, last: usize, next: usize) {
        // SAFETY: as promised.
        unsafe {
            if last == NOWHERE {
                self.set_first(segment, next);
            } else {
                let last = Self::offset(segment, last);
                self.set_word(last, self.word(last) & !(NOWHERE as u32) | next as u32);
            }
        }
    }

    /// The last free block of the segment of `offset` that starts in front of it, and the next.
    ///
    /// # Safety
    /// As for [`first`](Self::first).
    #[inline(always)]
    pub(super) unsafe fn seek(&self, offset: usize) -> (usize, usize) {
        let segment = Self::segment(offset);
        let place = Self::place(offset);
        // SAFETY: (list invariant) the segment's list leads through its free blocks, by address.
        unsafe {
            let mut last = NOWHERE;
            let mut next = self.first(segment);
            while next < place {
                last = next;
                next = self.block(Self::offset(segment, next)).1;
            }
            (last, next)
        }
    }

    #[inline(always)]
    fn entry(&self, level: usize, number: usize) -> *mut u16 {
        self.at(self.levels_at[level] as usize).cast::<u16>().wrapping_add(number)
    }

    /// The size of a segment's largest free block, in granules, as far as a maximum tells.
    ///
    /// # Safety
    /// As for [`first`](Self::first).
    #[inline(always)]
    pub(super) unsafe fn most(&self, segment: usize) -> usize {
        // SAFETY: as promised.
        unsafe { self.entry(0, segment).read() as usize }
    }

    /// A block of `size` bytes came into a segment.
    ///
    /// # Safety
    /// As for [`first`](Self::first).
    #[inline(always)]
    pub(super) unsafe fn raise(&self, segment: usize, size: usize) {
        let most = (size / GRANULE).min(MOST) as u16;
        let mut number = segment;
        for level in 0..=self.top {
            let entry = self.entry(level, number);
            // SAFETY: as promised.
            unsafe {
                if entry.read() >= most {
                    return;
                }
                entry.write(most);
            }
            number /= FAN;
        }
    }

    /// A block of `size` bytes left a segment, or became smaller.
    ///
    /// # Safety
    /// As for [`first`](Self::first).
    #[inline(always)]
    pub(super) unsafe fn lower(&self, segment: usize, size: usize) {
        // SAFETY: as promised.
        unsafe {
            if (size / GRANULE).min(MOST) >= self.most(segment) {
                self.find_most(segment);
            }
        }
    }

    /// # Safety
    /// As for [`first`](Self::first).
    #[inline(never)]
    unsafe fn find_most(&self, segment: usize) {
        // SAFETY: (list invariant) as for `seek`; the tables of maxima are filled up to whole groups.
        unsafe {
            let mut most = 0;
            let mut place = self.first(segment);
            while place != NOWHERE {
                let (size, next) = self.block(Self::offset(segment, place));
                most = most.max(size / GRANULE);
                place = next;
            }
            let mut most = most.min(MOST) as u16;
            let mut number = segment;
            for level in 0..=self.top {
                let entry = self.entry(level, number);
                let old = entry.read();
                if old == most {
                    return;
                }
                entry.write(most);
                if level == self.top {
                    return;
                }
                number /= FAN;
                // Another of the group is the largest: nothing changes above.
                if self.entry(level + 1, number).read() != old {
                    return;
                }
                let group = self.entry(level, number * FAN);
                for at in 0..FAN {
                    most = most.max(group.add(at).read());
                }
            }
        }
    }

    /// The first segment from `from` on in which a block of `size` bytes starts, as far as maxima tell.
    ///
    /// # Safety
    /// The tables are there.
    #[inline(always)]
    pub(super) unsafe fn find(&self, size: usize) -> Option<usize> {
        let wanted = (size / GRANULE).min(MOST) as u16;
        let mut number = 0;
        let mut level = self.top;
        // SAFETY: what a maximum tells is in its group; the top is one group.
        unsafe {
            let end = self.entry(level, FAN);
            let mut entry = self.entry(level, 0);
            while entry.read() < wanted {
                entry = entry.add(1);
                if entry == end {
                    return None;
                }
                number += 1;
            }
            while level != 0 {
                level -= 1;
                number *= FAN;
                let mut entry = self.entry(level, number);
                while entry.read() < wanted {
                    entry = entry.add(1);
                    number += 1;
                }
            }
        }
        Some(number)
    }

    /// The segments that there are.
    pub(super) fn segment_count(&self) -> usize {
        (self.spill_at - self.first_at) as usize
    }
}
