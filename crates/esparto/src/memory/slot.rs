//! A region of a memory, with its heap and its account.

use core::alloc::Layout;
use core::ptr::NonNull;

use crate::Region;
use crate::heap::{Extent, ExtentKind, RawHeap};

/// A region with its heap and its account.
pub(super) struct Slot {
    pub(super) region: Region,
    /// The heap's control block, at the region's start or in an internal region.
    pub(super) heap: NonNull<dyn RawHeap>,
    pub(super) live_bytes: usize,
    pub(super) live_count: usize,
    pub(super) peak_bytes: usize,
    pub(super) bookkeeping_bytes: usize,
    pub(super) failure_count: usize,
    /// Counts what may move a free block, for checks that take several calls.
    pub(super) change_count: u32,
}

// SAFETY: the pointer is the only one to its heap, and the heap to its memory; all of it moves
// with the slot and is used through `&mut` only.
unsafe impl Send for Slot {}

impl Slot {
    pub(super) fn region(&self) -> &Region {
        &self.region
    }

    pub(super) fn heap(&self) -> &dyn RawHeap {
        // SAFETY: (slot invariant) a heap was written there, nobody else has a pointer to it, and
        // `&self` excludes `heap_mut`.
        unsafe { self.heap.as_ref() }
    }

    pub(super) fn heap_mut(&mut self) -> &mut dyn RawHeap {
        self.change_count = self.change_count.wrapping_add(1);
        // SAFETY: (slot invariant) as above, and `&mut self` excludes all other uses.
        unsafe { self.heap.as_mut() }
    }

    /// Counts a block whose `old` bytes became `new`.
    pub(super) fn account(&mut self, old: usize, new: usize) {
        self.live_bytes = self.live_bytes - old + new;
        self.peak_bytes = self.peak_bytes.max(self.live_bytes);
    }

    /// Gives a block of this region back to its heap; false when that refused.
    ///
    /// # Safety
    /// As for `RawHeap::deallocate`.
    #[inline(always)]
    pub(super) unsafe fn take_back(&mut self, ptr: NonNull<u8>, layout: Layout) -> bool {
        // SAFETY: passed on.
        let given_bytes = unsafe { self.heap_mut().deallocate(ptr, layout) };
        if given_bytes == 0 {
            // No block takes nothing: a guard refused this one, and said so in its log.
            return false;
        }
        self.account(given_bytes, 0);
        self.live_count -= 1;
        true
    }

    pub(super) fn limit_bytes(&self) -> usize {
        self.region.len_bytes() - self.bookkeeping_bytes
    }

    pub(super) fn free(&self) -> Free {
        let mut free = Free { bytes: self.heap().crumb_bytes(), count: 0, smallest_bytes: 0 };
        self.heap().walk(&mut |extent| {
            if extent.kind == ExtentKind::Free {
                free.bytes += extent.len_bytes;
                free.count += 1;
                if free.count == 1 || extent.len_bytes < free.smallest_bytes {
                    free.smallest_bytes = extent.len_bytes;
                }
            }
        });
        free
    }

    /// The stretch at an address, from there on.
    pub(super) fn stretch_at(&self, from_addr: usize) -> Option<Extent> {
        let (region_addr, len_bytes) = (self.region.start_addr(), self.region.len_bytes());
        let start_addr = if from_addr == 0 { region_addr } else { from_addr };
        let left_bytes = len_bytes.checked_sub(start_addr.checked_sub(region_addr)?)?;
        if left_bytes == 0 {
            return None;
        }
        // Up to the nearest free block, or its end if the address is in one.
        let mut found = Extent { start_addr, len_bytes: left_bytes, kind: ExtentKind::Bookkeeping };
        self.heap().walk(&mut |extent| {
            if extent.kind != ExtentKind::Free {
                return;
            }
            let passed_bytes = start_addr.wrapping_sub(extent.start_addr);
            let ahead_bytes = extent.start_addr.wrapping_sub(start_addr);
            if passed_bytes < extent.len_bytes {
                let len_bytes = extent.len_bytes - passed_bytes;
                found = Extent { start_addr, len_bytes, kind: ExtentKind::Free };
            } else if found.kind != ExtentKind::Free && ahead_bytes < found.len_bytes {
                found.len_bytes = ahead_bytes;
            }
        });
        Some(found)
    }
}

/// The free blocks of a region.
pub(super) struct Free {
    pub(super) bytes: usize,
    pub(super) count: usize,
    pub(super) smallest_bytes: usize,
}

impl core::fmt::Debug for Slot {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{:?}, {} bytes live", self.region, self.live_bytes)
    }
}
