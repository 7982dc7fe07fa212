//! Blocks kept aside for the next request of their size.
//!
//! A cached block looks live to its neighbours. It holds a link to the next one of its size and,
//! behind it, how many bytes its list keeps from here to the end: the depth of a list adapts to the
//! size without a counter of its own.

use super::Preset;
use super::bits::FIRST_LARGE;
use super::control::{AFTER_FREE, Control, DRAIN, KEPT, LARGE_MAP, ROOMY};

/// How many lists a step of emptying looks at for a block.
const DRAIN_LOOKS: usize = 4;

/// The granules from which on a free block in front is of use by itself, and so need not be merged.
const APART_FROM: usize = 5;

/// The least that a cached block needs: a link and a sum.
const CACHED: usize = 8;

impl<P: Preset> Control<P> {
    /// The least request whose miss says that the upper sizes of the cache are wanted.
    const MIDDLE: usize = if Self::CACHE_LIMIT < 128 { Self::CACHE_LIMIT / 2 } else { 64 };

    /// [`KEPT`] when blocks of all sizes with a list are.
    #[inline(always)]
    pub(super) fn kept_most(self) -> u32 {
        (self.cache_limit() + Self::GRANULE - CACHED) as u32
    }

    /// What comes back of the quarter that it loses: so it settles at four times this.
    #[inline(always)]
    fn kept_step(self) -> u32 {
        (self.cache_limit() / 16) as u32
    }

    /// The least block that wants whole memory more than the cache wants its upper sizes.
    #[inline(always)]
    fn whole(self) -> usize {
        4 * (self.cache_limit() + Self::GRANULE)
    }

    /// # Safety
    /// As for [`take`](Self::take); the heap has a cache.
    #[inline(always)]
    pub(super) unsafe fn take_cached<const LEAD: usize>(
        self,
        size: usize,
        align: usize,
    ) -> *mut u8 {
        if size < self.cache_limit() {
            let taken = self.footprint(size);
            // SAFETY: (cache invariant) the head leads to blocks of exactly this size.
            unsafe {
                let head = self.cache_head(taken);
                let block = self.link(head);
                if !self.is_none(block) && (block.addr() + LEAD) & (align - 1) == 0 {
                    self.set_link(head, self.link(block));
                    return block;
                }
                if size >= Self::MIDDLE {
                    self.set_word(KEPT, self.kept_most());
                }
            }
        }
        // SAFETY: passed on.
        unsafe { self.take_plain::<LEAD>(size, align) }
    }

    /// # Safety
    /// As for [`take_cached`](Self::take_cached).
    #[inline(never)]
    unsafe fn take_plain<const LEAD: usize>(self, size: usize, align: usize) -> *mut u8 {
        // SAFETY: passed on.
        unsafe { self.take::<LEAD>(size, align) }
    }

    /// Takes `size` bytes when no roomy block is left: what is cached may be what keeps its neighbours
    /// apart, so one cached block is given back first, and none is kept from here on.
    ///
    /// # Safety
    /// As for [`take_cached`](Self::take_cached); `size` is a footprint.
    #[cold]
    #[inline(never)]
    pub(super) unsafe fn take_drained<const LEAD: usize>(self, size: usize) -> *mut u8 {
        // SAFETY: passed on; the cache's words exist.
        unsafe {
            self.set_word(KEPT, 0);
            self.drain();
            self.take_fitting::<LEAD>(size, 0)
        }
    }

    /// The same for a request that is aligned to more than a granule.
    ///
    /// # Safety
    /// As for [`take_drained`](Self::take_drained).
    #[cold]
    #[inline(never)]
    pub(super) unsafe fn take_drained_aligned<const LEAD: usize>(
        self,
        size: usize,
        align: usize,
    ) -> *mut u8 {
        // SAFETY: passed on; the cache's words exist.
        unsafe {
            self.set_word(KEPT, 0);
            self.drain();
            self.take_aligned::<LEAD>(size, align)
        }
    }

    /// A small block comes off a roomy one: memory is not scarce any more.
    ///
    /// # Safety
    /// As for [`take_cached`](Self::take_cached).
    #[inline(always)]
    pub(super) unsafe fn note_room(self) {
        // SAFETY: the cache's words exist.
        unsafe {
            if self.word(KEPT) == 0 {
                self.set_word(KEPT, self.kept_most());
            }
        }
    }

    /// A block of `size` bytes comes off a roomy one. Where that is frequent, the upper sizes of the cache
    /// are better merged: their blocks would keep the large ones' holes apart.
    ///
    /// # Safety
    /// As for [`take_cached`](Self::take_cached).
    #[inline(always)]
    pub(super) unsafe fn note_large(self, size: usize) {
        if size >= self.whole() {
            // SAFETY: the cache's words exist.
            unsafe {
                let kept = self.word(KEPT);
                self.set_word(KEPT, kept - kept / 4 + self.kept_step());
            }
        }
    }

    /// Is there no large block left? Then what is cached may be what keeps its neighbours apart.
    ///
    /// # Safety
    /// The heap is initialized and has a cache.
    #[inline(always)]
    pub(super) unsafe fn is_scarce(self) -> bool {
        // SAFETY: as promised.
        unsafe { self.word(LARGE_MAP) & self.word(ROOMY) == 0 }
    }

    /// # Safety
    /// As for [`give`](Self::give); the heap has a cache.
    #[inline(always)]
    pub(super) unsafe fn give_cached(self, block: *mut u8, size: usize) {
        // SAFETY: the cache's words exist.
        if size.wrapping_sub(CACHED) < unsafe { self.word(KEPT) } as usize {
            // SAFETY: (cache invariant) the first block of a list states the list's bytes; what is kept is
            // below the limit of the lists.
            unsafe {
                let head = self.cache_head(size);
                let first = self.link(head);
                let mut sum = size;
                if !self.is_none(first) {
                    sum = sum.wrapping_add(Self::cached_bytes(first));
                }
                if sum <= self.cache_list_bytes(size)
                    && (Self::is_coarse(size) || !self.belongs_in_front(block))
                {
                    self.set_link(block, first);
                    Self::set_cached_bytes(block, sum);
                    self.set_link(head, block);
                    return;
                }
            }
        }
        // SAFETY: passed on.
        unsafe { self.give_plain(block, size) }
    }

    /// # Safety
    /// As for [`give_cached`](Self::give_cached).
    #[inline(never)]
    unsafe fn give_plain(self, block: *mut u8, size: usize) {
        // SAFETY: passed on.
        unsafe { self.give(block, size) }
    }

    /// Whether a block is better merged than kept aside, for what is free in front of it: a large
    /// block, which it would part from what comes free behind, or one so small that hardly a request
    /// fits without this one.
    ///
    /// # Safety
    /// As for [`give`](Self::give).
    #[inline(always)]
    unsafe fn belongs_in_front(self, block: *mut u8) -> bool {
        // SAFETY: (tag invariant) the tag tells whether there is a footer.
        unsafe {
            self.tag(block) & AFTER_FREE != 0
                && self.size_in_front(block).wrapping_sub(APART_FROM * Self::GRANULE)
                    >= (FIRST_LARGE - APART_FROM) * Self::GRANULE
        }
    }

    /// The bytes from this cached block to the end of its list.
    ///
    /// # Safety
    /// `block` is in a cache list.
    pub(super) unsafe fn cached_bytes(block: *mut u8) -> usize {
        // SAFETY: (cache invariant) they follow the link.
        unsafe {
            if Self::GRANULE < 16 {
                usize::from(block.add(4).cast::<u16>().read())
            } else {
                block.add(4).cast::<u32>().read() as usize
            }
        }
    }

    /// States them.
    ///
    /// # Safety
    /// `block` is live and about to be cached; a list has no more than the preset allows.
    #[inline(always)]
    unsafe fn set_cached_bytes(block: *mut u8, bytes: usize) {
        const {
            assert!(Self::GRANULE >= 16 || !Self::HAS_COARSE && P::CACHE_LIST_BYTES < 1 << 16);
        }
        // SAFETY: the smallest block has the bytes behind the link, two or, of 16 bytes, four.
        unsafe {
            if Self::GRANULE < 16 {
                block.add(4).cast::<u16>().write(bytes as u16);
            } else {
                block.add(4).cast::<u32>().write(bytes as u32);
            }
        }
    }

    /// Frees one cached block, if there is one at all. O(1), since there are so many lists.
    ///
    /// # Safety
    /// As for [`drain`](Self::drain).
    pub(super) unsafe fn settle(self) -> bool {
        // Up to the end and not through it: that compiles to a third of the instructions.
        for list in 1..Self::CACHE_LISTS + 1 {
            let size = Self::cached_size(list);
            let head = self.cache_head(size);
            // SAFETY: (cache invariant) the list is one of the cache's; cached blocks are live to the
            // tag heap, and of their list's size.
            unsafe {
                let block = self.link(head);
                if !self.is_none(block) {
                    self.set_link(head, self.link(block));
                    self.give_plain(block, size);
                    return true;
                }
            }
        }
        false
    }

    /// Is nothing kept aside? O(1), since there are so many lists.
    ///
    /// # Safety
    /// As for [`drain`](Self::drain).
    pub(super) unsafe fn is_cache_empty(self) -> bool {
        (1..=Self::CACHE_LISTS).all(|list| {
            // SAFETY: passed on; the list is one of the cache's.
            unsafe { self.is_none(self.link(self.cache_head(Self::cached_size(list)))) }
        })
    }

    /// Frees one cached block, if one is found within a few lists. O(1).
    ///
    /// # Safety
    /// The heap is initialized and has a cache.
    #[inline(never)]
    unsafe fn drain(self) {
        // SAFETY: (cache invariant) the heads lead to blocks of their list's size, which are live to
        // the tag heap.
        unsafe {
            let mut size = self.word(DRAIN) as usize;
            let mut found = self.none();
            for _ in 0..DRAIN_LOOKS {
                let head = self.cache_head(size);
                found = self.link(head);
                if !self.is_none(found) {
                    self.set_link(head, self.link(found));
                    break;
                }
                size = Self::next_cached_size(size);
                if size == 0 {
                    size = Self::CACHE_LIMIT;
                }
            }
            self.set_word(DRAIN, size as u32);
            if !self.is_none(found) {
                self.give_plain(found, size);
            }
        }
    }
}
