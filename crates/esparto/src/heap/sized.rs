//! Blocks that know their size, for callers who do not.

use core::alloc::Layout;
use core::ptr::NonNull;

use super::{Corruption, Cursor, Extent, Grant, InitError, Progress, RawHeap};

/// The header in front of a block: four bytes, whatever the target.
const HEADER: usize = size_of::<u32>();

/// The alignment's exponent is in the upper five bits, the size in the lower ones.
const SIZE_BITS: u32 = 27;
const SIZE_MASK: u32 = (1 << SIZE_BITS) - 1;

/// A heap for `malloc`, `realloc` and `free`: four bytes more for each block (with an alignment
/// above four, as many bytes as that), and a free that is checked.
///
/// The header holds the block's size and alignment, disguised with the block's address: a pointer
/// that was never handed out, points inside a block, or was given back before does not show a
/// header that fits, so such a free is refused and counted. The disguise is a sum of 32 bits, not
/// a secret: it finds mistakes, with a chance of about one in 2¹² of missing one, not attacks.
#[derive(Debug)]
pub struct SizedHeap<H> {
    heap: H,
    memory: NonNull<[u8]>,
    refused_count: usize,
}

/// Why a checked free or resize was refused. Nothing changed but the count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refused {
    /// Not a block of this heap, or not one any more.
    NotABlock {
        /// The address that was named.
        addr: usize,
    },
    /// No memory for the size asked for; the block is as it was.
    Exhausted {
        /// The size asked for.
        requested_bytes: usize,
    },
}

impl core::fmt::Display for Refused {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match *self {
            Self::NotABlock { addr } => write!(
                f,
                "{addr:#010x} is no block of this heap: freed twice, foreign, or inside a block"
            ),
            Self::Exhausted { requested_bytes } => {
                write!(f, "no room for {requested_bytes} bytes; the block is as it was")
            }
        }
    }
}

impl core::error::Error for Refused {}

// SAFETY: the memory is the heap's, which moves along.
unsafe impl<H: Send> Send for SizedHeap<H> {}

impl<H: RawHeap> SizedHeap<H> {
    /// The largest size that a header can state.
    pub const LIMIT_BYTES: usize = SIZE_MASK as usize - HEADER;

    /// Starts a heap on `memory`.
    ///
    /// # Errors
    /// As [`RawHeap::init`].
    ///
    /// # Safety
    /// As [`RawHeap::init`].
    pub unsafe fn init(memory: NonNull<[u8]>) -> Result<Self, InitError> {
        // SAFETY: passed on.
        Ok(Self { heap: unsafe { H::init(memory) }?, memory, refused_count: 0 })
    }

    /// The heap behind.
    pub fn heap(&self) -> &H {
        &self.heap
    }

    /// The frees and resizes that were refused.
    pub fn refused_count(&self) -> usize {
        self.refused_count
    }

    /// The layout of the heap's block for `size` bytes at `align`, and how far the caller's bytes
    /// are into it.
    fn inner(size: usize, align: usize) -> Option<(Layout, usize)> {
        let offset = align.max(HEADER);
        if size > Self::LIMIT_BYTES || !align.is_power_of_two() {
            return None;
        }
        let layout = Layout::from_size_align(size.checked_add(offset)?, offset).ok()?;
        Some((layout, offset))
    }

    /// The word that a block's header must be.
    fn seal(addr: usize, size: usize, align: usize) -> u32 {
        let state = size as u32 | align.max(HEADER).trailing_zeros() << SIZE_BITS;
        state ^ (addr as u32).wrapping_mul(0x9E37_79B9)
    }

    /// Hands out `size` bytes aligned to `align`; `None` when there is no room, the size is zero
    /// or the alignment is no power of two.
    pub fn allocate(&mut self, size: usize, align: usize) -> Option<NonNull<u8>> {
        let (layout, offset) = Self::inner(size, align)?;
        if size == 0 {
            return None;
        }
        let Grant { ptr, .. } = self.heap.allocate(layout)?;
        // SAFETY: the block is `offset` longer than asked for, and a header fits in front.
        unsafe {
            let block = ptr.add(offset);
            block.sub(HEADER).cast::<u32>().write(Self::seal(block.addr().get(), size, align));
            Some(block)
        }
    }

    fn may_hold(&self, addr: usize) -> bool {
        addr.wrapping_sub(self.memory.cast::<u8>().addr().get()) < self.memory.len()
    }

    /// The size and the least alignment of a block, if it is one.
    fn look(&self, ptr: NonNull<u8>) -> Option<(usize, usize)> {
        let addr = ptr.addr().get();
        if !addr.is_multiple_of(HEADER) || !self.may_hold(addr.checked_sub(HEADER)?) {
            return None;
        }
        let header = self.memory.cast::<u8>().as_ptr().with_addr(addr - HEADER).cast::<u32>();
        // SAFETY: the word lies in the heap's memory and is aligned.
        let header = unsafe { header.read() };
        let state = header ^ (addr as u32).wrapping_mul(0x9E37_79B9);
        let (size, align) = ((state & SIZE_MASK) as usize, 1_usize << (state >> SIZE_BITS));
        let is_sound = size != 0
            && align >= HEADER
            && addr.is_multiple_of(align)
            && addr.checked_add(size - 1).is_some_and(|last| self.may_hold(last));
        is_sound.then_some((size, align))
    }

    /// Counts a refusal.
    fn refuse(&mut self, ptr: NonNull<u8>) -> Refused {
        self.refused_count += 1;
        Refused::NotABlock { addr: ptr.addr().get() }
    }

    /// Takes a block back; returns its size.
    ///
    /// # Errors
    /// [`Refused::NotABlock`].
    ///
    /// # Safety
    /// Nobody uses the block any more, and nobody writes the memory meanwhile.
    pub unsafe fn deallocate(&mut self, ptr: NonNull<u8>) -> Result<usize, Refused> {
        let Some((size, align)) = self.look(ptr) else { return Err(self.refuse(ptr)) };
        let Some((layout, offset)) = Self::inner(size, align) else {
            return Err(self.refuse(ptr));
        };
        // SAFETY: the header says that the block is live, and of this layout. It is broken first,
        // so that a second free does not find it.
        unsafe {
            ptr.sub(HEADER)
                .cast::<u32>()
                .write((ptr.addr().get() as u32).wrapping_mul(0x9E37_79B9));
            self.heap.deallocate(ptr.sub(offset), layout);
        }
        Ok(size)
    }

    /// Changes a block's size, moving it where it must.
    ///
    /// # Errors
    /// [`Refused::NotABlock`], or [`Refused::Exhausted`] and the block is as it was.
    ///
    /// # Safety
    /// As for [`deallocate`](Self::deallocate); the block may have moved.
    pub unsafe fn resize(&mut self, ptr: NonNull<u8>, size: usize) -> Result<NonNull<u8>, Refused> {
        let Some((old_size, align)) = self.look(ptr) else { return Err(self.refuse(ptr)) };
        let exhausted = Refused::Exhausted { requested_bytes: size };
        let (Some((old, offset)), Some((new, _))) =
            (Self::inner(old_size, align), Self::inner(size, align))
        else {
            return Err(exhausted);
        };
        if size == 0 {
            return Err(exhausted);
        }
        // SAFETY: the header says that the block is live, and of this layout.
        unsafe {
            let start = ptr.sub(offset);
            let done = if size >= old_size {
                self.heap.grow(start, old, new.size())
            } else {
                self.heap.shrink(start, old, new.size())
            };
            if done.is_some() {
                ptr.sub(HEADER).cast::<u32>().write(Self::seal(ptr.addr().get(), size, align));
                return Ok(ptr);
            }
            let to = self.allocate(size, align).ok_or(exhausted)?;
            to.copy_from_nonoverlapping(ptr, size.min(old_size));
            self.deallocate(ptr)?;
            Ok(to)
        }
    }

    /// As [`RawHeap::walk`].
    pub fn walk(&self, visit: &mut dyn FnMut(Extent)) {
        self.heap.walk(visit);
    }

    /// As [`RawHeap::check`].
    ///
    /// # Errors
    /// The first [`Corruption`] found.
    pub fn check(&self, cursor: &mut Cursor, max_steps: usize) -> Result<Progress, Corruption> {
        self.heap.check(cursor, max_steps)
    }
}
