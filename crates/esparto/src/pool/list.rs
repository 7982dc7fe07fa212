//! The free list: free blocks chained through themselves, then the blocks that nobody had yet.
//!
//! ```text
//!   head ──▶ ┌──────┬──────┐   ┌──────┬──────┐        fresh ──▶ ┌─────────────── ─ ─
//!            │ link │ free │ ┌▶│ NIL  │ free │                  │ never handed out
//!            └──┬───┴──────┘ │ └──────┴──────┘                  └─────────────── ─ ─
//!               └────────────┘
//! ```
//!
//! A block is taken from the list first (the one given back last), then from `fresh`. So a new list
//! has nothing to chain, a pool that is all zeros is ready for use, and `fresh` is by itself the
//! most that was ever in use: it moves only when the list is empty.

use core::num::NonZero;
use core::ptr::NonNull;

use crate::heap::{Corruption, Cursor, Progress};

/// Where the blocks of a pool are. A block is named by its *link*: one more than a multiple of `step`
/// below `end`. It lies `lead_bytes + link · unit_bytes` behind `origin`.
///
/// A pool whose block size is a constant counts in bytes (`unit_bytes` is 1), which saves the
/// multiplication; any other counts blocks (`step` is 1).
#[derive(Clone, Copy, Debug)]
pub struct Slots {
    pub(crate) origin: *mut u8,
    pub(crate) lead_bytes: usize,
    pub(crate) unit_bytes: NonZero<usize>,
    pub(crate) step: u32,
    pub(crate) end: u32,
}

impl Slots {
    /// `count` blocks from one behind `origin` on, named by number.
    #[inline(always)]
    pub(crate) const fn by_index(origin: *mut u8, block_bytes: NonZero<usize>, count: u32) -> Self {
        Self { origin, lead_bytes: 0, unit_bytes: block_bytes, step: 1, end: count }
    }

    /// # Safety
    /// There is a block of this link.
    #[inline(always)]
    pub(crate) unsafe fn at(self, link: u32) -> NonNull<u8> {
        // The constant last, where it becomes a part of the load or store.
        let block = self
            .origin
            .wrapping_add((link as usize).wrapping_mul(self.unit_bytes.get()))
            .wrapping_add(self.lead_bytes);
        // SAFETY: all blocks lie inside the memory of the pool; only the step in between may not.
        unsafe { NonNull::new_unchecked(block) }
    }

    /// The link of a block.
    #[inline(always)]
    pub(crate) fn link_of(self, block: NonNull<u8>) -> u32 {
        (self.offset_of(block) / self.unit_bytes) as u32
    }

    /// How far an address lies behind where link 0 would be; a huge number if it lies in front.
    #[inline(always)]
    pub(crate) fn offset_of(self, ptr: NonNull<u8>) -> usize {
        ptr.addr().get().wrapping_sub(self.origin.addr()).wrapping_sub(self.lead_bytes)
    }
}

/// No further block. Memory of zeros is an empty list.
const NIL: u32 = 0;

/// A free list. Knows no lock, and not where its blocks are.
///
/// Each operation counts itself in a word of its own, which is as much as one of them can count;
/// what is in the list, and whether it changed, are a difference and a sum.
#[derive(Debug)]
pub struct List {
    head: u32,
    fresh: u32,
    /// Blocks that were given back.
    given_count: u32,
    /// Blocks that were taken after they had been given back.
    retaken_count: u32,
    failure_count: u32,
}

impl List {
    pub(crate) const NEW: Self =
        Self { head: NIL, fresh: 0, given_count: 0, retaken_count: 0, failure_count: 0 };

    /// Takes the block given back last, or one that nobody had yet. O(1).
    ///
    /// # Safety
    /// `slots` is where the blocks of this list are, always the same.
    #[inline(always)]
    pub(crate) unsafe fn pop(&mut self, slots: Slots) -> Option<NonNull<u8>> {
        if self.head != NIL {
            // SAFETY: (list invariant) the head is the link of a free block.
            return Some(unsafe { self.pop_link(self.head, slots) });
        }
        let link = self.pop_fresh(slots)?;
        // SAFETY: just found to be there.
        Some(unsafe { slots.at(link) })
    }

    /// Takes the block given back last, if there is one that was handed out once and `claim` says
    /// that it is free: a list that was written over hands out nothing twice.
    ///
    /// # Safety
    /// As for [`pop`](Self::pop).
    #[inline(always)]
    pub(crate) unsafe fn pop_claimed(
        &mut self,
        slots: Slots,
        claim: impl FnOnce(u32) -> bool,
    ) -> Option<NonNull<u8>> {
        let link = self.head;
        // One comparison for both: no head becomes the largest number.
        if link.wrapping_sub(1) >= self.fresh || !claim(link) {
            return None;
        }
        // SAFETY: the link of a block that is free, as just said.
        Some(unsafe { self.pop_link(link, slots) })
    }

    /// # Safety
    /// `link` is the head, and that of a block that is free.
    #[inline(always)]
    unsafe fn pop_link(&mut self, link: u32, slots: Slots) -> NonNull<u8> {
        // SAFETY: promised by the caller.
        let block = unsafe { slots.at(link) };
        // SAFETY: a free block, large and aligned enough for it, holds the link to the next.
        self.head = unsafe { block.cast::<u32>().read() };
        self.retaken_count = self.retaken_count.wrapping_add(1);
        block
    }

    /// Takes a block that nobody had yet; returns its link.
    #[inline(always)]
    pub(crate) fn pop_fresh(&mut self, slots: Slots) -> Option<u32> {
        let place = self.fresh;
        if place < slots.end {
            self.fresh = place.wrapping_add(slots.step);
            return Some(place.wrapping_add(1));
        }
        self.failure_count = self.failure_count.wrapping_add(1);
        None
    }

    /// Gives a block back. O(1).
    ///
    /// # Safety
    /// The block, of this link, came from [`pop`](Self::pop) and is not used any more.
    #[inline(always)]
    pub(crate) unsafe fn push(&mut self, block: NonNull<u8>, link: u32) {
        // SAFETY: the block is free now, and large and aligned enough for a link.
        unsafe { block.cast::<u32>().write(self.head) };
        self.head = link;
        self.given_count = self.given_count.wrapping_add(1);
    }

    /// Gives up a list that has blocks and yet none to take; they count as used from now on. Returns
    /// whether there was one, and how many blocks it should have had.
    pub(crate) fn cut(&mut self) -> (bool, u32) {
        let had_blocks = self.head != NIL;
        let lost_count = self.given_count.wrapping_sub(self.retaken_count);
        self.head = NIL;
        self.retaken_count = self.given_count;
        (had_blocks, lost_count)
    }

    /// The link of the block that is taken next, if it is not a new one.
    #[inline(always)]
    pub(crate) fn head(&self) -> u32 {
        self.head
    }

    /// Links above this were never handed out.
    #[inline(always)]
    pub(crate) fn fresh(&self) -> u32 {
        self.fresh
    }

    /// Blocks ever taken, those of lists that were given up included, and ever given back. For lists
    /// that count blocks.
    pub(crate) fn totals(&self) -> [u32; 2] {
        [self.fresh.wrapping_add(self.retaken_count), self.given_count]
    }

    pub(crate) fn listed(&self) -> usize {
        self.given_count.wrapping_sub(self.retaken_count) as usize
    }

    /// Another number after every change, until 2^32 of them.
    fn epoch(&self) -> u32 {
        self.given_count.wrapping_add(self.retaken_count)
    }

    /// The most blocks that were ever in use at once.
    pub(crate) fn peak_count(&self, slots: Slots) -> usize {
        (self.fresh / slots.step) as usize
    }

    /// The blocks in use.
    #[inline(always)]
    pub(crate) fn used_count(&self, slots: Slots) -> usize {
        self.peak_count(slots).wrapping_sub(self.listed())
    }

    /// The requests that found nothing.
    pub(crate) fn failure_count(&self) -> u32 {
        self.failure_count
    }

    /// Walks at most `max_steps` blocks of the list from `cursor` on. `is_free` says what else is
    /// known of a link.
    ///
    /// # Errors
    /// The first [`Corruption`] found.
    ///
    /// # Safety
    /// As for [`pop`](Self::pop).
    pub(crate) unsafe fn check(
        &self,
        slots: Slots,
        cursor: &mut Cursor,
        max_steps: usize,
        is_free: impl Fn(u32) -> bool,
    ) -> Result<Progress, Corruption> {
        if cursor.seen_count == 0 || cursor.epoch != self.epoch() {
            *cursor =
                Cursor { position: self.head as usize, epoch: self.epoch(), ..Cursor::default() };
        }
        let origin_addr = slots.origin.addr().wrapping_add(slots.lead_bytes);
        let addr_of = |link: u32| {
            origin_addr.wrapping_add((link as usize).wrapping_mul(slots.unit_bytes.get()))
        };
        for _ in 0..max_steps {
            let link = cursor.position as u32;
            if link == NIL {
                break;
            }
            let link_addr = addr_of(link);
            if cursor.seen_count == self.listed() {
                let limit_count = self.listed();
                return Err(Corruption::Cycle { at_addr: link_addr, limit_count });
            }
            if link > self.fresh {
                return Err(Corruption::LinkOutside { at_addr: cursor.free_bytes, link_addr });
            }
            if !(link - 1).is_multiple_of(slots.step) {
                let align_bytes = slots.step as usize * slots.unit_bytes.get();
                return Err(Corruption::Misaligned { at_addr: link_addr, align_bytes });
            }
            if !is_free(link) {
                return Err(Corruption::Mismatch { at_addr: link_addr, expected: 0, actual: 1 });
            }
            // SAFETY: the link was just found to be that of a block that was handed out once, so
            // there is memory; whether it holds a link is what the next step looks at.
            cursor.position = unsafe { slots.at(link).cast::<u32>().read() } as usize;
            cursor.seen_count += 1;
            // Here, the address of the block that holds the link.
            cursor.free_bytes = link_addr;
        }
        if cursor.position != NIL as usize {
            return Ok(Progress::More);
        }
        let (seen_count, at_addr) = (cursor.seen_count, cursor.free_bytes);
        *cursor = Cursor::default();
        if seen_count != self.listed() {
            let expected = self.listed();
            return Err(Corruption::Mismatch { at_addr, expected, actual: seen_count });
        }
        Ok(Progress::Done)
    }
}
