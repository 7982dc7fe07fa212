//! V: blocks without tag or header, and one bit for each eight bytes that says "a boundary between
//! free and live memory".

mod audit;
mod cache;
mod place;
mod shape;
mod space;

use core::alloc::Layout;
use core::marker::PhantomData;
use core::ptr::NonNull;

use esparto::heap::{Corruption, Cursor, Extent, ExtentKind, Grant, InitError, Progress, RawHeap};

use self::place::NONE;
pub use self::shape::{Coarse, CoarseCached, Narrow, NarrowCached, Shape, Wide, WideCached};
use self::space::{CRUMBS, END, FRESH, FRESH_END, Space};

/// The heap with a bitmap of boundaries.
#[derive(Debug)]
pub struct Boundary<S> {
    base: NonNull<u8>,
    len: usize,
    shape: PhantomData<S>,
}

impl<S: Shape> Boundary<S> {
    #[inline(always)]
    fn space(&self) -> Space<S> {
        Space::new(self.base)
    }

    #[inline(always)]
    fn offset(&self, ptr: NonNull<u8>) -> usize {
        ptr.addr().get() - self.base.addr().get()
    }
}

// SAFETY: blocks come out of the lists, the cache and what is fresh, which hold nothing live (list,
// cache and map invariants), and leave them before they are handed out.
unsafe impl<S: Shape> RawHeap for Boundary<S> {
    unsafe fn init(memory: NonNull<[u8]>) -> Result<Self, InitError> {
        let start = memory.cast::<u8>();
        let skip = start.align_offset(S::GRANULE.max(8));
        let len = memory.len().saturating_sub(skip) & !(S::CELL - 1);
        if len > Space::<S>::LIMIT {
            return Err(InitError::TooLarge {
                len_bytes: memory.len(),
                limit_bytes: Space::<S>::LIMIT,
            });
        }
        let blocks = Space::<S>::blocks_at(len);
        if len < blocks + Space::<S>::LISTED {
            return Err(InitError::TooSmall {
                len_bytes: memory.len(),
                needed_bytes: skip + (blocks + Space::<S>::LISTED).next_multiple_of(S::CELL),
            });
        }
        // SAFETY: the memory is ours and that long.
        unsafe {
            let base = start.add(skip);
            base.write_bytes(0, blocks);
            let space = Space::<S>::new(base);
            space.clear_heads();
            space.set_word(FRESH, blocks);
            space.set_word(FRESH_END, len);
            space.set_word(END, len);
            if Space::<S>::HAS_CACHE {
                space.start_cache(len - blocks);
            }
            Ok(Self { base, len: memory.len() - skip, shape: PhantomData })
        }
    }

    #[inline(always)]
    fn allocate(&mut self, layout: Layout) -> Option<Grant> {
        let space = self.space();
        let (size, align) = (layout.size(), layout.align());
        // SAFETY: `init` made the heap.
        let ptr = unsafe {
            if Space::<S>::HAS_CACHE {
                let kept = space.take_kept(size, align);
                if kept == NONE { space.take_missed(size, align) } else { space.at(kept) }
            } else {
                space.take_any(Space::<S>::footprint(size), align)
            }
        };
        let taken_bytes = Space::<S>::footprint(size);
        NonNull::new(ptr).map(|ptr| Grant { ptr, taken_bytes })
    }

    #[inline(always)]
    unsafe fn deallocate(&mut self, ptr: NonNull<u8>, layout: Layout) -> usize {
        let space = self.space();
        let taken_bytes = Space::<S>::footprint(layout.size());
        let block = self.offset(ptr);
        // SAFETY: the block is live and takes this much: the caller's promise.
        unsafe {
            if !Space::<S>::HAS_CACHE {
                space.give(block, taken_bytes);
            } else if !space.keep(block, layout.size()) {
                space.give_missed(block, taken_bytes);
            }
        }
        taken_bytes
    }

    unsafe fn grow(&mut self, ptr: NonNull<u8>, old: Layout, new_size: usize) -> Option<usize> {
        let (had, wanted) = (Space::<S>::footprint(old.size()), Space::<S>::footprint(new_size));
        // SAFETY: the block is live and takes this much.
        unsafe {
            if wanted != had {
                if !self.space().extend(self.offset(ptr), had, wanted) {
                    return None;
                }
                if Space::<S>::HAS_CACHE {
                    self.space().count_taken(wanted - had);
                }
            }
        }
        Some(wanted)
    }

    unsafe fn shrink(&mut self, ptr: NonNull<u8>, old: Layout, new_size: usize) -> Option<usize> {
        let (had, wanted) = (Space::<S>::footprint(old.size()), Space::<S>::footprint(new_size));
        // SAFETY: as for `grow`.
        unsafe {
            if wanted != had {
                self.space().cut(self.offset(ptr), had, wanted);
                if Space::<S>::HAS_CACHE {
                    self.space().count_given(had - wanted);
                }
            }
        }
        Some(wanted)
    }

    fn footprint_bytes(&self, layout: Layout) -> usize {
        Space::<S>::footprint(layout.size())
    }

    fn largest_free(&self, align: usize) -> usize {
        // SAFETY: `init` made the heap.
        unsafe { self.space().largest(align) }
    }

    fn walk(&self, visit: &mut dyn FnMut(Extent)) {
        let base = self.base.addr().get();
        let space = self.space();
        let mut show = |start, len_bytes, kind| {
            visit(Extent { start_addr: base + start, len_bytes, kind });
        };
        // SAFETY: `init` made the heap.
        unsafe {
            let end = space.word(END);
            show(0, Space::<S>::blocks_at(end), ExtentKind::Bookkeeping);
            if end != self.len {
                show(end, self.len - end, ExtentKind::Bookkeeping);
            }
            space.each_listed(|block, size| show(block, size, ExtentKind::Free));
            if Space::<S>::HAS_CACHE {
                space.each_kept(|block, size| show(block, size, ExtentKind::Free));
            }
            let fresh = space.word(FRESH);
            let fresh_len = space.word(FRESH_END) - fresh;
            if fresh_len != 0 {
                show(fresh, fresh_len, ExtentKind::Free);
            }
        }
    }

    fn crumb_bytes(&self) -> usize {
        // SAFETY: `init` made the heap.
        unsafe { self.space().word(CRUMBS) }
    }

    fn settle(&mut self) -> bool {
        let space = self.space();
        // SAFETY: `init` made the heap.
        unsafe {
            (Space::<S>::HAS_CACHE && space.drain(Space::<S>::CACHE_COUNT)) || space.retire_fresh()
        }
    }

    fn is_settled(&self) -> bool {
        // SAFETY: `init` made the heap.
        unsafe {
            let mut is_settled = self.space().word(FRESH) == self.space().word(FRESH_END);
            if Space::<S>::HAS_CACHE {
                self.space().each_kept(|_, _| is_settled = false);
            }
            is_settled
        }
    }

    fn check(&self, _: &mut Cursor, _: usize) -> Result<Progress, Corruption> {
        // SAFETY: `init` made the heap.
        unsafe { self.space().verify() }.map(|()| Progress::Done)
    }
}
