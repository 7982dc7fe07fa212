//! The stretches of memory that a heap has: the one it started on, and those added.
//!
//! A stretch that was added begins with two words: the stretch added before, and its own end. Then
//! come blocks, as in the first one; its last byte is a tag that says "live". The first stretch has no
//! words: its end stands where the link to it would.

use core::ptr::NonNull;

use super::Preset;
use super::bits::least_granules;
use super::control::{Control, FIRST, LIVE, MOST, STRETCHES};
use crate::heap::ExtendError;

/// The two words.
const WORDS: usize = 8;

/// A stretch.
#[derive(Clone, Copy)]
pub(super) struct Stretch {
    /// Its first byte.
    pub(super) start_addr: usize,
    /// Where its first block can be.
    pub(super) first_addr: usize,
    /// Where the block behind its last one would be.
    pub(super) end: *mut u8,
    /// The word that holds its end, and what is added to it there.
    end_at: *mut u8,
    mark: usize,
}

impl<P: Preset> Control<P> {
    /// The first stretch for which `visit` says yes. As many steps as there are stretches.
    ///
    /// # Safety
    /// The heap is initialized.
    pub(super) unsafe fn each_stretch(
        self,
        mut visit: impl FnMut(Stretch) -> bool,
    ) -> Option<Stretch> {
        // SAFETY: (stretch invariant) the words of each stretch are written before it is linked.
        unsafe {
            let mut at = self.start().add(STRETCHES);
            loop {
                let next = self.link(at);
                let is_first = next.addr() & FIRST != 0;
                let stretch = if is_first {
                    self.stretch(self.start(), Self::len(self.last_list()), at, FIRST)
                } else {
                    self.stretch(next, WORDS, next.add(4), 0)
                };
                if visit(stretch) {
                    return Some(stretch);
                }
                if is_first {
                    return None;
                }
                at = next;
            }
        }
    }

    /// # Safety
    /// A stretch starts at `start` with so many bytes of bookkeeping; its end, with `mark` added, is
    /// stated at `end_at`.
    unsafe fn stretch(self, start: *mut u8, words: usize, end_at: *mut u8, mark: usize) -> Stretch {
        let start_addr = start.addr();
        let first_addr = start_addr + (words + 1).next_multiple_of(Self::GRANULE);
        // SAFETY: as promised.
        let end = unsafe { self.link(end_at) }.wrapping_sub(mark);
        Stretch { start_addr, first_addr, end, end_at, mark }
    }

    /// The end of the stretch in which a block at `addr` can be; 0 when there is none.
    ///
    /// # Safety
    /// The heap is initialized.
    pub(super) unsafe fn end_behind(self, addr: usize) -> usize {
        let holds = |stretch: Stretch| addr >= stretch.first_addr && addr < stretch.end.addr();
        // SAFETY: passed on.
        unsafe { self.each_stretch(holds) }.map_or(0, |stretch| stretch.end.addr())
    }

    /// The length of all stretches.
    ///
    /// # Safety
    /// The heap is initialized.
    pub(super) unsafe fn len_bytes(self) -> usize {
        let mut sum = 0;
        // SAFETY: passed on.
        unsafe {
            self.each_stretch(|stretch| {
                sum += stretch.end.addr() - stretch.start_addr;
                false
            });
        }
        sum
    }

    /// Adds a stretch, or makes the one longer at whose end it starts. Returns the bytes that are
    /// free for it. One that is longer than a block of the last list can be becomes several.
    ///
    /// # Safety
    /// As for [`RawHeap::extend`](crate::heap::RawHeap::extend).
    pub(super) unsafe fn add(self, memory: NonNull<[u8]>) -> Result<usize, ExtendError> {
        let memory = Self::cut_ends(memory);
        let len_bytes = memory.len();
        let mut len = len_bytes & !(Self::GRANULE - 1);
        let mut start = memory.cast::<u8>().as_ptr();
        let limit_bytes = Self::LIMIT / 2 * Self::GRANULE;
        // SAFETY: the memory is the heap's from here on, if it is taken at all.
        unsafe {
            let mut neighbour = self.each_stretch(|stretch| stretch.end.addr() == start.addr());
            let reach = (least_granules(self.last_list() + 1) - 1) * Self::GRANULE;
            if neighbour.is_some_and(|it| it.end.addr() - it.start_addr + len > reach) {
                neighbour = None;
            }
            let needed_bytes = if neighbour.is_some() { Self::GRANULE } else { Self::ADDED_LEAST };
            if len < needed_bytes {
                return Err(ExtendError::TooSmall { len_bytes, needed_bytes });
            }
            if len > limit_bytes {
                return Err(ExtendError::TooLarge { len_bytes, limit_bytes });
            }
            // The links of a small target are pointers; those of others are distances.
            let end_addr = start.addr() + len;
            let base_addr = self.base().addr();
            let is_near = start.addr() >= base_addr && end_addr - base_addr <= u32::MAX as usize;
            if !cfg!(target_pointer_width = "32") && !is_near {
                let (start_addr, reach_bytes) = (start.addr(), u32::MAX as usize);
                return Err(ExtendError::OutOfReach { start_addr, reach_bytes });
            }
            if let Some(neighbour) = neighbour {
                return Ok(self.lengthen(neighbour, len));
            }
            let mut gained = 0;
            while len >= Self::ADDED_LEAST {
                let part = len.min(reach);
                gained += self.add_part(start, part);
                start = start.add(part);
                len -= part;
            }
            Ok(gained)
        }
    }

    /// Where the first block is in a stretch that was added.
    const ADDED_FIRST: usize = (WORDS + 1).next_multiple_of(Self::GRANULE);
    /// The least that can be added by itself.
    const ADDED_LEAST: usize = Self::ADDED_FIRST + Self::LISTED;

    /// # Safety
    /// As for [`add`](Self::add); the stretch is followed by `len` new bytes.
    unsafe fn lengthen(self, stretch: Stretch, len: usize) -> usize {
        // SAFETY: (tag invariant) the tag of an end says what is in front of it, so the bytes
        // behind can be given back as if they were a live block.
        unsafe {
            let end = stretch.end.add(len);
            self.set_tag(end, LIVE);
            self.set_link(stretch.end_at, end.wrapping_add(stretch.mark));
            self.raise_most(end.addr() - stretch.start_addr);
            self.give(stretch.end, len);
        }
        len
    }

    /// # Safety
    /// As for [`add`](Self::add); `len` bytes at `start` are new and enough.
    unsafe fn add_part(self, start: *mut u8, len: usize) -> usize {
        // SAFETY: (stretch invariant) the words come first; then blocks.
        unsafe {
            let end = start.add(len);
            self.set_tag(end, LIVE);
            self.set_link(start, self.link(self.start().add(STRETCHES)));
            self.set_link(start.add(4), end);
            self.set_link(self.start().add(STRETCHES), start);
            self.raise_most(len);
            self.place(start.add(Self::ADDED_FIRST), len - Self::ADDED_FIRST);
        }
        len - Self::ADDED_FIRST
    }

    /// # Safety
    /// The heap is initialized.
    unsafe fn raise_most(self, len: usize) {
        // SAFETY: as promised.
        unsafe { self.set_word(MOST, self.word(MOST).max(len as u32)) }
    }
}
