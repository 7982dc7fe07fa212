//! The lock-free free list: a stack of block numbers with a tagged head.
//!
//! ```text
//!   head: │ tag (counts frees) │ index of the first free block, or the count of blocks │
//!   links[index]: the next free block
//! ```
//!
//! **The links lie outside the blocks.** Taking a block means reading the link of the first one,
//! and whoever reads it may be late: another context may own that block by then and write to it. As
//! a plain value inside the block such a read is a data race, hence undefined; in a table of atomics
//! it is a stale value that the head's tag rejects. The table costs two bytes a block. It also
//! tells a block in use from a free one, so that a checked free needs no bitmap.
//!
//! **A link is stored as the distance to the next neighbour**, so that a table of zeros is the list
//! of all blocks in order, ending behind the last one.
//!
//! **Why the head has a tag.** Without it: A reads head = 1 and its link = 2, and is held up;
//! others take 1, take 2 and give 1 back; A's exchange of 1 for 2 succeeds and hands 2 out twice.
//! For that, the block at the head must have been given back meanwhile, and each free changes the
//! tag, so the exchange fails. Takes need not change it: a head that was only taken from never
//! returns to an earlier block.
//!
//! **How wide it is.** It has all bits of the head's word that the index leaves. With 64-bit
//! exchanges these are at least 48: at a free every 10 ns the tag comes round after 32 days. With
//! 32-bit exchanges only, a pool of N blocks has 32 − ⌈log2(N + 1)⌉: 25 for 100 blocks, and never
//! less than 16. A tag that came round does harm only if one context stays held up between the two
//! instructions for exactly a multiple of 2^tag frees, and the same block is first again. A pool
//! whose lowest-priority user may be kept out for so long, while others go on without a pause
//! (33,554,432 frees of a pool of 100, which take more than four seconds at 240 MHz even with
//! nothing else to do), should be small or use a critical section.

// The concurrency model checker compiles this file too, against its own atomics: what is in `sync`
// is all that differs.
use super::sync::{AtomicU16, AtomicU32, AtomicWord, Ordering, Word};

/// How a head is divided. Made once for a pool.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tag {
    /// The bits of the index.
    pub(crate) mask: Word,
    /// What a free adds to the tag: its lowest bit.
    pub(crate) step: Word,
    /// How many blocks there are; as an index, the end of the list.
    pub(crate) block_count: u16,
}

impl Tag {
    /// The most blocks: one number is the end of the list, one marks a block in use.
    pub(crate) const LIMIT: usize = u16::MAX as usize - 1;

    /// For so many blocks, at most [`Self::LIMIT`].
    pub(crate) const fn new(block_count: u16) -> Self {
        let index_bits = u16::BITS - block_count.leading_zeros();
        Self { mask: (1 << index_bits) - 1, step: 1 << index_bits, block_count }
    }
}

/// Decodes to a number that no block has.
const IN_USE: u16 = u16::MAX;

/// The other way round is the same.
const fn distance(index: u16, next: u16) -> u16 {
    next.wrapping_sub(index).wrapping_sub(1)
}

const fn next_of(index: u16, distance: u16) -> u16 {
    index.wrapping_add(1).wrapping_add(distance)
}

/// The head and the counters.
#[derive(Debug)]
pub struct AtomicList {
    pub(crate) head: AtomicWord,
    pub(crate) used: AtomicU32,
    pub(crate) peak: AtomicU32,
    pub(crate) failures: AtomicU32,
}

impl AtomicList {
    /// Takes the block given back last. Lock-free: a retry means that another context got on.
    ///
    /// `links` has an entry for each block.
    #[inline]
    pub(crate) fn pop(&self, links: &[AtomicU16], tag: Tag) -> Option<u16> {
        // Acquire, so that the link is at least as new as the head that led to it, and so that the
        // block's new owner comes after all that its last one did.
        let mut head = self.head.load(Ordering::Acquire);
        loop {
            let index = (head & tag.mask) as u16;
            let Some(link) = links.get(usize::from(index)) else {
                self.failures.fetch_add(1, Ordering::Relaxed);
                return None;
            };
            // May be out of date; then the head has changed too.
            let next = next_of(index, link.load(Ordering::Relaxed));
            let new = (head & !tag.mask) | (Word::from(next) & tag.mask);
            match self.head.compare_exchange_weak(head, new, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => {
                    let used = self.used.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
                    self.peak.fetch_max(used, Ordering::Relaxed);
                    return Some(index);
                }
                Err(actual) => head = actual,
            }
        }
    }

    /// Gives a block back: one that [`pop`](Self::pop) returned, once.
    #[inline]
    pub(crate) fn push(&self, links: &[AtomicU16], tag: Tag, index: u16) {
        let Some(link) = links.get(usize::from(index)) else { return };
        // Before the block can be taken again, so that the count is never below zero.
        self.used.fetch_sub(1, Ordering::Relaxed);
        let mut head = self.head.load(Ordering::Relaxed);
        loop {
            link.store(distance(index, (head & tag.mask) as u16), Ordering::Relaxed);
            let new = (head.wrapping_add(tag.step) & !tag.mask) | Word::from(index);
            // Release, for the acquire in `pop`: the link, and all that was done with the block.
            match self.head.compare_exchange_weak(head, new, Ordering::Release, Ordering::Relaxed) {
                Ok(_) => return,
                Err(actual) => head = actual,
            }
        }
    }

    /// As [`pop`](Self::pop), and marks the block as in use.
    #[inline]
    pub(crate) fn pop_marked(&self, links: &[AtomicU16], tag: Tag) -> Option<u16> {
        let index = self.pop(links, tag)?;
        links.get(usize::from(index))?.store(distance(index, IN_USE), Ordering::Relaxed);
        Some(index)
    }

    /// As [`push`](Self::push) for any index: gives the block back if it is marked as in use, and
    /// says whether it was. Of two contexts that give back the same block, one is refused.
    #[inline]
    pub(crate) fn push_marked(&self, links: &[AtomicU16], tag: Tag, index: u16) -> bool {
        let Some(link) = links.get(usize::from(index)) else { return false };
        let (in_use, taken_back) = (distance(index, IN_USE), distance(index, tag.block_count));
        let claimed =
            link.compare_exchange(in_use, taken_back, Ordering::Relaxed, Ordering::Relaxed);
        if claimed.is_ok() {
            self.push(links, tag, index);
        }
        claimed.is_ok()
    }

    /// Walks at most `max_steps` links from `index` on and counts into `seen_count`; `None` when
    /// the end was reached. Nobody else may use the list.
    pub(crate) fn walk(
        links: &[AtomicU16],
        mut index: u16,
        seen_count: &mut usize,
        max_steps: usize,
    ) -> Option<u16> {
        for _ in 0..max_steps {
            let link = links.get(usize::from(index))?;
            index = next_of(index, link.load(Ordering::Relaxed));
            *seen_count += 1;
        }
        (usize::from(index) < links.len()).then_some(index)
    }
}
