//! A region of a memory, with its heap and its account.

use core::alloc::Layout;
use core::ptr::NonNull;

use super::ways::{Manner, UsualHeap, Ways};
use crate::Region;
use crate::heap::sized::seal;
use crate::heap::{ExtendError, Extent, ExtentKind, Moved, RawHeap};

/// A region with its heap and its account.
pub(super) struct Slot {
    pub(super) region: Region,
    manner: Manner,
    pub(super) live_bytes: usize,
    pub(super) live_count: usize,
    pub(super) peak_bytes: usize,
    /// The peak before it was counted anew; the whole one is the larger of both.
    pub(super) past_peak_bytes: usize,
    bookkeeping_bytes: usize,
    /// Is the bookkeeping known? It takes a walk, for which it may wait until somebody asks.
    is_counted: bool,
    pub(super) failure_count: usize,
    /// Counts what may move a free block, for checks that take several calls.
    pub(super) change_count: u32,
}

// SAFETY: the pointer is the only one to its heap, and the heap to its memory; all of it moves
// with the slot and is used through `&mut` only.
unsafe impl Send for Slot {}

impl Slot {
    /// # Safety
    /// The heap of `manner` is the slot's alone, and outlives it.
    pub(super) unsafe fn new(region: Region, manner: Manner) -> Self {
        Self {
            region,
            manner,
            live_bytes: 0,
            live_count: 0,
            peak_bytes: 0,
            past_peak_bytes: 0,
            bookkeeping_bytes: 0,
            is_counted: false,
            failure_count: 0,
            change_count: 0,
        }
    }

    pub(super) fn region(&self) -> &Region {
        &self.region
    }

    /// The heap, for what is seldom asked of it.
    pub(super) fn heap(&self, usual: Option<UsualHeap>) -> &dyn RawHeap {
        // SAFETY: (slot invariant) a heap was written there, nobody else has a pointer to it, and
        // `&self` excludes `heap_mut`.
        unsafe { self.rare(usual).as_ref() }
    }

    fn heap_mut(&mut self, usual: Option<UsualHeap>) -> &mut dyn RawHeap {
        self.change();
        // SAFETY: (slot invariant) as above, and `&mut self` excludes all other uses.
        unsafe { self.rare(usual).as_mut() }
    }

    fn rare(&self, usual: Option<UsualHeap>) -> NonNull<dyn RawHeap> {
        match self.ways().rare().or(usual) {
            Some(rare) => rare(self.manner.ways.cast()),
            // SAFETY: a heap without is added to memories alone that have a usual one.
            None => unsafe { core::hint::unreachable_unchecked() },
        }
    }

    #[inline(always)]
    fn ways(&self) -> &dyn Ways {
        // SAFETY: (slot invariant) a heap was written there, nobody else has a pointer to it, and `&self`
        // excludes `ways_mut`.
        unsafe { self.manner.ways.as_ref() }
    }

    /// The heap, for what may move a free block.
    #[inline(always)]
    fn ways_mut(&mut self) -> &mut dyn Ways {
        self.change();
        // SAFETY: (slot invariant) as above, and `&mut self` excludes all other uses.
        unsafe { self.manner.ways.as_mut() }
    }

    #[inline(always)]
    fn change(&mut self) {
        self.change_count = self.change_count.wrapping_add(1);
    }

    /// The heap's block for the caller's, and how far that is into it. `LED` says whether there can be leads
    /// at all (then every block knows its size), `SIZED` whether the block knows its size; the alignment of
    /// one that does is at least a word's.
    #[inline(always)]
    pub(super) fn inner<const LED: bool, const SIZED: bool>(
        &self,
        layout: Layout,
    ) -> (Layout, usize) {
        let front_bytes = if LED && self.manner.lead_bytes != 0 {
            self.manner.lead_bytes
        } else if SIZED {
            layout.align()
        } else {
            0
        };
        let size = layout.size() + front_bytes;
        // SAFETY: a power of two; what is too large for a layout with what is in front of it was not let in.
        (unsafe { Layout::from_size_align_unchecked(size, layout.align()) }, front_bytes)
    }

    /// Hands out a block, with what is to be in front of it.
    #[inline(always)]
    pub(super) fn take<const LED: bool, const SIZED: bool>(
        &mut self,
        layout: Layout,
    ) -> Option<NonNull<u8>> {
        let align = if SIZED { layout.align().max(seal::BYTES) } else { layout.align() };
        // SAFETY: as in `inner`, which adds no less.
        let layout = unsafe { Layout::from_size_align_unchecked(layout.size(), align) };
        let (inner, front_bytes) = self.inner::<LED, SIZED>(layout);
        let grant = self.ways_mut().allocate(inner)?;
        self.account(0, grant.taken_bytes);
        self.live_count += 1;
        // SAFETY: the block is longer than that, and a word has room in front of one that knows its size.
        unsafe {
            let block = grant.ptr.add(front_bytes);
            if SIZED {
                let word = seal::close(block.addr().get(), layout.size(), layout.align());
                block.sub(seal::BYTES).cast::<u32>().write(word);
            }
            Some(block)
        }
    }

    /// Memory for bookkeeping of another slot.
    pub(super) fn take_for_control(&mut self, control: Layout) -> Option<NonNull<u8>> {
        let led = self.led(control)?;
        let grant = self.ways_mut().allocate(led)?;
        self.bookkeeping_bytes += grant.taken_bytes;
        // SAFETY: the block is longer than its lead.
        Some(unsafe { grant.ptr.add(self.manner.lead_bytes) })
    }

    /// The layout with the lead in front of it.
    fn led(&self, layout: Layout) -> Option<Layout> {
        let size = layout.size().checked_add(self.manner.lead_bytes)?;
        Layout::from_size_align(size, layout.align()).ok()
    }

    pub(super) fn settle(&mut self) -> bool {
        self.ways_mut().settle()
    }

    /// Resizes a block of the heap where it lies; false, and nothing changed, if that cannot be.
    ///
    /// # Safety
    /// As for `RawHeap::grow` and `RawHeap::shrink`.
    pub(super) unsafe fn resize(&mut self, ptr: NonNull<u8>, old: Layout, new_size: usize) -> bool {
        let ways = self.ways_mut();
        // SAFETY: passed on.
        let resized = unsafe {
            let old_taken_bytes = ways.taken_bytes(ptr, old);
            ways.resize(ptr, old, new_size).map(|bytes| (old_taken_bytes, bytes))
        };
        let Some((old_taken_bytes, taken_bytes)) = resized else { return false };
        self.account(old_taken_bytes, taken_bytes);
        true
    }

    /// Finds a place in the heap for a block that cannot grow where it lies, as
    /// [`RawHeap::grow_moving`] does.
    ///
    /// # Safety
    /// As there.
    pub(super) unsafe fn grow_moving(
        &mut self,
        ptr: NonNull<u8>,
        old: Layout,
        new_size: usize,
    ) -> Option<Moved> {
        let ways = self.ways_mut();
        // SAFETY: passed on.
        let (old_taken_bytes, moved) =
            unsafe { (ways.taken_bytes(ptr, old), ways.grow_moving(ptr, old, new_size)?) };
        let gone_bytes = if moved.is_over_old { old_taken_bytes } else { 0 };
        self.account(gone_bytes, moved.grant.taken_bytes);
        self.live_count += usize::from(!moved.is_over_old);
        Some(moved)
    }

    /// Makes the heap longer.
    ///
    /// # Safety
    /// As for `Memory::extend`; `whole` is the region with this memory.
    pub(super) unsafe fn lengthen(
        &mut self,
        whole: Region,
        added: NonNull<[u8]>,
        usual: Option<UsualHeap>,
    ) -> Result<(), ExtendError> {
        self.count(usual);
        // SAFETY: passed on.
        let gained_bytes = unsafe { self.heap_mut(usual).extend(added) }?;
        self.region = whole;
        self.bookkeeping_bytes += added.len() - gained_bytes;
        Ok(())
    }

    /// Finds out how much is bookkeeping, if that is not known yet: what is neither free nor live.
    pub(super) fn count(&mut self, usual: Option<UsualHeap>) {
        if !self.is_counted {
            let free_bytes = self.free(usual).bytes;
            self.bookkeeping_bytes =
                self.region.len_bytes().wrapping_sub(free_bytes).wrapping_sub(self.live_bytes);
            self.is_counted = true;
        }
    }

    /// All but what is free and live, as far as it was counted.
    pub(super) fn bookkeeping_bytes(&self) -> usize {
        self.bookkeeping_bytes
    }

    /// Counts a block whose `old` bytes became `new`.
    pub(super) fn account(&mut self, old: usize, new: usize) {
        self.live_bytes = self.live_bytes - old + new;
        self.peak_bytes = self.peak_bytes.max(self.live_bytes);
    }

    /// Gives a block of the heap back to it; false when that refused.
    ///
    /// # Safety
    /// As for `RawHeap::deallocate`.
    #[inline(always)]
    pub(super) unsafe fn take_back(&mut self, ptr: NonNull<u8>, layout: Layout) -> bool {
        // SAFETY: passed on.
        let given_bytes = unsafe { self.ways_mut().deallocate(ptr, layout) };
        if given_bytes == 0 {
            // No block takes nothing: a guard refused this one, and said so in its log.
            return false;
        }
        // No peak comes of less.
        self.live_bytes -= given_bytes;
        self.live_count -= 1;
        true
    }

    pub(super) fn limit_bytes(&self) -> usize {
        self.region.len_bytes() - self.bookkeeping_bytes
    }

    pub(super) fn free(&self, usual: Option<UsualHeap>) -> Free {
        let heap = self.heap(usual);
        let mut free = Free { bytes: heap.crumb_bytes(), count: 0, smallest_bytes: 0 };
        heap.walk(&mut |extent| {
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
    pub(super) fn stretch_at(&self, from_addr: usize, usual: Option<UsualHeap>) -> Option<Extent> {
        let (region_addr, len_bytes) = (self.region.start_addr(), self.region.len_bytes());
        let start_addr = if from_addr == 0 { region_addr } else { from_addr };
        let left_bytes = len_bytes.checked_sub(start_addr.checked_sub(region_addr)?)?;
        if left_bytes == 0 {
            return None;
        }
        // Up to the nearest free block, or its end if the address is in one.
        let mut found = Extent { start_addr, len_bytes: left_bytes, kind: ExtentKind::Bookkeeping };
        self.heap(usual).walk(&mut |extent| {
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
