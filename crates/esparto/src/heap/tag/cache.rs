//! Blocks kept aside for the next request of their size.
//!
//! A cached block looks live to its neighbours. It holds a link to the next one of its size and,
//! in the two bytes behind, how many bytes its list keeps from here to the end: the depth of a list
//! adapts to the size without a counter of its own.

use super::Preset;
use super::control::{Control, DRAIN, KEEP, LARGE_MAP, ROOMY};
use crate::heap::Grant;

/// How many lists a step of emptying looks at for a block.
const DRAIN_LOOKS: usize = 8;

/// The least that a cached block needs: a link and a sum.
const CACHED: usize = 8;

impl<P: Preset> Control<P> {
    /// # Safety
    /// As for [`take`](Self::take); the heap has a cache.
    #[inline(always)]
    pub(super) unsafe fn take_cached(self, size: usize, align: usize) -> Option<Grant> {
        if size < Self::CACHE_LIMIT {
            let taken = Self::footprint(size);
            // SAFETY: (cache invariant) the head leads to blocks of exactly this size.
            unsafe {
                let head = self.cache_head(taken);
                let block = self.link(head);
                if !self.is_none(block) && block.addr() & (align - 1) == 0 {
                    self.set_link(head, self.link(block));
                    return Self::grant(block, taken);
                }
            }
        }
        // SAFETY: passed on.
        unsafe { self.take_uncached(size, align) }
    }

    /// # Safety
    /// As for [`take_cached`](Self::take_cached).
    #[inline(never)]
    unsafe fn take_uncached(self, size: usize, align: usize) -> Option<Grant> {
        // SAFETY: passed on; the cache's words exist.
        unsafe {
            let grant = self.take(size, align);
            if self.is_scarce() {
                self.set_word(KEEP, 0);
                self.drain();
            }
            grant
        }
    }

    /// Is there no large block left? Then what is cached may be what keeps its neighbours apart.
    ///
    /// # Safety
    /// The heap is initialized and has a cache.
    #[inline(always)]
    unsafe fn is_scarce(self) -> bool {
        // SAFETY: as promised.
        unsafe { self.word(LARGE_MAP) & self.word(ROOMY) == 0 }
    }

    /// # Safety
    /// As for [`give`](Self::give); the heap has a cache.
    #[inline(always)]
    pub(super) unsafe fn give_cached(self, block: *mut u8, size: usize) {
        if size < Self::CACHE_LIMIT + Self::GRANULE && size >= CACHED {
            // SAFETY: (cache invariant) the first block of a list states the list's bytes.
            unsafe {
                let head = self.cache_head(size);
                let first = self.link(head);
                let mut sum = size;
                if !self.is_none(first) {
                    sum += Self::cached_bytes(first);
                }
                if sum <= self.word(KEEP) as usize {
                    self.set_link(block, first);
                    block.add(4).cast::<u16>().write(sum as u16);
                    self.set_link(head, block);
                    return;
                }
            }
        }
        // SAFETY: passed on.
        unsafe { self.give_uncached(block, size) }
    }

    /// # Safety
    /// As for [`give_cached`](Self::give_cached).
    #[inline(never)]
    unsafe fn give_uncached(self, block: *mut u8, size: usize) {
        // SAFETY: passed on; the cache's words exist.
        unsafe {
            self.give(block, size);
            if self.is_scarce() {
                self.set_word(KEEP, 0);
                self.drain();
            } else {
                self.set_word(KEEP, P::CACHE_LIST_BYTES as u32);
            }
        }
    }

    /// The bytes from this cached block to the end of its list.
    ///
    /// # Safety
    /// `block` is in a cache list.
    pub(super) unsafe fn cached_bytes(block: *mut u8) -> usize {
        // SAFETY: (cache invariant) its fifth and sixth byte.
        usize::from(unsafe { block.add(4).cast::<u16>().read() })
    }

    /// Frees one cached block, if there is one at all. O(1), since there are so many lists.
    ///
    /// # Safety
    /// As for [`drain`](Self::drain).
    pub(super) unsafe fn settle(self) -> bool {
        // SAFETY: passed on.
        (0..=Self::CACHE_LIMIT / Self::GRANULE / DRAIN_LOOKS).any(|_| unsafe { self.drain() })
    }

    /// Frees one cached block, if one is found within a few lists. O(1).
    ///
    /// # Safety
    /// The heap is initialized and has a cache.
    #[inline(never)]
    pub(super) unsafe fn drain(self) -> bool {
        // SAFETY: (cache invariant) cached blocks are live to the tag heap, and of their list's
        // size.
        unsafe {
            let mut size = self.word(DRAIN) as usize;
            for _ in 0..DRAIN_LOOKS {
                let head = self.cache_head(size);
                let block = self.link(head);
                if !self.is_none(block) {
                    self.set_link(head, self.link(block));
                    self.set_word(DRAIN, size as u32);
                    self.give(block, size);
                    return true;
                }
                size = if size > Self::GRANULE { size - Self::GRANULE } else { Self::CACHE_LIMIT };
            }
            self.set_word(DRAIN, size as u32);
            false
        }
    }
}
