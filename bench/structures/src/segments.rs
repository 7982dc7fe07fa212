//! S: the first block that fits, found by where it lies. Blocks have no tag, and no bitmap tells what
//! is free: the free blocks of each segment of 512 bytes are a list by address.

mod index;
mod place;

use core::alloc::Layout;
use core::ptr::NonNull;

use esparto::heap::{Corruption, Cursor, Extent, ExtentKind, Grant, InitError, Progress, RawHeap};

use self::index::{GRANULE, Index, LIMIT, MOST, NOWHERE};

/// The heap with an index of its free blocks by address.
#[derive(Debug)]
pub struct Segments {
    index: Index,
    blocks: usize,
    end: usize,
    len: usize,
}

impl Segments {
    fn offset(&self, ptr: NonNull<u8>) -> usize {
        ptr.addr().get() - self.index.base_addr()
    }

    /// Every free block.
    fn each(&self, mut visit: impl FnMut(usize, usize)) {
        for segment in 0..self.index.segment_count() {
            // SAFETY: (list invariant) lists lead through free blocks.
            unsafe {
                let mut place = self.index.first(segment);
                while place != NOWHERE {
                    let block = Index::offset(segment, place);
                    let (size, next) = self.index.block(block);
                    visit(block, size);
                    place = next;
                }
            }
        }
    }
}

// SAFETY: blocks come out of the index, which holds what is free and nothing else (list, spill and
// maximum invariants), and leave it before they are handed out.
unsafe impl RawHeap for Segments {
    unsafe fn init(memory: NonNull<[u8]>) -> Result<Self, InitError> {
        let base = memory.cast::<u8>();
        let end = memory.len() & !(GRANULE - 1);
        if end > LIMIT {
            return Err(InitError::TooLarge { len_bytes: memory.len(), limit_bytes: LIMIT });
        }
        let (index, blocks) = Index::plan(base, end);
        if end < blocks + GRANULE {
            let needed_bytes = blocks + GRANULE;
            return Err(InitError::TooSmall { len_bytes: memory.len(), needed_bytes });
        }
        // SAFETY: the memory is ours and that long; between the tables and its end is one live block.
        unsafe {
            index.clear(blocks);
            index.give(blocks, end - blocks);
        }
        Ok(Self { index, blocks, end, len: memory.len() })
    }

    #[inline(always)]
    fn allocate(&mut self, layout: Layout) -> Option<Grant> {
        let taken_bytes = Index::footprint(layout.size());
        // SAFETY: `init` made the heap.
        unsafe {
            let block = if layout.align() <= GRANULE {
                self.index.take(taken_bytes)?
            } else {
                self.index.take_aligned(taken_bytes, layout.align())?
            };
            Some(Grant { ptr: NonNull::new_unchecked(self.index.at(block)), taken_bytes })
        }
    }

    #[inline(always)]
    unsafe fn deallocate(&mut self, ptr: NonNull<u8>, layout: Layout) -> usize {
        let taken_bytes = Index::footprint(layout.size());
        // SAFETY: the block is live and takes this much: the caller's promise.
        unsafe { self.index.give(self.offset(ptr), taken_bytes) };
        taken_bytes
    }

    unsafe fn grow(&mut self, ptr: NonNull<u8>, old: Layout, new_size: usize) -> Option<usize> {
        let (had, wanted) = (Index::footprint(old.size()), Index::footprint(new_size));
        // SAFETY: as for `deallocate`.
        let is_done = wanted == had || unsafe { self.index.extend(self.offset(ptr), had, wanted) };
        is_done.then_some(wanted)
    }

    unsafe fn shrink(&mut self, ptr: NonNull<u8>, old: Layout, new_size: usize) -> Option<usize> {
        let (had, wanted) = (Index::footprint(old.size()), Index::footprint(new_size));
        if wanted != had {
            // SAFETY: as for `deallocate`; the end of a block is given back as a block.
            unsafe { self.index.give(self.offset(ptr) + wanted, had - wanted) };
        }
        Some(wanted)
    }

    fn footprint_bytes(&self, layout: Layout) -> usize {
        Index::footprint(layout.size())
    }

    fn largest_free(&self, align: usize) -> usize {
        let mut largest = 0;
        self.each(|block, size| {
            let start = (self.index.base_addr() + block).next_multiple_of(align.max(GRANULE));
            let size = (block + size).saturating_sub(start - self.index.base_addr());
            if size > largest {
                // SAFETY: `init` made the heap.
                let is_there =
                    align <= GRANULE || unsafe { self.index.look_aligned(size, align) }.is_some();
                if is_there {
                    largest = size;
                }
            }
        });
        largest
    }

    fn walk(&self, visit: &mut dyn FnMut(Extent)) {
        let base = self.index.base_addr();
        let mut show = |start, len_bytes, kind| {
            visit(Extent { start_addr: base + start, len_bytes, kind });
        };
        show(0, self.blocks, ExtentKind::Bookkeeping);
        if self.end != self.len {
            show(self.end, self.len - self.end, ExtentKind::Bookkeeping);
        }
        self.each(|block, size| show(block, size, ExtentKind::Free));
    }

    fn check(&self, _: &mut Cursor, _: usize) -> Result<Progress, Corruption> {
        let at = |offset: usize| self.index.base_addr() + offset;
        let equal = |at_addr, expected, actual| {
            if expected == actual {
                Ok(())
            } else {
                Err(Corruption::Mismatch { at_addr, expected, actual })
            }
        };
        // Where the last free block ends, and the segment into which it reaches from another.
        let (mut behind, mut reached) = (self.blocks, None);
        for segment in 0..self.index.segment_count() {
            let mut most = 0;
            let is_reached = reached == Some(segment);
            // SAFETY: nothing is read outside the memory: a block is looked at before it is used.
            unsafe {
                let mut place = self.index.first(segment);
                while place != NOWHERE {
                    let block = Index::offset(segment, place);
                    if block >= self.end {
                        let (at_addr, link_addr) = (at(behind), at(block));
                        return Err(Corruption::LinkOutside { at_addr, link_addr });
                    }
                    let (size, next) = self.index.block(block);
                    let max_bytes = self.end - block;
                    if size == 0 || size > max_bytes || next <= place {
                        let (actual_bytes, min_bytes) = (size, GRANULE);
                        let at_addr = at(block);
                        return Err(Corruption::Size {
                            at_addr,
                            actual_bytes,
                            min_bytes,
                            max_bytes,
                        });
                    }
                    // Nothing free touches another free block, but what starts first.
                    let is_apart = block > behind || block == self.blocks;
                    equal(at(block), 1, usize::from(is_apart))?;
                    behind = block + size;
                    let end_segment = Index::segment(behind);
                    if end_segment != segment {
                        equal(at(block), size, self.index.size_before(behind))?;
                        equal(at(block), Index::place(behind), self.index.spill(end_segment))?;
                        reached = Some(end_segment);
                    }
                    most = most.max(size / GRANULE).min(MOST);
                    place = next;
                }
                equal(at(Index::offset(segment, 0)), most, self.index.most(segment))?;
                if !is_reached {
                    equal(at(Index::offset(segment, 0)), NOWHERE, self.index.spill(segment))?;
                }
            }
        }
        Ok(Progress::Done)
    }
}
