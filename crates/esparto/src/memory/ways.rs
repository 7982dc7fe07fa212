//! How a memory speaks to the heap of a region: in two halves, so that a program that never asks how
//! things are does not have the code for it.

use core::alloc::Layout;
use core::ptr::NonNull;

use crate::heap::{Grant, Moved, RawHeap};

/// Makes a heap out of the pointer to its control block: what a memory does that asks how its heaps are.
pub type UsualHeap = fn(NonNull<()>) -> NonNull<dyn RawHeap>;

/// A [`UsualHeap`] of the type `H`.
#[must_use]
pub fn usual<H: RawHeap + 'static>(control: NonNull<()>) -> NonNull<dyn RawHeap> {
    control.cast::<H>()
}

/// What every program asks of a heap; the functions are those of [`RawHeap`].
pub(super) trait Ways {
    fn allocate(&mut self, layout: Layout) -> Option<Grant>;

    /// # Safety
    /// As for [`RawHeap::deallocate`].
    unsafe fn deallocate(&mut self, ptr: NonNull<u8>, layout: Layout) -> usize;

    /// # Safety
    /// As for [`RawHeap::grow`] and [`RawHeap::shrink`].
    unsafe fn resize(&mut self, ptr: NonNull<u8>, old: Layout, new_size: usize) -> Option<usize>;

    /// # Safety
    /// As for [`RawHeap::grow_moving`].
    unsafe fn grow_moving(
        &mut self,
        ptr: NonNull<u8>,
        old: Layout,
        new_size: usize,
    ) -> Option<Moved>;

    /// # Safety
    /// As for [`RawHeap::taken_bytes`].
    unsafe fn taken_bytes(&self, ptr: NonNull<u8>, layout: Layout) -> usize;

    fn settle(&mut self) -> bool;

    /// All the rest; `None` of a heap that is the memory's usual one.
    fn rare(&self) -> Option<UsualHeap>;
}

/// A heap with a lead in front of every block if `IS_LED`, and the memory's usual one if `IS_USUAL`.
#[repr(transparent)]
struct Way<H, const IS_LED: bool, const IS_USUAL: bool>(H);

impl<H: RawHeap + 'static, const IS_LED: bool, const IS_USUAL: bool> Ways
    for Way<H, IS_LED, IS_USUAL>
{
    fn allocate(&mut self, layout: Layout) -> Option<Grant> {
        if IS_LED { self.0.allocate_led(layout) } else { self.0.allocate(layout) }
    }

    unsafe fn deallocate(&mut self, ptr: NonNull<u8>, layout: Layout) -> usize {
        // SAFETY: passed on.
        unsafe { self.0.deallocate(ptr, layout) }
    }

    unsafe fn resize(&mut self, ptr: NonNull<u8>, old: Layout, new_size: usize) -> Option<usize> {
        // SAFETY: passed on.
        unsafe {
            if new_size >= old.size() {
                self.0.grow(ptr, old, new_size)
            } else {
                self.0.shrink(ptr, old, new_size)
            }
        }
    }

    unsafe fn grow_moving(
        &mut self,
        ptr: NonNull<u8>,
        old: Layout,
        new_size: usize,
    ) -> Option<Moved> {
        // With leads, in C firmware, it would bring more code than it is worth there.
        // SAFETY: passed on.
        if IS_LED { None } else { unsafe { self.0.grow_moving(ptr, old, new_size) } }
    }

    unsafe fn taken_bytes(&self, ptr: NonNull<u8>, layout: Layout) -> usize {
        // SAFETY: passed on.
        unsafe { self.0.taken_bytes(ptr, layout) }
    }

    fn settle(&mut self) -> bool {
        self.0.settle()
    }

    fn rare(&self) -> Option<UsualHeap> {
        if IS_USUAL { None } else { Some(usual::<H>) }
    }
}

/// A heap of a region, and how its blocks are handed out.
#[derive(Clone, Copy)]
pub(super) struct Manner {
    /// The heap's control block, at the region's start or in an internal region.
    pub(super) ways: NonNull<dyn Ways>,
    /// What the heap leaves in front of every block; 0 when it does not.
    pub(super) lead_bytes: usize,
}

impl Manner {
    /// Of a heap in a memory where some blocks know their size.
    pub(super) fn common<H: RawHeap + 'static>(heap: NonNull<H>) -> Self {
        Self { ways: heap.cast::<Way<H, false, false>>(), lead_bytes: 0 }
    }

    /// Of one in a memory where all do: in the heap's lead, if it has one.
    pub(super) fn led<H: RawHeap + 'static>(heap: NonNull<H>) -> Self {
        match H::lead_bytes() {
            0 => Self::common(heap),
            lead_bytes => Self { ways: heap.cast::<Way<H, true, false>>(), lead_bytes },
        }
    }

    /// The same of the usual heap of the memory.
    pub(super) fn usual<H: RawHeap + 'static>(heap: NonNull<H>) -> Self {
        match H::lead_bytes() {
            0 => Self { ways: heap.cast::<Way<H, false, true>>(), lead_bytes: 0 },
            lead_bytes => Self { ways: heap.cast::<Way<H, true, true>>(), lead_bytes },
        }
    }
}
