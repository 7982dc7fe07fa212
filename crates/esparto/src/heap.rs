//! What every heap can do, whatever its algorithm.

use core::alloc::Layout;
use core::fmt;
use core::ptr::NonNull;

pub mod bump;
mod carry;
pub mod freertos;
pub mod linked_list;
pub mod sized;
pub mod tag;

pub use bump::Bump;
pub use carry::carry;
pub use linked_list::LinkedList;
pub use tag::{Heap, OnChip, Realtime, Throughput};

/// A block as a heap hands it out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Its first byte.
    pub ptr: NonNull<u8>,
    /// What it takes from the heap: its size as rounded, a header if there is one.
    pub taken_bytes: usize,
}

/// Where a block goes on that could not grow where it lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moved {
    /// The block as it is now.
    pub grant: Grant,
    /// It begins in front of the old block and takes it in. Otherwise the old one is live still, and goes
    /// back once its contents were carried.
    pub is_over_old: bool,
}

/// A general allocator over one stretch of memory.
///
/// The heaps know no lock, no statistics and no trace: [`Memory`](crate::Memory) adds them. A heap
/// says what each block takes and gives back, so that whoever holds it can keep the account
/// *free + live + bookkeeping = size* without a walk.
///
/// The trait is object-safe: every region of a [`Memory`](crate::Memory) can have another
/// algorithm, and the code of those that nobody names is not linked.
///
/// # Safety
/// An implementor hands out blocks that lie inside its memory, satisfy their layout and overlap
/// neither each other nor the bookkeeping; it touches live blocks never, and memory outside its
/// own never.
pub unsafe trait RawHeap {
    /// Takes possession of `memory` and starts with all of it free.
    ///
    /// # Errors
    /// [`InitError`] when the memory is too small for the bookkeeping or too large for the heap's
    /// links.
    ///
    /// # Safety
    /// `memory` is valid for reads and writes, aligned to
    /// [`Region::ALIGN_BYTES`](crate::Region::ALIGN_BYTES), and belongs to the heap alone for as
    /// long as the heap or one of its blocks is used.
    unsafe fn init(memory: NonNull<[u8]>) -> Result<Self, InitError>
    where
        Self: Sized;

    /// Adds another stretch of memory, wherever it lies; what is between the stretches is never
    /// touched. Returns how many bytes are free for it. A stretch that starts where another ends
    /// becomes one with it, and blocks may lie across.
    ///
    /// # Errors
    /// [`ExtendError`], and the heap is as it was.
    ///
    /// # Safety
    /// As for [`init`](Self::init); and the pointer to `memory` and the one given to `init` come
    /// from one that may access both, as pointers to the memory of a chip do that are made of
    /// addresses. (Two statics do not qualify.)
    unsafe fn extend(&mut self, memory: NonNull<[u8]>) -> Result<usize, ExtendError> {
        let _ = memory;
        Err(ExtendError::Unsupported)
    }

    /// Hands out a block for `layout`, or nothing. The size is not zero.
    fn allocate(&mut self, layout: Layout) -> Option<Grant>;

    /// How many bytes [`allocate_led`](Self::allocate_led) leaves in front of the byte that it aligns;
    /// 0 when the heap aligns nothing but a block's first byte.
    fn lead_bytes() -> usize
    where
        Self: Sized,
    {
        0
    }

    /// Hands out a block as [`allocate`](Self::allocate) does, but it is the byte behind
    /// [`lead_bytes`](Self::lead_bytes) others that has the alignment of `layout`; the first has only
    /// that of a granule. So a word about the block lies in front of it, and costs no more than itself.
    /// Whatever the alignment with which it is given back or resized, it is that block.
    fn allocate_led(&mut self, layout: Layout) -> Option<Grant>
    where
        Self: Sized,
    {
        let _ = layout;
        None
    }

    /// Takes a block back; returns the bytes that it took. A heap that can tell
    /// ([`Guarded`](crate::guard::Guarded)) refuses what is no live block and returns 0, and so does
    /// one that never frees.
    ///
    /// # Safety
    /// `ptr` came from this heap with this `layout` (as last resized) and was not given back.
    unsafe fn deallocate(&mut self, ptr: NonNull<u8>, layout: Layout) -> usize;

    /// Makes a block larger where it lies. Returns what it takes now, or `None` (and nothing
    /// changed) when the memory behind it is not free.
    ///
    /// # Safety
    /// As for [`deallocate`](Self::deallocate) with `old`; `new_size` is at least the old size and
    /// forms a valid layout with the old alignment.
    unsafe fn grow(&mut self, ptr: NonNull<u8>, old: Layout, new_size: usize) -> Option<usize>;

    /// Finds a place for a block that cannot [`grow`](Self::grow) where it lies: one that takes in what is
    /// free in front of it, or another with room behind it. `None` (and nothing changed) when there is none
    /// to be had at once; [`allocate`](Self::allocate) may have one.
    ///
    /// The contents still lie where they did, and are the caller's to [`carry`] there. No lock need be held
    /// meanwhile: both places are the block's.
    ///
    /// # Safety
    /// As for [`grow`](Self::grow), which just refused it. When [`is_over_old`](Moved::is_over_old), the old
    /// block is no more.
    unsafe fn grow_moving(
        &mut self,
        ptr: NonNull<u8>,
        old: Layout,
        new_size: usize,
    ) -> Option<Moved> {
        let _ = (ptr, old, new_size);
        None
    }

    /// Makes a block smaller where it lies. Returns what it takes now, or `None` (and nothing
    /// changed) when the rest would be too small to be free.
    ///
    /// # Safety
    /// As for [`deallocate`](Self::deallocate) with `old`; `new_size` is at most the old size and
    /// not zero.
    unsafe fn shrink(&mut self, ptr: NonNull<u8>, old: Layout, new_size: usize) -> Option<usize>;

    /// Resizes a block where it lies if that works, else moves it with its contents. `None`, and the block as
    /// it was, when there is no room.
    ///
    /// # Safety
    /// As for [`deallocate`](Self::deallocate) with `old`; `new_size` is not zero and forms a valid layout
    /// with the old alignment. The old pointer is dead afterwards, unless the same one is returned.
    #[inline(always)]
    unsafe fn reallocate(
        &mut self,
        ptr: NonNull<u8>,
        old: Layout,
        new_size: usize,
    ) -> Option<NonNull<u8>>
    where
        Self: Sized,
    {
        // SAFETY: passed on.
        unsafe {
            if new_size >= old.size() {
                if self.grow(ptr, old, new_size).is_some() {
                    return Some(ptr);
                }
                return carry::grow_elsewhere(self, ptr, old, new_size);
            }
            if self.shrink(ptr, old, new_size).is_some() {
                return Some(ptr);
            }
            carry::shrink_elsewhere(self, ptr, old, new_size)
        }
    }

    /// What a block of `layout` takes at the least.
    fn footprint_bytes(&self, layout: Layout) -> usize;

    /// What a live block takes now: more than at the least in a heap that leaves a rest with the
    /// block.
    ///
    /// # Safety
    /// As for [`deallocate`](Self::deallocate).
    unsafe fn taken_bytes(&self, ptr: NonNull<u8>, layout: Layout) -> usize {
        let _ = ptr;
        self.footprint_bytes(layout)
    }

    /// The largest size that [`allocate`](Self::allocate) would grant now at `align`.
    ///
    /// Walks the free blocks, and changes nothing: a heap that merges later than at the free counts
    /// neighbours together as it would merge them. Of a heap that is not [settled](Self::is_settled)
    /// it is the least that would be granted: more may be, as it catches up on what it put off.
    fn largest_free(&self, align: usize) -> usize;

    /// Shows every free block and every stretch of bookkeeping, in no particular order. What lies
    /// between is live, or [crumbs](Self::crumb_bytes).
    fn walk(&self, visit: &mut dyn FnMut(Extent));

    /// The bytes in free pieces that are too small for the heap to find again before a neighbour
    /// is freed. They are free, and [`walk`](Self::walk) does not show them.
    fn crumb_bytes(&self) -> usize {
        0
    }

    /// Does a bounded part of the work that the heap put off, and says whether there was any. A
    /// request that was refused may be granted then, so whoever wants it badly calls this and asks
    /// again, and can let locks go in between.
    fn settle(&mut self) -> bool {
        false
    }

    /// Has the heap put nothing off, so that [`settle`](Self::settle) would find nothing to do?
    fn is_settled(&self) -> bool {
        true
    }

    /// Checks at most `max_steps` free blocks from `cursor` on, and moves it. Locks can be let go
    /// between two calls; when the heap changed meanwhile, the check starts over with a new cursor
    /// ([`Memory::check`](crate::Memory::check) sees to that).
    ///
    /// # Errors
    /// The first [`Corruption`] found.
    fn check(&self, cursor: &mut Cursor, max_steps: usize) -> Result<Progress, Corruption>;
}

/// A stretch that [`RawHeap::walk`] shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// Its first address.
    pub start_addr: usize,
    /// Its length.
    pub len_bytes: usize,
    /// What it is.
    pub kind: ExtentKind,
}

/// What a stretch of a heap is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExtentKind {
    /// A free block.
    Free,
    /// The heap's own.
    Bookkeeping,
}

/// Where a [`RawHeap::check`] stands. A new one starts at the beginning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cursor {
    /// The next thing to look at, in the heap's own terms; 0 is the beginning.
    pub(crate) position: usize,
    /// How many things were seen since the beginning.
    pub(crate) seen_count: usize,
    /// The list in which that is, in heaps that have several.
    pub(crate) list: usize,
    /// The free bytes seen since the beginning.
    pub(crate) free_bytes: usize,
    /// The memory's count of changes to the heap when the cursor last stood.
    pub(crate) change_count: u32,
    /// The heap's count of changes when the cursor last stood.
    pub(crate) epoch: u32,
}

/// How far a [`RawHeap::check`] got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// There is more; call again with the same cursor.
    More,
    /// Everything was seen and is sound. The cursor is at the beginning again.
    Done,
}

/// Why a heap cannot start on a stretch of memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InitError {
    /// Less than the bookkeeping and one block need.
    TooSmall {
        /// The length given.
        len_bytes: usize,
        /// The least that works.
        needed_bytes: usize,
    },
    /// More than the links reach.
    TooLarge {
        /// The length given.
        len_bytes: usize,
        /// The most that works.
        limit_bytes: usize,
    },
}

impl fmt::Display for InitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::TooSmall { len_bytes, needed_bytes } => {
                write!(f, "{len_bytes} bytes are too few for this heap: it needs {needed_bytes}")
            }
            Self::TooLarge { len_bytes, limit_bytes } => {
                write!(f, "{len_bytes} bytes are too many for this heap: it manages {limit_bytes}")
            }
        }
    }
}

impl core::error::Error for InitError {}

/// Why a heap cannot take another stretch of memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExtendError {
    /// This heap stays as it started.
    Unsupported,
    /// Less than the bookkeeping and one block need.
    TooSmall {
        /// The length given.
        len_bytes: usize,
        /// The least that works.
        needed_bytes: usize,
    },
    /// More, with the stretch that it continues, than one block's size can state.
    TooLarge {
        /// The length that it would be.
        len_bytes: usize,
        /// The most that works.
        limit_bytes: usize,
    },
    /// Further away than the heap's links reach.
    OutOfReach {
        /// Where the stretch starts.
        start_addr: usize,
        /// How far behind the start of the first stretch a link reaches.
        reach_bytes: usize,
    },
}

impl fmt::Display for ExtendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Unsupported => {
                f.write_str("this heap cannot grow: add the memory as a region of its own")
            }
            Self::TooSmall { len_bytes, needed_bytes } => {
                write!(f, "{len_bytes} bytes are too few to add: a stretch needs {needed_bytes}")
            }
            Self::TooLarge { len_bytes, limit_bytes } => write!(
                f,
                "a stretch of {len_bytes} bytes is too long for this heap: it can have {limit_bytes}; \
                 add the memory as a region of its own"
            ),
            Self::OutOfReach { start_addr, reach_bytes } => write!(
                f,
                "a stretch at {start_addr:#010x} is out of this heap's reach, which is {reach_bytes} \
                 bytes from its start on: add the memory as a region of its own"
            ),
        }
    }
}

impl core::error::Error for ExtendError {}

/// What a check found broken. Addresses are those of the block concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Corruption {
    /// A link leads out of the heap's memory.
    LinkOutside {
        /// The block that holds the link; 0 for the head of a list.
        at_addr: usize,
        /// Where it leads.
        link_addr: usize,
    },
    /// A block starts where none can.
    Misaligned {
        /// Its address.
        at_addr: usize,
        /// What it must be a multiple of.
        align_bytes: usize,
    },
    /// A free block's size is impossible.
    Size {
        /// Its address.
        at_addr: usize,
        /// The size that it states.
        actual_bytes: usize,
        /// The least it can be.
        min_bytes: usize,
        /// The most it can be there.
        max_bytes: usize,
    },
    /// Two pieces of the bookkeeping that must agree do not.
    Mismatch {
        /// The block concerned.
        at_addr: usize,
        /// What one says.
        expected: usize,
        /// What the other says.
        actual: usize,
    },
    /// A list has more blocks than the memory can hold: it runs in a circle.
    Cycle {
        /// Where the check gave up.
        at_addr: usize,
        /// The most blocks there can be.
        limit_count: usize,
    },
    /// Free, live and bookkeeping do not add up to the region.
    Account {
        /// The region's size.
        expected_bytes: usize,
        /// The sum.
        actual_bytes: usize,
    },
}

impl fmt::Display for Corruption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::LinkOutside { at_addr, link_addr } => {
                write!(f, "free block {at_addr:#010x} links to {link_addr:#010x}, outside the heap")
            }
            Self::Misaligned { at_addr, align_bytes } => {
                write!(f, "free block {at_addr:#010x} is not aligned to {align_bytes}")
            }
            Self::Size { at_addr, actual_bytes, min_bytes, max_bytes } => write!(
                f,
                "free block {at_addr:#010x} states {actual_bytes} bytes, expected {min_bytes} to {max_bytes}"
            ),
            Self::Mismatch { at_addr, expected, actual } => write!(
                f,
                "bookkeeping of block {at_addr:#010x} says {actual:#x}, expected {expected:#x}"
            ),
            Self::Cycle { at_addr, limit_count } => write!(
                f,
                "free list runs in a circle: more than {limit_count} blocks, last {at_addr:#010x}"
            ),
            Self::Account { expected_bytes, actual_bytes } => write!(
                f,
                "free + live + bookkeeping is {actual_bytes} bytes, expected {expected_bytes}"
            ),
        }
    }
}

impl core::error::Error for Corruption {}
