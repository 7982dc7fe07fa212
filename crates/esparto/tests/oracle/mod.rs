//! The oracle that every heap is held against: a shadow map of what must be live, driven by one
//! `Op` enum, whatever makes the operations (chance, exhaustion, a fuzzer, a trace).
//!
//! Needs `alloc` and no more, so that the same oracle runs on an emulated core.

// Each test binary uses its own part of it.
#![allow(dead_code, unreachable_pub)]

extern crate alloc;

use alloc::alloc::{alloc_zeroed, dealloc};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::alloc::Layout;
use core::ptr::NonNull;

use esparto::heap::{Cursor, ExtendError, ExtentKind, Moved, Progress, RawHeap, carry};

/// One thing to do to a heap. Indices wrap around the live blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    Allocate { size: usize, align_log2: u8 },
    Deallocate { index: usize },
    Resize { index: usize, size: usize },
}

/// A live block: its layout, what it takes, and the byte it is filled with.
struct Live {
    ptr: NonNull<u8>,
    layout: Layout,
    taken_bytes: usize,
    fill: u8,
}

/// What an alignment costs depends on where the memory lies: on a host it always begins this far behind
/// an address of [`ALIGN`], so that every run sees the same. A chip's memory is where it is.
const LEAD_BYTES: usize = if cfg!(target_os = "none") { 0 } else { 64 };
const ALIGN: usize = if cfg!(target_os = "none") { 64 } else { 1 << 16 };

/// A heap over memory of its own, and what must be true of it.
pub struct Oracle<H: RawHeap> {
    pub heap: H,
    memory: NonNull<u8>,
    len_bytes: usize,
    /// The parts of the memory that the heap was given: from where, how long.
    stretches: Vec<(usize, usize)>,
    bookkeeping_bytes: usize,
    live: BTreeMap<usize, Live>,
    /// What was given back and is free again, and what a heap that never frees kept.
    returned_bytes: usize,
    kept_bytes: usize,
    fills: u8,
}

impl<H: RawHeap> Oracle<H> {
    pub fn new(len_bytes: usize) -> Self {
        Self::on_part(len_bytes, 0, len_bytes)
    }

    /// On `part_bytes` from `offset` on of a memory of `len_bytes`; [`extend`](Self::extend) adds
    /// others.
    pub fn on_part(len_bytes: usize, offset: usize, part_bytes: usize) -> Self {
        assert!(offset + part_bytes <= len_bytes);
        // SAFETY: the size is not zero, and has room for the lead.
        let memory = unsafe {
            NonNull::new(alloc_zeroed(memory_layout(len_bytes))).unwrap().add(LEAD_BYTES)
        };
        // SAFETY: the memory was allocated for this heap alone.
        let (part, heap) = unsafe {
            let part = memory.add(offset);
            (part, H::init(NonNull::slice_from_raw_parts(part, part_bytes)).unwrap())
        };
        let mut oracle = Self {
            heap,
            memory,
            len_bytes,
            stretches: alloc::vec![(part.addr().get(), part_bytes)],
            bookkeeping_bytes: 0,
            live: BTreeMap::new(),
            returned_bytes: 0,
            kept_bytes: 0,
            fills: 0,
        };
        oracle.bookkeeping_bytes = part_bytes - oracle.free_bytes();
        oracle
    }

    /// Adds a part of the memory that the heap does not have yet.
    pub fn extend(&mut self, offset: usize, len_bytes: usize) -> Result<(), ExtendError> {
        assert!(offset + len_bytes <= self.len_bytes);
        let free_before = self.free_bytes();
        // SAFETY: the part lies in the memory; the test names each byte once.
        let (part, added) = unsafe {
            let part = self.memory.add(offset);
            (part, self.heap.extend(NonNull::slice_from_raw_parts(part, len_bytes)))
        };
        let gained = self.free_bytes() - free_before;
        assert_eq!(gained, added.unwrap_or(0), "not what it says it gained");
        added?;
        self.stretches.push((part.addr().get(), len_bytes));
        self.bookkeeping_bytes += len_bytes - gained;
        assert!(len_bytes - gained <= 32 + len_bytes / 64, "{gained} of {len_bytes} are free");
        Ok(())
    }

    /// Whether all of this lies in the heap's memory; stretches that touch count as one.
    fn is_inside(&self, start: usize, len: usize) -> bool {
        let mut at = start;
        while at < start + len {
            let holds = |&&(from, bytes): &&(usize, usize)| at >= from && at < from + bytes;
            let Some(&(from, bytes)) = self.stretches.iter().find(holds) else { return false };
            at = from + bytes;
        }
        true
    }

    pub fn live_count(&self) -> usize {
        self.live.len()
    }

    pub fn free_bytes(&self) -> usize {
        let mut sum = self.heap.crumb_bytes();
        self.heap.walk(&mut |extent| {
            if extent.kind == ExtentKind::Free {
                sum += extent.len_bytes;
            }
        });
        sum
    }

    /// Does one operation and holds the block concerned against the shadow. Returns whether the
    /// heap could do it.
    pub fn apply(&mut self, op: Op) -> bool {
        match op {
            Op::Allocate { size, align_log2 } => self.allocate(size, 1 << align_log2),
            Op::Deallocate { index } => self.deallocate(index),
            Op::Resize { index, size } => self.resize(index, size),
        }
    }

    fn allocate(&mut self, size: usize, align: usize) -> bool {
        let Ok(layout) = Layout::from_size_align(size.max(1), align) else { return false };
        // A walk of all free blocks: too much for Miri before every allocation.
        let largest = (!cfg!(miri) || self.live.len() < 4).then(|| self.heap.largest_free(align));
        let is_settled = self.heap.is_settled();
        let Some(grant) = self.heap.allocate(layout) else {
            // A heap may pass over a block, but never one that it called allocatable itself.
            assert_ne!(largest, Some(layout.size()), "refused what largest_free promised");
            return false;
        };
        if let Some(largest) = largest {
            // One that had put something off may catch up on it, and then grant more.
            let is_promised = layout.size() <= largest || !is_settled;
            assert!(is_promised, "granted {layout:?} of at most {largest}");
        }
        assert!(grant.taken_bytes >= layout.size());
        self.adopt(grant.ptr, layout, grant.taken_bytes);
        true
    }

    fn adopt(&mut self, ptr: NonNull<u8>, layout: Layout, taken_bytes: usize) {
        let addr = ptr.addr().get();
        assert!(addr.is_multiple_of(layout.align()), "{addr:#x} is not aligned to {layout:?}");
        assert!(self.is_inside(addr, layout.size()), "{addr:#x} is outside");
        if let Some((before, live)) = self.live.range(..=addr).next_back() {
            assert!(before + live.layout.size() <= addr, "overlaps the block before");
        }
        if let Some((behind, _)) = self.live.range(addr..).next() {
            assert!(addr + layout.size() <= *behind, "overlaps the block behind");
        }
        self.fills = self.fills.wrapping_add(1);
        let fill = self.fills;
        // SAFETY: the block is live and this long.
        unsafe { ptr.write_bytes(fill, layout.size()) };
        self.live.insert(addr, Live { ptr, layout, taken_bytes, fill });
    }

    fn pick(&mut self, index: usize) -> Option<Live> {
        let addr = *self.live.keys().nth(index.checked_rem(self.live.len())?)?;
        let live = self.live.remove(&addr)?;
        Self::assert_filled(&live, live.layout.size());
        Some(live)
    }

    fn assert_filled(live: &Live, len: usize) {
        // SAFETY: the block is live, this long and filled.
        let bytes = unsafe { NonNull::slice_from_raw_parts(live.ptr, len).as_ref() };
        // Miri sees every stray access by itself; the ends are enough there, and a hundred times
        // faster.
        let ends = if cfg!(miri) { 8.min(len) } else { len };
        let (first, last) = (&bytes[..ends], &bytes[len - ends..]);
        let is_filled = |bytes: &[u8]| bytes.iter().all(|&byte| byte == live.fill);
        assert!(is_filled(first) && is_filled(last), "block at {:?} was written", live.ptr);
    }

    fn deallocate(&mut self, index: usize) -> bool {
        let Some(live) = self.pick(index) else { return false };
        // SAFETY: the shadow holds it: live, with this layout.
        let given = unsafe { self.heap.deallocate(live.ptr, live.layout) };
        if given == 0 {
            self.kept_bytes += live.taken_bytes;
        } else {
            assert_eq!(given, live.taken_bytes, "gave back what it did not take");
            self.returned_bytes += given;
        }
        assert!(
            self.kept_bytes == 0 || self.returned_bytes == 0,
            "frees some blocks and not others"
        );
        true
    }

    fn resize(&mut self, index: usize, size: usize) -> bool {
        let Some(mut live) = self.pick(index) else { return false };
        let size = size.max(1);
        let new = Layout::from_size_align(size, live.layout.align()).unwrap();
        let kept = size.min(live.layout.size());
        // SAFETY: the shadow holds it: live, with this layout.
        let taken = unsafe {
            if size >= live.layout.size() {
                self.heap.grow(live.ptr, live.layout, size)
            } else {
                self.heap.shrink(live.ptr, live.layout, size)
            }
        };
        if taken.is_some() {
            Self::assert_filled(&live, kept);
        }
        if taken.is_none() && size > kept {
            // SAFETY: as above.
            let moved = unsafe { self.heap.grow_moving(live.ptr, live.layout, size) };
            if let Some(moved) = moved {
                self.finish_move(live, new, moved);
                return true;
            }
        }
        let (layout, taken_bytes) = match taken {
            Some(taken_bytes) => (new, taken_bytes),
            None => (live.layout, live.taken_bytes),
        };
        live.layout = layout;
        self.adopt(live.ptr, layout, taken_bytes);
        taken.is_some()
    }

    /// Carries a block to where the heap found a place for it.
    fn finish_move(&mut self, mut live: Live, new: Layout, moved: Moved) {
        let len = live.layout.size();
        Self::assert_filled(&live, len);
        let (from, to) = (live.ptr, moved.grant.ptr);
        if moved.is_over_old {
            assert!(to < from, "{to:?} is not in front of {from:?}");
            let end = to.addr().get() + moved.grant.taken_bytes;
            assert!(end >= from.addr().get() + len, "the block does not take in the old one");
        } else {
            let (first, last) = (to.min(from).addr().get(), to.max(from).addr().get());
            let first_len = if to < from { new.size() } else { len };
            assert!(first + first_len <= last, "two live blocks overlap");
        }
        // SAFETY: the heap says that the contents may go there; both are this long.
        unsafe { carry(from, to, len) };
        live.ptr = to;
        Self::assert_filled(&live, len);
        if moved.is_over_old {
            self.returned_bytes += live.taken_bytes;
        } else {
            // SAFETY: the old block is live still, with this layout.
            let given = unsafe { self.heap.deallocate(from, live.layout) };
            assert_eq!(given, live.taken_bytes, "gave back what it did not take");
            self.returned_bytes += given;
            Self::assert_filled(&live, len);
        }
        self.adopt(to, new, moved.grant.taken_bytes);
    }

    /// Everything that must hold between two operations.
    pub fn assert_sound(&self) {
        for live in self.live.values() {
            Self::assert_filled(live, live.layout.size());
        }
        let mut stretches: Vec<(usize, usize)> = Vec::new();
        self.heap.walk(&mut |extent| stretches.push((extent.start_addr, extent.len_bytes)));
        for (&addr, live) in &self.live {
            stretches.push((addr, live.layout.size()));
        }
        stretches.sort_unstable();
        for pair in stretches.windows(2) {
            assert!(pair[0].0 + pair[0].1 <= pair[1].0, "{pair:x?} overlap");
        }
        for &(from, bytes) in &stretches {
            assert!(self.is_inside(from, bytes), "{from:#x} is outside");
        }
        let live_bytes: usize = self.live.values().map(|live| live.taken_bytes).sum();
        assert_eq!(
            self.free_bytes() + live_bytes + self.kept_bytes + self.bookkeeping_bytes,
            self.stretches.iter().map(|stretch| stretch.1).sum(),
            "free + live + bookkeeping is not the whole"
        );
        self.assert_checked();
    }

    /// The same after each operation of a sequence. For Miri, which sees every stray access by itself
    /// and is some hundred times slower, once at the end of the sequence is enough.
    pub fn assert_sound_between(&self) {
        if !cfg!(miri) {
            self.assert_sound();
        }
    }

    /// `check` ends, in steps as small as they get, and finds nothing.
    pub fn assert_checked(&self) {
        let mut cursor = Cursor::default();
        let step = if cfg!(miri) { 32 } else { 1 };
        for _ in 0..=self.len_bytes {
            match self.heap.check(&mut cursor, step) {
                Ok(Progress::Done) => return,
                Ok(Progress::More) => {}
                Err(corruption) => panic!("{corruption}"),
            }
        }
        panic!("check does not end");
    }

    /// Gives everything back; the heap must be whole again.
    pub fn drain(&mut self) {
        while self.deallocate(0) {}
        self.assert_sound();
    }
}

impl<H: RawHeap> Drop for Oracle<H> {
    fn drop(&mut self) {
        // SAFETY: allocated in `new` with this layout; the heap is not used again.
        unsafe { dealloc(self.memory.sub(LEAD_BYTES).as_ptr(), memory_layout(self.len_bytes)) }
    }
}

/// What is allocated for `len_bytes` of memory.
fn memory_layout(len_bytes: usize) -> Layout {
    Layout::from_size_align(LEAD_BYTES + len_bytes, ALIGN).unwrap()
}

/// Runs every sequence of `ops` of length `depth` on a fresh heap of `len_bytes`, checking after
/// each operation. Returns how many sequences there were.
pub fn exhaust<H: RawHeap>(len_bytes: usize, ops: &[Op], depth: u32) -> usize {
    let count = ops.len().pow(depth);
    for number in 0..count {
        let mut oracle = Oracle::<H>::new(len_bytes);
        let mut rest = number;
        for _ in 0..depth {
            oracle.apply(ops[rest % ops.len()]);
            oracle.assert_sound_between();
            rest /= ops.len();
        }
        oracle.drain();
    }
    count
}

/// Chance, as proptest makes it and shrinks what it finds. Test binaries have proptest, others that
/// take this oracle do not.
#[cfg(test)]
pub mod random;
