//! A heap that finds who writes where nothing is theirs.

use core::alloc::Layout;
use core::fmt;
use core::marker::PhantomData;
use core::ptr::NonNull;

use super::block::{Block, FRONT_BYTES, GRANULE_BYTES, TAIL_BYTES, front_bytes, outer};
use super::{Violation, ViolationLog};
use crate::heap::{Corruption, Cursor, Extent, ExtentKind, Grant, InitError, Progress, RawHeap};

/// What a guarded heap does, and where it says what it found.
pub trait Rules: 'static {
    /// Freed blocks wait before they are used again while they take no more than this together, so
    /// that a write after the free is noticed. A block larger than this does not wait.
    const QUARANTINE_BYTES: usize = 1024;

    /// What a fresh block is filled with: whoever reads it without having written sees this.
    const FRESH: u8 = 0xCD;

    /// What a freed block is filled with.
    const POISON: u8 = 0xDD;

    /// Where violations go.
    fn log() -> &'static ViolationLog;
}

/// The rules that hold if nobody says otherwise, with a log that all heaps share.
#[derive(Debug)]
pub enum Standard {}

impl Rules for Standard {
    fn log() -> &'static ViolationLog {
        static LOG: ViolationLog = ViolationLog::new();
        &LOG
    }
}

/// A heap with a guard around each block of `H`: canaries in front and behind, fresh and freed
/// memory filled, up to `HELD` freed blocks in quarantine, and frees that are wrong refused.
///
/// It is a heap like any other, so `memory.add::<Guarded<LinkedList>>(…)` is all it takes. What it
/// finds goes to the log of its [`Rules`], and names the block; a memory with a
/// [`Ledger`](super::Ledger) knows the owner and the place as well. Canaries are looked at when a
/// block is given back or resized, and by [`check`](RawHeap::check).
///
/// Quarantined blocks are free, but not to be had before [`settle`](RawHeap::settle) or later frees
/// let them go. Every operation costs a fill of the block besides what `H` costs; a wrong free
/// costs O(length of the heap / 256).
pub struct Guarded<H, R = Standard, const HELD: usize = 16> {
    heap: H,
    /// A bit for each place where a block can start: set while one is live.
    bits: NonNull<u32>,
    bits_bytes: usize,
    /// The memory of the heap, behind the bits.
    base: NonNull<u8>,
    len_bytes: usize,
    /// The blocks in quarantine: a ring.
    held: [Option<Held>; HELD],
    oldest: usize,
    held_count: usize,
    held_bytes: usize,
    rules: PhantomData<fn() -> R>,
}

// SAFETY: the pointers are to memory that is the guard's and the heap's alone, and moves along.
unsafe impl<H: Send, R, const HELD: usize> Send for Guarded<H, R, HELD> {}

/// A block in quarantine.
#[derive(Clone, Copy, Debug)]
struct Held {
    offset: usize,
    layout: Layout,
    taken_bytes: usize,
}

impl<H: RawHeap, R: Rules, const HELD: usize> Guarded<H, R, HELD> {
    /// What a block takes besides its own bytes, alignments up to 16 given.
    pub const BLOCK_OVERHEAD_BYTES: usize = FRONT_BYTES + TAIL_BYTES;

    const BITS_PER_WORD: usize = u32::BITS as usize;

    /// The heap inside.
    pub const fn inner(&self) -> &H {
        &self.heap
    }

    /// How many freed blocks are in quarantine.
    pub const fn held_count(&self) -> usize {
        self.held_count
    }

    /// Where a pointer is in the heap's memory, if a block can start there.
    fn offset_of(&self, ptr: NonNull<u8>) -> Option<usize> {
        let offset = ptr.addr().get().wrapping_sub(self.base.addr().get());
        let fits = (FRONT_BYTES..self.len_bytes).contains(&offset);
        (fits && offset.is_multiple_of(GRANULE_BYTES)).then_some(offset)
    }

    fn bit_of(&self, offset: usize) -> (NonNull<u32>, u32) {
        let index = offset / GRANULE_BYTES;
        // SAFETY: there is a bit for each granule of the memory.
        let word = unsafe { self.bits.add(index / Self::BITS_PER_WORD) };
        (word, 1 << (index % Self::BITS_PER_WORD))
    }

    fn is_live(&self, offset: usize) -> bool {
        let (word, bit) = self.bit_of(offset);
        // SAFETY: (guard invariant) the bits are initialised, and ours.
        unsafe { word.read() & bit != 0 }
    }

    fn set_live(&mut self, offset: usize, is_live: bool) {
        let (word, bit) = self.bit_of(offset);
        // SAFETY: as above, and `&mut self` excludes all other uses.
        unsafe { word.write(if is_live { word.read() | bit } else { word.read() & !bit }) };
    }

    fn block(&self, offset: usize) -> Block {
        // SAFETY: a multiple of the granule inside the memory with room in front, by `offset_of`
        // and the bits.
        unsafe { Block::new(self.base.add(offset)) }
    }

    /// The live block that a pointer is of; if there is none, says so in the log.
    fn find(&self, ptr: NonNull<u8>) -> Option<usize> {
        let live = self.offset_of(ptr).filter(|&offset| self.is_live(offset));
        if live.is_none() {
            R::log().put(self.explain(ptr.addr().get()));
        }
        live
    }

    /// What a pointer is that is not of a live block.
    #[cold]
    fn explain(&self, addr: usize) -> Violation {
        let base_addr = self.base.addr().get();
        let offset = addr.wrapping_sub(base_addr);
        if offset >= self.len_bytes {
            return Violation::Foreign { addr };
        }
        let is_in = |start: usize, layout: Layout| (start..start + layout.size()).contains(&offset);
        let mut held = self.held.iter().flatten();
        if let Some(held) = held.find(|held| is_in(held.offset, held.layout)) {
            return Violation::Repeated { block_addr: base_addr + held.offset };
        }
        let before = (0..=offset / GRANULE_BYTES)
            .rev()
            .map(|index| index * GRANULE_BYTES)
            .find(|&start| self.is_live(start));
        if let Some(start) = before
            && let Some(layout) = self.block(start).layout()
            && is_in(start, layout)
        {
            let (block_addr, size_bytes) = (base_addr + start, layout.size());
            return Violation::Interior { addr, block_addr, size_bytes };
        }
        Violation::Foreign { addr }
    }

    /// Looks at what is around a live block; returns its layout if that can be read.
    fn inspect(&self, offset: usize) -> (Option<Layout>, Result<(), Violation>) {
        let block = self.block(offset);
        match block.layout() {
            // SAFETY: a live block was surrounded with this layout.
            Some(layout) => (Some(layout), unsafe { block.check(layout.size()) }),
            None => (None, Err(block.header_violation())),
        }
    }

    /// Looks at a live block that is given back or resized as `given`; returns its true layout.
    fn examine(&self, offset: usize, given: Layout) -> Layout {
        let (layout, sound) = self.inspect(offset);
        if let Err(violation) = sound {
            R::log().put(violation);
        }
        let layout = layout.unwrap_or(given);
        if layout != given {
            R::log().put(Violation::Layout {
                block_addr: self.block(offset).addr(),
                expected_bytes: layout.size(),
                actual_bytes: given.size(),
                expected_align: layout.align(),
                actual_align: given.align(),
            });
        }
        layout
    }

    /// Puts a freed block into quarantine, or lets it go at once.
    fn hold(&mut self, held: Held) {
        if HELD == 0 || held.taken_bytes > R::QUARANTINE_BYTES {
            return self.release(held);
        }
        // Each turn lets one block go: at most `HELD` turns.
        while self.held_count == HELD || self.held_bytes + held.taken_bytes > R::QUARANTINE_BYTES {
            self.release_oldest();
        }
        self.held[(self.oldest + self.held_count) % HELD] = Some(held);
        self.held_count += 1;
        self.held_bytes += held.taken_bytes;
    }

    fn release_oldest(&mut self) -> bool {
        let Some(held) = self.held.get_mut(self.oldest).and_then(Option::take) else {
            return false;
        };
        self.oldest = (self.oldest + 1) % HELD;
        self.held_count -= 1;
        self.held_bytes -= held.taken_bytes;
        self.release(held);
        true
    }

    /// Gives a freed block back to the heap.
    fn release(&mut self, held: Held) {
        let Held { offset, layout, .. } = held;
        // SAFETY: the block was filled with poison when it was given back.
        if let Err(violation) = unsafe { self.block(offset).check_poison(layout.size(), R::POISON) }
        {
            R::log().put(violation);
        }
        if let Some((outer, front)) = outer(layout) {
            // SAFETY: the heap granted this much there, see `allocate`, and has it back once.
            unsafe { self.heap.deallocate(self.base.add(offset - front), outer) };
        }
    }
}

impl<H: fmt::Debug, R, const HELD: usize> fmt::Debug for Guarded<H, R, HELD> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "guarded {:?}, {} in quarantine", self.heap, self.held_count)
    }
}

// SAFETY: blocks are the inner part of blocks of the heap, which keeps the promise; what is written
// around them lies in those too, and the bits lie in memory that the heap does not have. Bytes of a
// block are written before it is handed out and after it is given back only.
unsafe impl<H: RawHeap, R: Rules, const HELD: usize> RawHeap for Guarded<H, R, HELD> {
    unsafe fn init(memory: NonNull<[u8]>) -> Result<Self, InitError> {
        let words = memory.len().div_ceil(GRANULE_BYTES * Self::BITS_PER_WORD);
        let bits_bytes = (words * size_of::<u32>()).next_multiple_of(GRANULE_BYTES);
        let len_bytes = memory.len().saturating_sub(bits_bytes);
        let with_bits = |error| match error {
            InitError::TooSmall { len_bytes, needed_bytes } => InitError::TooSmall {
                len_bytes: len_bytes + bits_bytes,
                needed_bytes: needed_bytes + bits_bytes,
            },
            InitError::TooLarge { len_bytes, limit_bytes } => InitError::TooLarge {
                len_bytes: len_bytes + bits_bytes,
                limit_bytes: limit_bytes + bits_bytes,
            },
        };
        if len_bytes == 0 {
            let needed_bytes = GRANULE_BYTES;
            return Err(with_bits(InitError::TooSmall { len_bytes: 0, needed_bytes }));
        }
        let bits = memory.cast::<u32>();
        // SAFETY: the memory was handed over, is aligned to 8 and longer than the bits.
        let base = unsafe {
            bits.write_bytes(0, bits_bytes / size_of::<u32>());
            memory.cast::<u8>().add(bits_bytes)
        };
        // SAFETY: the memory behind the bits is the heap's alone from here on; 8-aligned.
        let heap = unsafe { H::init(NonNull::slice_from_raw_parts(base, len_bytes)) };
        Ok(Self {
            heap: heap.map_err(with_bits)?,
            bits,
            bits_bytes,
            base,
            len_bytes,
            held: [None; HELD],
            oldest: 0,
            held_count: 0,
            held_bytes: 0,
            rules: PhantomData,
        })
    }

    fn allocate(&mut self, layout: Layout) -> Option<Grant> {
        let (outer, front) = outer(layout)?;
        u32::try_from(layout.size()).ok()?;
        let grant = self.heap.allocate(outer)?;
        let offset = grant.ptr.addr().get() - self.base.addr().get() + front;
        self.set_live(offset, true);
        let block = self.block(offset);
        // SAFETY: the grant is as long as the surroundings and the user's bytes together.
        unsafe {
            block.surround(layout);
            block.fill(0, layout.size(), R::FRESH);
        }
        // SAFETY: inside the memory.
        let ptr = unsafe { self.base.add(offset) };
        Some(Grant { ptr, taken_bytes: grant.taken_bytes })
    }

    /// Returns 0 when the pointer was refused.
    unsafe fn deallocate(&mut self, ptr: NonNull<u8>, layout: Layout) -> usize {
        let Some(offset) = self.find(ptr) else { return 0 };
        let layout = self.examine(offset, layout);
        let Some((outer, front)) = outer(layout) else { return 0 };
        // SAFETY: the heap granted this much there, see `allocate`.
        let taken_bytes = unsafe { self.heap.taken_bytes(self.base.add(offset - front), outer) };
        self.set_live(offset, false);
        // SAFETY: the block is this long, and nobody's any more.
        unsafe { self.block(offset).fill(0, layout.size(), R::POISON) };
        self.hold(Held { offset, layout, taken_bytes });
        taken_bytes
    }

    unsafe fn grow(&mut self, ptr: NonNull<u8>, old: Layout, new_size: usize) -> Option<usize> {
        // SAFETY: passed on.
        unsafe { self.resize(ptr, old, new_size) }
    }

    unsafe fn shrink(&mut self, ptr: NonNull<u8>, old: Layout, new_size: usize) -> Option<usize> {
        // SAFETY: passed on.
        unsafe { self.resize(ptr, old, new_size) }
    }

    fn footprint_bytes(&self, layout: Layout) -> usize {
        outer(layout).map_or(usize::MAX, |(outer, _)| self.heap.footprint_bytes(outer))
    }

    unsafe fn taken_bytes(&self, ptr: NonNull<u8>, layout: Layout) -> usize {
        let Some((outer, front)) = outer(layout) else { return 0 };
        // SAFETY: a live block of this layout, says the caller: the heap granted this much there.
        unsafe { self.heap.taken_bytes(ptr.sub(front), outer) }
    }

    fn largest_free(&self, align: usize) -> usize {
        let largest = self.heap.largest_free(align.max(GRANULE_BYTES));
        largest.saturating_sub(front_bytes(align) + TAIL_BYTES)
    }

    fn walk(&self, visit: &mut dyn FnMut(Extent)) {
        visit(Extent {
            start_addr: self.bits.addr().get(),
            len_bytes: self.bits_bytes,
            kind: ExtentKind::Bookkeeping,
        });
        self.heap.walk(visit);
    }

    fn crumb_bytes(&self) -> usize {
        self.heap.crumb_bytes() + self.held_bytes
    }

    fn settle(&mut self) -> bool {
        self.release_oldest() || self.heap.settle()
    }

    fn is_settled(&self) -> bool {
        self.held_count == 0 && self.heap.is_settled()
    }

    /// The live blocks first, one step for each 32 places where one can start, then the heap
    /// inside. A damaged block goes to the log as what it is.
    fn check(&self, cursor: &mut Cursor, max_steps: usize) -> Result<Progress, Corruption> {
        /// The list in which a cursor stands while it looks at live blocks.
        const BLOCKS: usize = usize::MAX;
        let mut left = max_steps;
        if (cursor.position, cursor.list, cursor.seen_count) == (0, 0, 0) {
            cursor.list = BLOCKS;
        }
        if cursor.list == BLOCKS {
            let words = self.len_bytes.div_ceil(GRANULE_BYTES * Self::BITS_PER_WORD);
            while cursor.position < words {
                if left == 0 {
                    return Ok(Progress::More);
                }
                self.check_word(cursor.position)?;
                cursor.position += 1;
                left -= 1;
            }
            // The heap inside needs a step to get off the beginning.
            if left == 0 {
                return Ok(Progress::More);
            }
            *cursor = Cursor { change_count: cursor.change_count, ..Cursor::default() };
        }
        let progress = self.heap.check(cursor, left)?;
        if progress == Progress::Done {
            cursor.free_bytes += self.held_bytes;
        }
        Ok(progress)
    }
}

impl<H: RawHeap, R: Rules, const HELD: usize> Guarded<H, R, HELD> {
    /// # Safety
    /// As for [`RawHeap::grow`] and [`RawHeap::shrink`].
    unsafe fn resize(&mut self, ptr: NonNull<u8>, old: Layout, new_size: usize) -> Option<usize> {
        let offset = self.find(ptr)?;
        if self.examine(offset, old) != old {
            return None;
        }
        let new = Layout::from_size_align(new_size, old.align()).ok()?;
        u32::try_from(new_size).ok()?;
        let ((old_outer, front), (new_outer, _)) = (outer(old)?, outer(new)?);
        // SAFETY: the heap granted this block with this layout, see `allocate`.
        let taken_bytes = unsafe {
            let inner = self.base.add(offset - front);
            if new_size >= old.size() {
                self.heap.grow(inner, old_outer, new_outer.size())?
            } else {
                self.heap.shrink(inner, old_outer, new_outer.size())?
            }
        };
        let block = self.block(offset);
        // SAFETY: the block is as long as its new surroundings; what is behind its old bytes is
        // nobody's yet.
        unsafe {
            if new_size > old.size() {
                block.fill(old.size(), new_size, R::FRESH);
            }
            block.surround(new);
        }
        Some(taken_bytes)
    }

    /// Looks at the live blocks of one word of the bits.
    fn check_word(&self, index: usize) -> Result<(), Corruption> {
        // SAFETY: callers stay below the count of words.
        let mut word = unsafe { self.bits.add(index).read() };
        while word != 0 {
            let place = index * Self::BITS_PER_WORD + word.trailing_zeros() as usize;
            word &= word - 1;
            if let (_, Err(violation)) = self.inspect(place * GRANULE_BYTES) {
                R::log().put(violation);
                return Err(corruption(violation));
            }
        }
        Ok(())
    }
}

/// A damaged block, in the terms of all heaps.
fn corruption(violation: Violation) -> Corruption {
    let at_addr = violation.block_addr();
    match violation {
        Violation::Overrun { expected, actual, .. }
        | Violation::Underrun { expected, actual, .. } => {
            Corruption::Mismatch { at_addr, expected: expected.into(), actual: actual.into() }
        }
        Violation::Header { size_word, check_word, .. } => Corruption::Mismatch {
            at_addr,
            expected: size_word as usize,
            actual: check_word as usize,
        },
        // Not found by a check.
        _ => Corruption::Mismatch { at_addr, expected: 0, actual: 0 },
    }
}
