//! The linked-list heap: free blocks chained through themselves, nothing in live ones.
//!
//! ```text
//!   head ──▶ ┌──────┬──────┬─────────────┐   ┌──────┬──────┬───────┐
//!            │ size │ next │    free     │ ┌▶│ size │ NIL  │ free  │
//!            └──────┴──┬───┴─────────────┘ │ └──────┴──────┴───────┘
//!                      └───────────────────┘
//! ```
//!
//! - Starts as one block over all memory; the head points to the first free block.
//! - A request is carved from the start of the block that fits; what is left over stays in the
//!   list in its place and is never smaller than a node: a block that would leave less is passed
//!   over.
//! - A freed block is pushed to the front, in a handful of instructions. The list is therefore in
//!   no order, and neighbours are merged later: when a request fails, the list is sorted by
//!   address (bottom-up merge sort, no recursion) and runs of neighbours become one block each.
//!
//! `allocate` is O(free blocks), and O(n log n) when it merges; `deallocate` is O(1). Links and
//! sizes are 32-bit offsets, so that a replay on a 64-bit host places every block exactly where a
//! 32-bit chip does.
//!
//! What the short free costs: under churn live blocks spread over the whole region, because the
//! block freed last is used first, wherever it lies, and neighbours stay apart until a request
//! fails. The list grows long meanwhile, and now and then one request sorts all of it. With sizes
//! of 1 to 64 bytes, of which 26,000 bytes are live in 64 KiB, `allocate` takes 4,497 instructions on
//! average and 596,392 at worst (`cargo xtask bench`, RV32IMC). It is a heap for few blocks, and one
//! to learn from; [`Heap`](super::Heap) is short and bounded in every state.
//!
//! After the "linked list allocator" of P. Oppermann, *Writing an OS in Rust*,
//! which keeps the same list and merges nothing.

use core::alloc::Layout;
use core::marker::PhantomData;
use core::ptr::NonNull;

use super::{Corruption, Cursor, Extent, ExtentKind, Grant, InitError, Progress, RawHeap};

/// Which of the fitting blocks is taken.
pub trait Fit: 'static {
    /// Look at all of them and take the smallest?
    const BEST: bool;
}

/// The first in the list: the shorter search.
#[derive(Debug)]
pub struct FirstFit;
/// The smallest: a search of the whole list, unless one fits exactly.
#[derive(Debug)]
pub struct BestFit;

impl Fit for FirstFit {
    const BEST: bool = false;
}
impl Fit for BestFit {
    const BEST: bool = true;
}

/// Whether neighbours become one block again.
pub trait Merge: 'static {
    /// Merge before a request fails?
    const ON: bool;
}

/// Before a request fails, all neighbours are merged and it is tried once more.
#[derive(Debug)]
pub struct Merging;
/// Blocks keep the sizes that they were cut to.
#[derive(Debug)]
pub struct NoMerging;

impl Merge for Merging {
    const ON: bool = true;
}
impl Merge for NoMerging {
    const ON: bool = false;
}

/// Whether a free block states its own address.
pub trait Address: 'static {
    /// What is stored in the node.
    type Field: Copy;
    /// The field for a node at `offset`.
    fn field(offset: u32) -> Self::Field;
    /// What the field says, if it says anything.
    fn stated(field: Self::Field) -> Option<u32>;
}

/// The address is where the block is: 8 bytes a node.
#[derive(Debug)]
pub struct Derived;
/// The node carries its address too: 12 bytes, and a check can tell a node from stray data.
#[derive(Debug)]
pub struct Carried;

impl Address for Derived {
    type Field = ();
    fn field(_offset: u32) {}
    fn stated((): ()) -> Option<u32> {
        None
    }
}
impl Address for Carried {
    type Field = u32;
    fn field(offset: u32) -> u32 {
        offset
    }
    fn stated(field: u32) -> Option<u32> {
        Some(field)
    }
}

/// The head of a free block.
#[repr(C)]
struct Node<F> {
    size: u32,
    next: u32,
    addr: F,
}

/// The end of the list. No block starts there: a heap is shorter than that.
const NIL: u32 = u32::MAX;
/// Blocks start and end at multiples of the 32-bit word.
const WORD: u32 = 4;

/// The linked-list heap. See the [module](self) for how it works.
#[derive(Debug)]
pub struct LinkedList<F: Fit = FirstFit, M: Merge = Merging, A: Address = Derived> {
    base: NonNull<u8>,
    len: u32,
    head: u32,
    epoch: u32,
    policy: PhantomData<(F, M, A)>,
}

/// A place found for a request.
struct Place {
    /// The node in front in the list, or [`NIL`] for the head.
    prev: u32,
    /// The free block.
    node: u32,
    /// Where the block will start.
    start: u32,
}

impl<F: Fit, M: Merge, A: Address> LinkedList<F, M, A> {
    /// The smallest block.
    const NODE: u32 = size_of::<Node<A::Field>>() as u32;
    const _WORDS: () = assert!(Self::NODE.is_multiple_of(WORD));

    /// Sorts the free list by address and merges each run of neighbours.
    ///
    /// O(n log n) in the free blocks, no extra memory. [`allocate`](RawHeap::allocate) does this
    /// by itself when merging is on and nothing fits; an idle task may do it earlier.
    pub fn coalesce(&mut self) {
        self.epoch = self.epoch.wrapping_add(1);
        self.head = self.sorted(self.head);
        let mut node = self.head;
        while node != NIL {
            let next = self.next(node);
            if next != NIL && node + self.size(node) == next {
                self.write(node, self.size(node) + self.size(next), self.next(next));
            } else {
                node = next;
            }
        }
    }

    /// Bottom-up merge sort: runs of 1, 2, 4, … blocks are merged pairwise until one is left.
    fn sorted(&mut self, mut list: u32) -> u32 {
        let mut run_count = 1u32;
        loop {
            let (mut head, mut tail, mut merges) = (NIL, NIL, 0u32);
            let mut left = list;
            while left != NIL {
                merges += 1;
                let (mut right, mut left_count) = (left, 0);
                while left_count < run_count && right != NIL {
                    right = self.next(right);
                    left_count += 1;
                }
                let mut right_count = run_count;
                loop {
                    let right_over = right_count == 0 || right == NIL;
                    if left_count == 0 && right_over {
                        break;
                    }
                    let take_left = left_count != 0 && (right_over || left < right);
                    let taken = if take_left { left } else { right };
                    if take_left {
                        left = self.next(left);
                        left_count -= 1;
                    } else {
                        right = self.next(right);
                        right_count -= 1;
                    }
                    if tail == NIL {
                        head = taken;
                    } else {
                        self.set_next(tail, taken);
                    }
                    tail = taken;
                }
                left = right;
            }
            if tail != NIL {
                self.set_next(tail, NIL);
            }
            if merges <= 1 {
                return head;
            }
            list = head;
            run_count = run_count.saturating_mul(2);
        }
    }

    fn node(&self, offset: u32) -> *mut Node<A::Field> {
        debug_assert!(offset.is_multiple_of(WORD) && offset <= self.len - Self::NODE);
        // SAFETY: (invariant: every offset in the list is a word-aligned place inside the memory
        // with room for a node) the sum stays inside the memory given at `init`.
        unsafe { self.base.add(offset as usize).cast().as_ptr() }
    }

    fn size(&self, node: u32) -> u32 {
        // SAFETY: (list invariant) a node in the list is initialised and nobody else's.
        unsafe { (*self.node(node)).size }
    }

    fn next(&self, node: u32) -> u32 {
        // SAFETY: (list invariant) as in `size`.
        unsafe { (*self.node(node)).next }
    }

    fn set_next(&mut self, node: u32, next: u32) {
        // SAFETY: (list invariant) as in `size`; `&mut self` excludes other users.
        unsafe { (*self.node(node)).next = next }
    }

    /// Makes the free memory at `offset` a node.
    fn write(&mut self, offset: u32, size: u32, next: u32) {
        debug_assert!(size >= Self::NODE);
        // SAFETY: the caller says that `size >= NODE` bytes there are free and in no other node.
        unsafe { self.node(offset).write(Node { size, next, addr: A::field(offset) }) }
    }

    /// Lets the list lead to `to` behind `prev`.
    fn link(&mut self, prev: u32, to: u32) {
        if prev == NIL {
            self.head = to;
        } else {
            self.set_next(prev, to);
        }
    }

    /// Rounds a size to what a block of it takes; `None` when no heap is that large.
    fn taken(size: usize) -> Option<u32> {
        u32::try_from(size).ok()?.checked_next_multiple_of(WORD).map(|size| size.max(Self::NODE))
    }

    /// May this much be left over?
    fn may_remain(rest: u32) -> bool {
        rest == 0 || rest >= Self::NODE
    }

    /// Where in a free stretch a block could start: at its start, or at the first aligned place
    /// that leaves a node in front.
    fn start_in(&self, offset: u32, align: usize) -> Option<u32> {
        let addr = self.base.addr().get() + offset as usize;
        let gap = addr.wrapping_neg() & (align - 1);
        let gap = if Self::may_remain(u32::try_from(gap).ok()?) {
            gap
        } else {
            addr.checked_add(Self::NODE as usize)?.checked_next_multiple_of(align)? - addr
        };
        offset.checked_add(u32::try_from(gap).ok()?)
    }

    /// The block's start if a block of `size` fits a free stretch, and what is left behind it.
    fn fit(&self, offset: u32, len: u32, size: u32, align: usize) -> Option<(u32, u32)> {
        let start = self.start_in(offset, align)?;
        let rest = len.checked_sub(start - offset)?.checked_sub(size)?;
        Self::may_remain(rest).then_some((start, rest))
    }

    fn find(&self, size: u32, align: usize) -> Option<Place> {
        let mut best: Option<(u32, Place)> = None;
        let (mut prev, mut node) = (NIL, self.head);
        while node != NIL {
            let len = self.size(node);
            // Only a smaller block than the best so far is worth a closer look.
            if best.as_ref().is_none_or(|(best_len, _)| len < *best_len)
                && let Some((start, _)) = self.fit(node, len, size, align)
            {
                best = Some((len, Place { prev, node, start }));
                if !F::BEST || len == size {
                    break;
                }
            }
            (prev, node) = (node, self.next(node));
        }
        best.map(|(_, place)| place)
    }

    /// Cuts `size` bytes out of a free block.
    fn carve(&mut self, place: &Place, size: u32) {
        let Place { prev, node, start } = *place;
        let (end, next) = (node + self.size(node), self.next(node));
        let behind = if start + size == end {
            next
        } else {
            self.write(start + size, end - (start + size), next);
            start + size
        };
        if start == node {
            self.link(prev, behind);
        } else {
            self.write(node, start - node, behind);
        }
    }

    /// The free block that starts at `offset`, and the one in front of it in the list.
    fn find_at(&self, offset: u32) -> Option<(u32, u32)> {
        let (mut prev, mut node) = (NIL, self.head);
        while node != NIL && node != offset {
            (prev, node) = (node, self.next(node));
        }
        (node != NIL).then_some((prev, node))
    }

    /// Does a free block end where this one starts?
    fn any_ends_at(&self, offset: u32) -> bool {
        let mut node = self.head;
        while node != NIL && node + self.size(node) != offset {
            node = self.next(node);
        }
        node != NIL
    }

    /// The offset of a block that the user holds. Our own pointer is the one with provenance over
    /// all of the memory.
    fn offset_of(&self, ptr: NonNull<u8>) -> u32 {
        let offset = ptr.addr().get().wrapping_sub(self.base.addr().get());
        debug_assert!(offset < self.len as usize, "a block of another heap");
        offset as u32
    }

    /// Visits all free blocks as long as the links are sound.
    fn each_free(&self, mut visit: impl FnMut(u32, u32)) {
        let mut node = self.head;
        for _ in 0..self.node_limit() {
            if self.check_link(0, node).is_err() || node == NIL {
                return;
            }
            visit(node, self.size(node));
            node = self.next(node);
        }
    }

    /// The most free blocks there can be.
    fn node_limit(&self) -> u32 {
        self.len / Self::NODE
    }

    /// Can `link` be followed?
    fn check_link(&self, at_addr: usize, link: u32) -> Result<(), Corruption> {
        let link_addr = self.base.addr().get().wrapping_add(link as usize);
        if link == NIL {
            Ok(())
        } else if link > self.len - Self::NODE {
            Err(Corruption::LinkOutside { at_addr, link_addr })
        } else if !link.is_multiple_of(WORD) {
            Err(Corruption::Misaligned { at_addr: link_addr, align_bytes: WORD as usize })
        } else {
            Ok(())
        }
    }
}

// SAFETY: the blocks handed out are carved from free stretches, which overlap nothing; nodes are
// written into free stretches only.
unsafe impl<F: Fit, M: Merge, A: Address> RawHeap for LinkedList<F, M, A> {
    unsafe fn init(memory: NonNull<[u8]>) -> Result<Self, InitError> {
        let () = Self::_WORDS;
        let len_bytes = memory.len();
        if len_bytes < Self::NODE as usize {
            return Err(InitError::TooSmall { len_bytes, needed_bytes: Self::NODE as usize });
        }
        let limit = NIL - Self::NODE;
        let Some(len) = u32::try_from(len_bytes).ok().filter(|&len| len <= limit) else {
            return Err(InitError::TooLarge { len_bytes, limit_bytes: limit as usize });
        };
        let len = len & !(WORD - 1);
        let mut heap = Self { base: memory.cast(), len, head: NIL, epoch: 0, policy: PhantomData };
        heap.write(0, len, NIL);
        heap.head = 0;
        Ok(heap)
    }

    fn allocate(&mut self, layout: Layout) -> Option<Grant> {
        let size = Self::taken(layout.size())?;
        let mut place = self.find(size, layout.align());
        if place.is_none() && M::ON {
            self.coalesce();
            place = self.find(size, layout.align());
        }
        let place = place?;
        self.epoch = self.epoch.wrapping_add(1);
        self.carve(&place, size);
        // SAFETY: (list invariant) the place lies inside the memory.
        let ptr = unsafe { self.base.add(place.start as usize) };
        Some(Grant { ptr, taken_bytes: size as usize })
    }

    unsafe fn deallocate(&mut self, ptr: NonNull<u8>, layout: Layout) -> usize {
        let offset = self.offset_of(ptr);
        let size = self.footprint_bytes(layout);
        self.epoch = self.epoch.wrapping_add(1);
        self.write(offset, size as u32, self.head);
        self.head = offset;
        size
    }

    unsafe fn grow(&mut self, ptr: NonNull<u8>, old: Layout, new_size: usize) -> Option<usize> {
        let (old_taken, taken) = (Self::taken(old.size())?, Self::taken(new_size)?);
        if taken == old_taken {
            return Some(taken as usize);
        }
        let end = self.offset_of(ptr) + old_taken;
        let (prev, node) = self.find_at(end)?;
        let rest = self.size(node).checked_sub(taken - old_taken)?;
        if !Self::may_remain(rest) {
            return None;
        }
        self.epoch = self.epoch.wrapping_add(1);
        self.carve(&Place { prev, node, start: node }, taken - old_taken);
        Some(taken as usize)
    }

    unsafe fn shrink(&mut self, ptr: NonNull<u8>, old: Layout, new_size: usize) -> Option<usize> {
        let (old_taken, taken) = (Self::taken(old.size())?, Self::taken(new_size)?);
        let (start, rest) = (self.offset_of(ptr), old_taken - taken);
        if rest >= Self::NODE {
            self.write(start + taken, rest, self.head);
            self.head = start + taken;
        } else if rest != 0 {
            // Too small by itself: the free block behind takes it, if there is one.
            let (prev, node) = self.find_at(start + old_taken)?;
            self.write(start + taken, rest + self.size(node), self.next(node));
            self.link(prev, start + taken);
        }
        self.epoch = self.epoch.wrapping_add(1);
        Some(taken as usize)
    }

    fn footprint_bytes(&self, layout: Layout) -> usize {
        Self::taken(layout.size()).map_or(usize::MAX, |size| size as usize)
    }

    /// O(n²) in the free blocks when merging is on: each run of neighbours is followed once, from
    /// its first block, in a list that is in no order.
    fn largest_free(&self, align: usize) -> usize {
        let mut largest = 0;
        self.each_free(|node, size| {
            let mut end = node + size;
            if M::ON {
                if self.any_ends_at(node) {
                    return;
                }
                while let Some((_, behind)) = self.find_at(end) {
                    end += self.size(behind);
                }
            }
            if let Some(start) = self.start_in(node, align) {
                let size = end.saturating_sub(start);
                largest = if size < Self::NODE { largest } else { largest.max(size) };
            }
        });
        largest as usize
    }

    fn walk(&self, visit: &mut dyn FnMut(Extent)) {
        let base_addr = self.base.addr().get();
        self.each_free(|node, size| {
            visit(Extent {
                start_addr: base_addr + node as usize,
                len_bytes: size as usize,
                kind: ExtentKind::Free,
            });
        });
    }

    fn check(&self, cursor: &mut Cursor, max_steps: usize) -> Result<Progress, Corruption> {
        if cursor.position == 0 || cursor.epoch != self.epoch {
            *cursor = Cursor::default();
        }
        let base_addr = self.base.addr().get();
        // The cursor keeps the offset plus one.
        let mut node = match cursor.position {
            0 => self.head,
            position => (position - 1) as u32,
        };
        let mut at_addr = 0;
        for _ in 0..max_steps {
            self.check_link(at_addr, node)?;
            if node == NIL {
                let free_bytes = cursor.free_bytes;
                *cursor = Cursor { free_bytes, ..Cursor::default() };
                return Ok(Progress::Done);
            }
            at_addr = base_addr + node as usize;
            cursor.seen_count += 1;
            if cursor.seen_count > self.node_limit() as usize {
                let limit_count = self.node_limit() as usize;
                return Err(Corruption::Cycle { at_addr, limit_count });
            }
            let (size, limit) = (self.size(node), self.len - node);
            if size < Self::NODE || size > limit || !size.is_multiple_of(WORD) {
                return Err(Corruption::Size {
                    at_addr,
                    actual_bytes: size as usize,
                    min_bytes: Self::NODE as usize,
                    max_bytes: limit as usize,
                });
            }
            // SAFETY: (list invariant) the link was checked, so the node lies inside the memory.
            if let Some(stated) = A::stated(unsafe { (*self.node(node)).addr })
                && stated != node
            {
                let (expected, actual) = (node as usize, stated as usize);
                return Err(Corruption::Mismatch { at_addr, expected, actual });
            }
            cursor.free_bytes += size as usize;
            node = self.next(node);
        }
        // `NIL` wraps to the position 0 only on 32 bits: finish such a list at once.
        if node == NIL {
            let free_bytes = cursor.free_bytes;
            *cursor = Cursor { free_bytes, ..Cursor::default() };
            return Ok(Progress::Done);
        }
        *cursor = Cursor { position: node as usize + 1, epoch: self.epoch, ..*cursor };
        Ok(Progress::More)
    }
}
