//! The heap that never frees: what is set up once and stays. FreeRTOS calls it heap_1.
//!
//! ```text
//!   start          last     next                  end
//!   ┌──────┬────┬──┬────────┬──────────────────────┐
//!   │ live │live│  │  live  │         free         │
//!   └──────┴────┴──┴────────┴──────────────────────┘
//!                gap of an alignment above 8: the block's behind it
//! ```
//!
//! Every operation is a few additions, whatever the state, and nothing of the heap's own lies in
//! its memory. A block that is given back stays live: [`deallocate`](RawHeap::deallocate) refuses it
//! with 0 bytes, so the account of whoever holds the heap stays exact. Only the block handed out last
//! changes its size in place; any other one moves when it grows *and* when it shrinks, and leaves
//! its old place behind. Not for what is resized or short-lived.

use core::alloc::Layout;
use core::ptr::NonNull;

use super::{Corruption, Cursor, Extent, ExtentKind, Grant, InitError, Progress, RawHeap};

/// Blocks start and end at multiples of this, as in every FreeRTOS scheme.
const ALIGN: usize = 8;

/// The heap that never frees. See the [module](self) for how it works.
#[derive(Debug)]
pub struct Bump {
    base: NonNull<u8>,
    len: usize,
    /// Where the block handed out last began, its gap included.
    last: usize,
    /// The first free byte.
    next: usize,
}

// SAFETY: the pointer is the only one to the heap's memory, which moves along.
unsafe impl Send for Bump {}

impl Bump {
    /// The bytes that are left. O(1).
    #[must_use]
    pub const fn free_bytes(&self) -> usize {
        self.len - self.next
    }

    /// Rounds a size to what a block of it takes behind its gap.
    fn taken(size: usize) -> Option<usize> {
        size.checked_next_multiple_of(ALIGN)
    }

    /// The free offset from which on a block of this alignment can start.
    fn start(&self, align: usize) -> Option<usize> {
        let gap = (self.base.addr().get() + self.next).wrapping_neg() & (align.max(ALIGN) - 1);
        self.next.checked_add(gap).filter(|&start| start <= self.len)
    }

    /// Is this the block handed out last? It is the one that ends where the free memory starts.
    fn is_last(&self, ptr: NonNull<u8>, layout: Layout) -> bool {
        let offset = ptr.addr().get().wrapping_sub(self.base.addr().get());
        Self::taken(layout.size()).and_then(|taken| offset.checked_add(taken)) == Some(self.next)
    }

    /// Changes the size in place; a free and a longer block are the same to this heap.
    fn resize(&mut self, ptr: NonNull<u8>, old: Layout, new_size: usize) -> Option<usize> {
        let (old_taken, taken) = (Self::taken(old.size())?, Self::taken(new_size)?);
        if !self.is_last(ptr, old) {
            // The gap in front of another block is not known any more.
            return (taken == old_taken && old.align() <= ALIGN).then_some(taken);
        }
        let end = (self.next - old_taken).checked_add(taken).filter(|&end| end <= self.len)?;
        self.next = end;
        Some(self.next - self.last)
    }
}

// SAFETY: blocks lie one behind the other in front of `next`, each at its alignment; nothing is
// written into them, and what was handed out is never handed out again.
unsafe impl RawHeap for Bump {
    unsafe fn init(memory: NonNull<[u8]>) -> Result<Self, InitError> {
        let len_bytes = memory.len();
        if len_bytes < ALIGN {
            return Err(InitError::TooSmall { len_bytes, needed_bytes: ALIGN });
        }
        Ok(Self { base: memory.cast(), len: len_bytes & !(ALIGN - 1), last: 0, next: 0 })
    }

    /// O(1).
    fn allocate(&mut self, layout: Layout) -> Option<Grant> {
        let start = self.start(layout.align())?;
        let end = start.checked_add(Self::taken(layout.size())?).filter(|&end| end <= self.len)?;
        let taken_bytes = end - self.next;
        (self.last, self.next) = (self.next, end);
        // SAFETY: the start is at most the end, which lies inside the memory.
        let ptr = unsafe { self.base.add(start) };
        Some(Grant { ptr, taken_bytes })
    }

    /// Gives nothing back. O(1).
    unsafe fn deallocate(&mut self, _ptr: NonNull<u8>, _layout: Layout) -> usize {
        0
    }

    /// Only the last block, and within what the last 8 bytes of another one leave over. O(1).
    unsafe fn grow(&mut self, ptr: NonNull<u8>, old: Layout, new_size: usize) -> Option<usize> {
        self.resize(ptr, old, new_size)
    }

    /// As [`grow`](RawHeap::grow). O(1).
    unsafe fn shrink(&mut self, ptr: NonNull<u8>, old: Layout, new_size: usize) -> Option<usize> {
        self.resize(ptr, old, new_size)
    }

    fn footprint_bytes(&self, layout: Layout) -> usize {
        Self::taken(layout.size()).unwrap_or(usize::MAX)
    }

    unsafe fn taken_bytes(&self, ptr: NonNull<u8>, layout: Layout) -> usize {
        if self.is_last(ptr, layout) { self.next - self.last } else { self.footprint_bytes(layout) }
    }

    /// O(1).
    fn largest_free(&self, align: usize) -> usize {
        self.start(align).map_or(0, |start| self.len - start)
    }

    fn walk(&self, visit: &mut dyn FnMut(Extent)) {
        if self.free_bytes() > 0 {
            visit(Extent {
                start_addr: self.base.addr().get() + self.next,
                len_bytes: self.free_bytes(),
                kind: ExtentKind::Free,
            });
        }
    }

    fn check(&self, cursor: &mut Cursor, _max_steps: usize) -> Result<Progress, Corruption> {
        if self.next > self.len || self.last > self.next || !self.next.is_multiple_of(ALIGN) {
            return Err(Corruption::Size {
                at_addr: self.base.addr().get(),
                actual_bytes: self.next,
                min_bytes: self.last,
                max_bytes: self.len,
            });
        }
        *cursor = Cursor { free_bytes: self.free_bytes(), ..Cursor::default() };
        Ok(Progress::Done)
    }
}
