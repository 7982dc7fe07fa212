//! The default heap: one byte of tag in front of each block, and no header.
//!
//! Structure, invariants, bounds and figures are in `docs/heap.md`.

mod audit;
pub(super) mod bits;
mod cache;
mod control;
mod give;
mod preset;
mod sizes;
mod stretch;
mod take;

use core::alloc::Layout;
use core::marker::PhantomData;
use core::ptr::NonNull;

use self::bits::{FIRST_HUGE, FIRST_LARGE, list_of};
use self::control::{Control, DRAIN, FIRST, KEPT, LIVE, MOST, ROOMY, STRETCHES, UPPER};
pub use self::preset::{OnChip, Preset, Realtime, Throughput};
use super::{Corruption, Cursor, ExtendError, Extent, Grant, InitError, Moved, Progress, RawHeap};

/// A block at its new place.
#[inline(always)]
fn moved(block: *mut u8, taken_bytes: usize, is_over_old: bool) -> Option<Moved> {
    NonNull::new(block).map(|ptr| Moved { grant: Grant { ptr, taken_bytes }, is_over_old })
}

/// The default heap of a region: no header, merging at every free, a bounded worst case.
///
/// A block takes its size rounded down to a granule, plus one granule. [`Realtime`] puts nothing
/// off; [`Throughput`] keeps small blocks aside for the next request of their size, and gives them
/// back one by one when memory becomes scarce ([`settle`](RawHeap::settle)).
///
/// Every operation is O(1): its loops have limits that depend on the preset alone.
///
/// A [`check`](RawHeap::check) in several calls wants the heap unchanged between them: start over
/// with a new cursor when it was not ([`Memory::check`](crate::Memory::check) does).
pub struct Heap<P = Realtime> {
    base: NonNull<u8>,
    preset: PhantomData<P>,
}

// SAFETY: the pointer is the only one to the heap's memory, which moves along.
unsafe impl<P> Send for Heap<P> {}

impl<P: Preset> Heap<P> {
    /// The largest memory that a heap can start on.
    pub const LIMIT_BYTES: usize = Control::<P>::LIMIT / 2 * P::GRANULE_BYTES;

    #[inline(always)]
    fn control(&self) -> Control<P> {
        Control::new(self.base)
    }

    #[inline(always)]
    fn footprint(&self, size: usize) -> usize {
        self.control().footprint(size)
    }

    /// A block whose byte behind `LEAD` others is aligned.
    #[inline(always)]
    fn allocate_after<const LEAD: usize>(&mut self, layout: Layout) -> Option<Grant> {
        // SAFETY: `init` made the heap; `&mut` keeps others out.
        let block = unsafe {
            if Control::<P>::HAS_CACHE {
                self.control().take_cached::<LEAD>(layout.size(), layout.align())
            } else {
                self.control().take::<LEAD>(layout.size(), layout.align())
            }
        };
        // A block never takes more than its footprint.
        let taken_bytes = self.footprint(layout.size());
        NonNull::new(block).map(|ptr| Grant { ptr, taken_bytes })
    }
}

impl<P> core::fmt::Debug for Heap<P> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "heap at {:?}", self.base)
    }
}

// SAFETY: blocks come out of the lists, which hold every free block of the memory and nothing else
// (list invariant), are cut to the size and alignment asked for, and leave the lists before they
// are handed out.
unsafe impl<P: Preset> RawHeap for Heap<P> {
    unsafe fn init(memory: NonNull<[u8]>) -> Result<Self, InitError> {
        let (given, memory) = (memory, Control::<P>::cut_ends(memory));
        let len_bytes = memory.len();
        let granule = P::GRANULE_BYTES;
        if len_bytes > Self::LIMIT_BYTES {
            return Err(InitError::TooLarge { len_bytes, limit_bytes: Self::LIMIT_BYTES });
        }
        let end = len_bytes & !(granule - 1);
        // The lists below the powers of two are always there, though a small memory needs fewer.
        let last_list = list_of((end / granule).max(FIRST_HUGE));
        let control_bytes = Control::<P>::len(last_list);
        // One byte for the first tag, and then a block's payload is aligned.
        let first = (control_bytes + 1).next_multiple_of(granule);
        let needed_bytes = first + Control::<P>::LISTED;
        if end < needed_bytes {
            let needed_bytes = needed_bytes + (memory.addr().get() - given.addr().get());
            return Err(InitError::TooSmall { len_bytes: given.len(), needed_bytes });
        }
        let start = memory.cast::<u8>();
        // SAFETY: the memory is ours and long enough for the control block and one block. Zero is
        // "none" as a link.
        let heap = unsafe {
            start.write_bytes(0, control_bytes);
            Self { base: start.add(Control::<P>::BASE), preset: PhantomData }
        };
        let control = heap.control();
        // SAFETY: as above.
        unsafe {
            control.set_word(MOST, end as u32);
            control.set_last_list(last_list);
            let behind = control.start().add(end);
            control.set_link(control.start().add(STRETCHES), behind.wrapping_add(FIRST));
            control.set_tag(behind, LIVE);
            let block = control.start().add(first);
            let size = end - first;
            if Control::<P>::HAS_CACHE {
                if Control::<P>::HAS_COARSE {
                    control.set_word(UPPER, Control::<P>::coarse_limit(end) as u32);
                }
                control.set_word(KEPT, control.kept_most());
                // While a block is left in the list for half of the memory, memory is not scarce.
                let roomy = list_of(size / granule / 2).max(FIRST_LARGE) - FIRST_LARGE;
                control.set_word(ROOMY, u32::MAX << roomy);
                control.set_word(DRAIN, Control::<P>::CACHE_LIMIT as u32);
            }
            control.place_apart(block, size, 0);
        }
        Ok(heap)
    }

    unsafe fn extend(&mut self, memory: NonNull<[u8]>) -> Result<usize, ExtendError> {
        // SAFETY: passed on.
        unsafe { self.control().add(memory) }
    }

    // Whoever calls it by name has few such places; a call is a tenth of the work.
    #[inline(always)]
    fn allocate(&mut self, layout: Layout) -> Option<Grant> {
        self.allocate_after::<0>(layout)
    }

    fn lead_bytes() -> usize {
        P::GRANULE_BYTES
    }

    fn allocate_led(&mut self, layout: Layout) -> Option<Grant> {
        // A granule is 4, 8 or 16 bytes.
        match P::GRANULE_BYTES {
            4 => self.allocate_after::<4>(layout),
            8 => self.allocate_after::<8>(layout),
            _ => self.allocate_after::<16>(layout),
        }
    }

    #[inline(always)]
    unsafe fn deallocate(&mut self, ptr: NonNull<u8>, layout: Layout) -> usize {
        let control = self.control();
        let size = self.footprint(layout.size());
        // SAFETY: as promised by the caller, the block is live and of this size.
        unsafe {
            if Control::<P>::HAS_CACHE {
                control.give_cached(control.own(ptr), size);
            } else {
                control.give(control.own(ptr), size);
            }
        }
        size
    }

    // Most often it is refused after a look at one byte.
    #[inline(always)]
    unsafe fn grow(&mut self, ptr: NonNull<u8>, old: Layout, new_size: usize) -> Option<usize> {
        let (old, new) = (self.footprint(old.size()), self.footprint(new_size));
        let control = self.control();
        // SAFETY: as promised by the caller, the block is live and `old` bytes long.
        unsafe {
            if new != old && !control.extend(control.own(ptr), old, new) {
                return None;
            }
        }
        Some(new)
    }

    #[inline(always)]
    unsafe fn grow_moving(
        &mut self,
        ptr: NonNull<u8>,
        old: Layout,
        new_size: usize,
    ) -> Option<Moved> {
        let control = self.control();
        let taken = self.footprint(old.size());
        let taken_bytes = self.footprint(new_size);
        let gap = (old.align() - 1) & !(P::GRANULE_BYTES - 1);
        // SAFETY: as promised by the caller, the block is live and of this layout.
        unsafe {
            let block = control.own(ptr);
            let end = control.end_from_front(block, taken, taken_bytes, gap);
            let lists = control.roomy_lists(taken, taken_bytes, gap, !end.is_null());
            if lists != 0 {
                let block = control.take_roomy(lists, taken_bytes, gap);
                return moved(block, taken_bytes, false);
            }
            if end.is_null() {
                return None;
            }
            moved(control.extend_front(block, taken, taken_bytes, end), taken_bytes, true)
        }
    }

    unsafe fn shrink(&mut self, ptr: NonNull<u8>, old: Layout, new_size: usize) -> Option<usize> {
        let (old, new) = (self.footprint(old.size()), self.footprint(new_size));
        let control = self.control();
        // SAFETY: as promised by the caller, the block is live and `old` bytes long.
        unsafe {
            if new != old {
                control.cut(control.own(ptr), old, new);
            }
        }
        Some(new)
    }

    fn footprint_bytes(&self, layout: Layout) -> usize {
        self.footprint(layout.size())
    }

    fn largest_free(&self, align: usize) -> usize {
        // SAFETY: `init` made the heap.
        unsafe { self.control().largest(align) }
    }

    fn walk(&self, visit: &mut dyn FnMut(Extent)) {
        // SAFETY: `init` made the heap.
        unsafe { self.control().walk(visit) }
    }

    fn crumb_bytes(&self) -> usize {
        // SAFETY: `init` made the heap.
        unsafe { self.control().crumbs() }
    }

    fn settle(&mut self) -> bool {
        // SAFETY: `init` made the heap; `&mut` keeps others out.
        Control::<P>::HAS_CACHE && unsafe { self.control().settle() }
    }

    fn is_settled(&self) -> bool {
        // SAFETY: `init` made the heap.
        !Control::<P>::HAS_CACHE || unsafe { self.control().is_cache_empty() }
    }

    fn check(&self, cursor: &mut Cursor, max_steps: usize) -> Result<Progress, Corruption> {
        // SAFETY: `init` made the heap.
        unsafe { self.control().check(cursor, max_steps) }
    }
}
