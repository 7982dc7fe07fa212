//! The list of free blocks that heap_2, heap_4 and heap_5 share.

use core::alloc::Layout;
use core::marker::PhantomData;
use core::ptr::NonNull;

use super::order::Piece;
use super::stretch::Stretch;
use super::{AddError, HeapStats, Malloc, Order};
use crate::heap::{Corruption, Cursor, Extent, Grant, InitError, Progress, RawHeap};

/// What is in front of each block.
#[repr(C)]
#[derive(Clone, Copy)]
pub(super) struct Header {
    /// Free: the next one in the list. Live: the [`mark`] of this place.
    pub(super) next: u32,
    /// Of the whole block; the top bit is set iff it is live.
    pub(super) size: u32,
}

/// The end of the list. No block starts there: all offsets are below [`LIVE`].
pub(super) const NIL: u32 = u32::MAX;
/// The bit of a live block in its size.
pub(super) const LIVE: u32 = 1 << 31;
/// Blocks start and end at multiples of this (`portBYTE_ALIGNMENT`).
pub(super) const ALIGN: u32 = 8;
pub(super) const HEADER: u32 = size_of::<Header>() as u32;
/// The smallest block. A block is divided only if more than that is left over.
pub(super) const LEAST: u32 = 2 * HEADER;

const _: () = assert!(HEADER == ALIGN && LEAST.is_multiple_of(ALIGN));

/// What a live block has in place of a link. Another one at each place, so that neither a copied
/// header nor one in the middle of a block is taken for the block's own.
pub(super) const fn mark(block: u32) -> u32 {
    block ^ 0xA5E5_9A27
}

/// heap_2, heap_4 or heap_5, by the [`Order`] of its free list and the number of its stretches. See
/// the [module](super) for how it works.
#[derive(Debug)]
pub struct Scheme<O: Order, const N: usize> {
    pub(super) stretches: [Stretch; N],
    pub(super) stretch_count: usize,
    pub(super) head: u32,
    pub(super) free_count: u32,
    pub(super) free_bytes: u32,
    minimum_ever_free_bytes: u32,
    allocation_count: usize,
    deallocation_count: usize,
    refused_count: usize,
    pub(super) epoch: u32,
    order: PhantomData<O>,
}

// SAFETY: the pointers are the only ones to the stretches, which move along.
unsafe impl<O: Order, const N: usize> Send for Scheme<O, N> {}

impl<O: Order, const N: usize> Default for Scheme<O, N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<O: Order, const N: usize> Scheme<O, N> {
    const _PLACES: () = assert!(N >= 1, "a heap has at least one stretch");

    /// A heap without memory: [`add`](Self::add) some.
    #[must_use]
    pub const fn new() -> Self {
        let () = Self::_PLACES;
        Self {
            stretches: [Stretch::EMPTY; N],
            stretch_count: 0,
            head: NIL,
            free_count: 0,
            free_bytes: 0,
            minimum_ever_free_bytes: 0,
            allocation_count: 0,
            deallocation_count: 0,
            refused_count: 0,
            epoch: 0,
            order: PhantomData,
        }
    }

    /// A heap over all of `regions`, as `vPortDefineHeapRegions` makes one. They are searched in
    /// the order given, which need not be that of their addresses.
    ///
    /// # Errors
    /// [`AddError`] of the first that is refused; none is taken then.
    ///
    /// # Safety
    /// As for [`add`](Self::add), for each.
    pub unsafe fn define_regions(regions: &[NonNull<[u8]>]) -> Result<Self, AddError> {
        let mut heap = Self::new();
        for &memory in regions {
            // SAFETY: passed on.
            unsafe { heap.add(memory)? };
        }
        Ok(heap)
    }

    /// Adds a stretch of memory, cut inwards to multiples of 8. It is searched after those that are
    /// there. O(free blocks).
    ///
    /// # Errors
    /// [`AddError`]; nothing changed then.
    ///
    /// # Safety
    /// `memory` is valid for reads and writes and belongs to the heap alone for as long as the heap
    /// or one of its blocks is used.
    pub unsafe fn add(&mut self, memory: NonNull<[u8]>) -> Result<(), AddError> {
        let base = memory.cast::<u8>();
        let skip = base.addr().get().wrapping_neg() & (ALIGN as usize - 1);
        let len_bytes = memory.len().saturating_sub(skip) & !(ALIGN as usize - 1);
        let first = match self.stretches().last() {
            Some(last) => last.end() + ALIGN,
            None => 0,
        };
        if len_bytes < LEAST as usize {
            let (len_bytes, needed_bytes) = (memory.len(), LEAST as usize);
            return Err(AddError::Init(InitError::TooSmall { len_bytes, needed_bytes }));
        }
        // Another stretch's offset is computed from the end of this one, so that must stay small.
        let limit = LIVE - 2 * ALIGN - first.min(LIVE - 2 * ALIGN);
        let Some(len) = u32::try_from(len_bytes).ok().filter(|&len| len <= limit) else {
            let limit_bytes = limit as usize;
            return Err(AddError::Init(InitError::TooLarge { len_bytes, limit_bytes }));
        };
        let start_addr = base.addr().get() + skip;
        for other in self.stretches() {
            let other_start_addr = other.base.addr().get();
            if start_addr < other_start_addr + other.len as usize
                && other_start_addr < start_addr + len_bytes
            {
                return Err(AddError::Overlaps { start_addr, other_start_addr });
            }
        }
        if self.stretch_count == N {
            return Err(AddError::TooMany { limit_count: N });
        }
        // SAFETY: the memory is longer than what is skipped.
        let base = unsafe { base.add(skip) };
        self.stretches[self.stretch_count] = Stretch { base, first, len };
        self.stretch_count += 1;
        self.minimum_ever_free_bytes += len;
        self.release(first, len);
        Ok(())
    }

    /// The bytes in free blocks (`xPortGetFreeHeapSize`), headers included. O(1).
    #[must_use]
    pub const fn free_bytes(&self) -> usize {
        self.free_bytes as usize
    }

    /// The least that was ever free (`xPortGetMinimumEverFreeHeapSize`). O(1).
    #[must_use]
    pub const fn minimum_ever_free_bytes(&self) -> usize {
        self.minimum_ever_free_bytes as usize
    }

    /// All figures (`vPortGetHeapStats`). O(free blocks).
    #[must_use]
    pub fn stats(&self) -> HeapStats {
        let (mut largest, mut smallest) = (0, u32::MAX);
        self.each_free(|free| {
            largest = largest.max(free.size);
            smallest = smallest.min(free.size);
        });
        HeapStats {
            free_bytes: self.free_bytes(),
            largest_free_bytes: largest as usize,
            smallest_free_bytes: if largest == 0 { 0 } else { smallest as usize },
            free_count: self.free_count as usize,
            minimum_ever_free_bytes: self.minimum_ever_free_bytes(),
            allocation_count: self.allocation_count,
            deallocation_count: self.deallocation_count,
            refused_count: self.refused_count,
        }
    }

    pub(super) fn stretches(&self) -> &[Stretch] {
        self.stretches.get(..self.stretch_count).unwrap_or(&[])
    }

    /// The stretch that an offset of the row is in. O(`N`).
    fn stretch_of(&self, block: u32) -> &Stretch {
        let mut found = &self.stretches[0];
        for stretch in self.stretches.iter().take(self.stretch_count).skip(1) {
            if stretch.first <= block {
                found = stretch;
            }
        }
        found
    }

    /// The address of a place in the row.
    pub(super) fn at(&self, block: u32) -> NonNull<Header> {
        let stretch = self.stretch_of(block);
        let offset = block.wrapping_sub(stretch.first);
        debug_assert!(block.is_multiple_of(ALIGN) && offset <= stretch.len - LEAST);
        // SAFETY: (list invariant: every offset that is looked at is a multiple of 8 inside a
        // stretch with room for a block) the sum stays inside the stretch.
        unsafe { stretch.base.add(offset as usize).cast() }
    }

    pub(super) fn header(&self, block: u32) -> Header {
        // SAFETY: (list invariant) there is a header, initialised and nobody else's.
        unsafe { self.at(block).read() }
    }

    fn write(&mut self, block: u32, header: Header) {
        // SAFETY: (list invariant) the place is inside a stretch; callers own the block there.
        unsafe { self.at(block).write(header) }
    }

    /// Makes `to` the block behind `prev` in the list.
    fn link(&mut self, prev: u32, to: u32) {
        if prev == NIL {
            self.head = to;
        } else {
            self.write(prev, Header { next: to, ..self.header(prev) });
        }
    }

    /// Rounds a size to what a block of it takes; `None` when no heap is that large.
    fn taken(size: usize) -> Option<u32> {
        let size = size.checked_add(HEADER as usize)?.checked_next_multiple_of(ALIGN as usize)?;
        u32::try_from(size).ok().filter(|&size| size < LIVE).map(|size| size.max(LEAST))
    }

    /// What must be left free in front of a block in `free`, so that its payload is aligned.
    pub(super) fn gap_in(&self, free: Piece, align: usize) -> Option<u32> {
        if align <= ALIGN as usize {
            return Some(0);
        }
        let payload_addr = self.at(free.block).addr().get() + HEADER as usize;
        let gap = payload_addr.wrapping_neg() & (align - 1);
        // A gap is a block by itself.
        let gap = if gap == 0 || gap >= LEAST as usize { gap } else { gap + align };
        u32::try_from(gap).ok().filter(|&gap| gap <= free.size - LEAST)
    }

    /// The first free block with room for `taken` bytes: the one in front of it, itself, and the
    /// gap. O(free blocks).
    fn find(&self, taken: u32, align: usize) -> Option<(u32, Piece, u32)> {
        let (mut prev, mut block) = (NIL, self.head);
        for _ in 0..self.free_count {
            if block == NIL {
                break;
            }
            let Header { next, size } = self.header(block);
            let free = Piece { block, size };
            if size >= taken
                && let Some(gap) = self.gap_in(free, align)
                && size - gap >= taken
            {
                return Some((prev, free, gap));
            }
            (prev, block) = (block, next);
        }
        None
    }

    /// Puts a free piece into the list where its order wants it; neighbours become one block if the
    /// order says so. O(free blocks).
    fn insert(&mut self, mut new: Piece) {
        let (mut prev, mut next) = (NIL, self.head);
        for _ in 0..self.free_count {
            if next == NIL {
                break;
            }
            let header = self.header(next);
            if !O::is_before(Piece { block: next, size: header.size }, new) {
                break;
            }
            (prev, next) = (next, header.next);
        }
        self.free_count += 1;
        if O::MERGES && next != NIL && new.block + new.size == next {
            let behind = self.header(next);
            new.size += behind.size;
            next = behind.next;
            self.free_count -= 1;
        }
        if O::MERGES && prev != NIL && prev + self.header(prev).size == new.block {
            new = Piece { block: prev, size: new.size + self.header(prev).size };
            self.free_count -= 1;
        } else {
            self.link(prev, new.block);
        }
        self.write(new.block, Header { next, size: new.size });
    }

    /// Makes a piece free that was not.
    fn release(&mut self, block: u32, size: u32) {
        self.epoch = self.epoch.wrapping_add(1);
        self.free_bytes += size;
        // What merges into another block must not look live inside of it.
        self.write(block, Header { next: NIL, size });
        self.insert(Piece { block, size });
    }

    /// Puts what is left of a free block back, in front (`gap`) and behind, and takes the block out
    /// of the list. Its successor in the list was `next`.
    fn leave(&mut self, prev: u32, next: u32, gap: Piece, rest: Piece) {
        self.free_count -= 1;
        if !O::MERGES {
            self.link(prev, next);
            for piece in [gap, rest] {
                if piece.size != 0 {
                    self.insert(piece);
                }
            }
            return;
        }
        // In a list by address the pieces stand where the block stood.
        let mut behind = next;
        for piece in [rest, gap] {
            if piece.size != 0 {
                self.write(piece.block, Header { next: behind, size: piece.size });
                self.free_count += 1;
                behind = piece.block;
            }
        }
        self.link(prev, behind);
    }

    fn set_live(&mut self, block: u32, size: u32) {
        self.write(block, Header { next: mark(block), size: size | LIVE });
    }

    fn take(&mut self, size: usize, align: usize) -> Option<Grant> {
        let mut taken = Self::taken(size)?;
        let (prev, free, gap) = self.find(taken, align)?;
        self.epoch = self.epoch.wrapping_add(1);
        let next = self.header(free.block).next;
        let mut rest = free.size - gap - taken;
        if rest <= LEAST {
            taken += rest;
            rest = 0;
        }
        let block = free.block + gap;
        let gap = Piece { block: free.block, size: gap };
        self.leave(prev, next, gap, Piece { block: block + taken, size: rest });
        self.set_live(block, taken);
        self.free_bytes -= taken;
        self.minimum_ever_free_bytes = self.minimum_ever_free_bytes.min(self.free_bytes);
        self.allocation_count += 1;
        // SAFETY: a block is longer than its header.
        let ptr = unsafe { self.at(block).add(1).cast() };
        Some(Grant { ptr, taken_bytes: taken as usize })
    }

    /// The live block whose payload starts at `ptr`, if there is one: a place in a stretch, a
    /// multiple of 8, with the live bit and the mark of that place in front of it.
    fn live_at(&self, ptr: NonNull<u8>) -> Option<Piece> {
        let addr = ptr.addr().get();
        let (stretch, offset) = self
            .stretches()
            .iter()
            .find_map(|stretch| Some((stretch, stretch.offset_of(addr)?)))
            .filter(|(_, offset)| offset.is_multiple_of(ALIGN))?;
        let block = stretch.first + offset.checked_sub(HEADER)?;
        let header = self.header(block);
        let size = header.size & !LIVE;
        (header.size & LIVE != 0
            && header.next == mark(block)
            && size.is_multiple_of(ALIGN)
            && (LEAST..=stretch.end() - block).contains(&size))
        .then_some(Piece { block, size })
    }

    /// Takes a block back; returns its size, or `None` when it is refused.
    fn give(&mut self, ptr: NonNull<u8>) -> Option<u32> {
        let Some(Piece { block, size }) = self.live_at(ptr) else {
            self.refused_count += 1;
            return None;
        };
        self.release(block, size);
        self.deallocation_count += 1;
        Some(size)
    }

    /// Makes a live block longer by the free one behind it.
    fn extend(&mut self, live: Piece, taken: u32) -> Option<u32> {
        let end = live.block + live.size;
        let (mut prev, mut block) = (NIL, self.head);
        for _ in 0..self.free_count {
            if block == NIL || block >= end {
                break;
            }
            (prev, block) = (block, self.header(block).next);
        }
        if block != end {
            return None;
        }
        let Header { next, size } = self.header(block);
        let mut rest = (live.size + size).checked_sub(taken)?;
        if rest <= LEAST {
            rest = 0;
        }
        let total = live.size + size - rest;
        self.epoch = self.epoch.wrapping_add(1);
        let none = Piece { block, size: 0 };
        self.leave(prev, next, none, Piece { block: live.block + total, size: rest });
        self.set_live(live.block, total);
        self.free_bytes -= total - live.size;
        self.minimum_ever_free_bytes = self.minimum_ever_free_bytes.min(self.free_bytes);
        Some(total)
    }
}

// SAFETY: the blocks handed out are cut from free ones, which overlap nothing; headers are written
// in front of payloads and into free blocks only.
unsafe impl<O: Order, const N: usize> RawHeap for Scheme<O, N> {
    unsafe fn init(memory: NonNull<[u8]>) -> Result<Self, InitError> {
        let mut heap = Self::new();
        // SAFETY: passed on.
        match unsafe { heap.add(memory) } {
            Ok(()) => Ok(heap),
            Err(AddError::Init(error)) => Err(error),
            Err(error) => unreachable!("the first stretch: {error}"),
        }
    }

    /// O(free blocks).
    fn allocate(&mut self, layout: Layout) -> Option<Grant> {
        self.take(layout.size(), layout.align())
    }

    /// What is none of the heap's live blocks is refused and counted; 0 bytes come back then.
    /// O(free blocks).
    unsafe fn deallocate(&mut self, ptr: NonNull<u8>, _layout: Layout) -> usize {
        self.give(ptr).map_or(0, |size| size as usize)
    }

    /// Within the block, and into the free one behind it where neighbours merge. O(free blocks).
    unsafe fn grow(&mut self, ptr: NonNull<u8>, _old: Layout, new_size: usize) -> Option<usize> {
        let (live, taken) = (self.live_at(ptr)?, Self::taken(new_size)?);
        if taken <= live.size {
            return Some(live.size as usize);
        }
        if !O::MERGES {
            return None;
        }
        self.extend(live, taken).map(|size| size as usize)
    }

    /// The rest becomes a free block if it is long enough, else it stays. O(free blocks).
    unsafe fn shrink(&mut self, ptr: NonNull<u8>, _old: Layout, new_size: usize) -> Option<usize> {
        let (live, taken) = (self.live_at(ptr)?, Self::taken(new_size)?);
        let rest = live.size.checked_sub(taken)?;
        if rest <= LEAST {
            return Some(live.size as usize);
        }
        self.set_live(live.block, taken);
        self.release(live.block + taken, rest);
        Some(taken as usize)
    }

    fn footprint_bytes(&self, layout: Layout) -> usize {
        Self::taken(layout.size()).map_or(usize::MAX, |size| size as usize)
    }

    unsafe fn taken_bytes(&self, ptr: NonNull<u8>, layout: Layout) -> usize {
        self.live_at(ptr).map_or(self.footprint_bytes(layout), |live| live.size as usize)
    }

    /// O(free blocks).
    fn largest_free(&self, align: usize) -> usize {
        let mut largest = 0;
        self.each_free(|free| {
            if let Some(gap) = self.gap_in(free, align) {
                largest = largest.max(free.size - gap - HEADER);
            }
        });
        largest as usize
    }

    fn walk(&self, visit: &mut dyn FnMut(Extent)) {
        self.show(visit);
    }

    fn check(&self, cursor: &mut Cursor, max_steps: usize) -> Result<Progress, Corruption> {
        self.audit(cursor, max_steps)
    }
}

// SAFETY: blocks come from `take`, whose payloads are multiples of 8.
unsafe impl<O: Order, const N: usize> Malloc for Scheme<O, N> {
    /// O(free blocks).
    fn malloc(&mut self, size: usize) -> Option<NonNull<u8>> {
        if size == 0 {
            return None;
        }
        self.take(size, ALIGN as usize).map(|grant| grant.ptr)
    }

    /// Refused and counted: a pointer from elsewhere, into the middle of a block, or given back
    /// already. O(free blocks).
    unsafe fn free(&mut self, ptr: NonNull<u8>) -> bool {
        self.give(ptr).is_some()
    }
}
