//! What a request takes, and which sizes are kept aside together.
//!
//! Sizes are rounded up to a granule, and *coarse* ones to a power of two: those from
//! [`Preset::COARSE_FROM_BYTES`] to the limit of the cache, which then is a small part of the memory. So each
//! size that is kept has a cache list of its own, and they are few.

use super::Preset;
use super::control::{Control, UPPER};

/// Memory has room for so many blocks of its largest coarse size: rounding up is not what fills it.
const COARSE_PART: usize = 256;

impl<P: Preset> Control<P> {
    /// Blocks of more than this, to the limit of the cache, have coarse sizes.
    pub(super) const COARSE: usize = {
        if Self::HAS_COARSE {
            assert!(P::COARSE_FROM_BYTES.is_power_of_two());
            assert!(P::COARSE_FROM_BYTES >= Self::SMALL_LIMIT, "small blocks are of any size");
        }
        P::COARSE_FROM_BYTES
    };
    pub(super) const HAS_COARSE: bool = P::COARSE_FROM_BYTES <= P::CACHE_SIZE_LIMIT_BYTES;
    pub(super) const HAS_CACHE: bool = P::CACHE_SIZE_LIMIT_BYTES != 0;
    /// The most that [`cache_limit`](Self::cache_limit) can be.
    pub(super) const CACHE_LIMIT: usize = match P::CACHE_SIZE_LIMIT_BYTES {
        0 => 0,
        size if Self::HAS_COARSE => (size + 1).next_power_of_two(),
        size => Self::rounded_up(size),
    };
    /// How many cache lists there are.
    pub(super) const CACHE_LISTS: usize = Self::cache_list_of(Self::CACHE_LIMIT);

    /// Requests below this have a cache list. The largest block that is kept.
    #[inline(always)]
    pub(super) fn cache_limit(self) -> usize {
        // SAFETY: with coarse sizes the word exists.
        if Self::HAS_COARSE { unsafe { self.word(UPPER) as usize } } else { Self::CACHE_LIMIT }
    }

    /// What the limit is to be in a memory of `len_bytes`.
    pub(super) fn coarse_limit(len_bytes: usize) -> usize {
        let part = (len_bytes / COARSE_PART).max(1);
        (1 << part.ilog2()).clamp(Self::COARSE, Self::CACHE_LIMIT)
    }

    /// What a block for `size` bytes takes: one byte for the tag, and rounded up.
    #[inline(always)]
    pub(super) fn footprint(self, size: usize) -> usize {
        if Self::HAS_COARSE && size >= Self::COARSE && size < self.cache_limit() {
            (size + 1).next_power_of_two()
        } else {
            Self::rounded_up(size)
        }
    }

    /// The same where the size is not coarse.
    #[inline(always)]
    pub(super) const fn rounded_up(size: usize) -> usize {
        (size & !(Self::GRANULE - 1)) + Self::GRANULE
    }

    /// The cache list, from 1 on, for blocks of a size that is kept, or for the next smaller one.
    #[inline(always)]
    const fn cache_list_of(size: usize) -> usize {
        if !Self::HAS_COARSE || size <= Self::COARSE {
            return size / Self::GRANULE;
        }
        Self::COARSE / Self::GRANULE + (size.ilog2() - Self::COARSE.ilog2()) as usize
    }

    /// Where its head is, from that of a list 0.
    #[inline(always)]
    pub(super) const fn cache_list_offset(size: usize) -> usize {
        if Self::HAS_COARSE {
            4 * Self::cache_list_of(size)
        } else {
            // No multiplication where the granule is a word.
            size / (Self::GRANULE / 4)
        }
    }

    /// The size of the blocks of a cache list.
    #[inline(always)]
    pub(super) const fn cached_size(list: usize) -> usize {
        let exact_lists = Self::COARSE / Self::GRANULE;
        if !Self::HAS_COARSE || list <= exact_lists {
            list * Self::GRANULE
        } else {
            Self::COARSE << (list - exact_lists)
        }
    }

    /// The next smaller size that is kept; 0 below the smallest.
    #[inline(always)]
    pub(super) const fn next_cached_size(size: usize) -> usize {
        if Self::HAS_COARSE {
            Self::cached_size(Self::cache_list_of(size) - 1)
        } else {
            size - Self::GRANULE
        }
    }

    /// The most that the list of this size keeps: of a coarse one, what two of the largest take.
    #[inline(always)]
    pub(super) fn cache_list_bytes(self, size: usize) -> usize {
        if Self::is_coarse(size) {
            P::CACHE_LIST_BYTES.max(2 * self.cache_limit())
        } else {
            P::CACHE_LIST_BYTES
        }
    }

    /// Is this size that is kept a coarse one?
    #[inline(always)]
    pub(super) const fn is_coarse(size: usize) -> bool {
        Self::HAS_COARSE && size > Self::COARSE
    }

    /// The largest footprint that `size` free bytes have room for.
    pub(super) fn largest_footprint(self, size: usize) -> usize {
        if Self::is_coarse(size) && size < self.cache_limit() {
            Self::cached_size(Self::cache_list_of(size))
        } else {
            size
        }
    }
}
