//! Blocks that know their size, for callers who do not.

use core::alloc::Layout;
use core::ptr::NonNull;

pub(crate) mod seal;

use super::{Corruption, Cursor, Extent, Grant, InitError, Progress, RawHeap};

/// A heap for `malloc`, `realloc` and `free`: four bytes more for each block, and a free that is
/// checked. (A heap without [`lead_bytes`](RawHeap::lead_bytes) pays, with an alignment above four, as
/// many bytes as that.)
///
/// The header holds the block's size and alignment, disguised with the block's address: a pointer
/// that was never handed out, points inside a block, or was given back before does not show a
/// header that fits, so such a free is refused and counted. That finds mistakes, with a chance of
/// about one in 2¹² of missing one, not attacks.
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
    pub const LIMIT_BYTES: usize = seal::LIMIT_BYTES;

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

    /// Hands out `size` bytes aligned to `align`; `None` when there is no room, the size is zero
    /// or the alignment is no power of two.
    pub fn allocate(&mut self, size: usize, align: usize) -> Option<NonNull<u8>> {
        let (layout, offset) = Self::layout(size, align)?;
        if size == 0 {
            return None;
        }
        let Grant { ptr, .. } = if H::lead_bytes() == 0 {
            self.heap.allocate(layout)?
        } else {
            // Of the same size as with the alignment of `layout`.
            let layout = Layout::from_size_align(layout.size(), align.max(seal::BYTES)).ok()?;
            self.heap.allocate_led(layout)?
        };
        // SAFETY: the block is `offset` longer than asked for, and a header fits in front.
        unsafe {
            let block = ptr.add(offset);
            block.sub(seal::BYTES).cast::<u32>().write(seal::close(
                block.addr().get(),
                size,
                align,
            ));
            Some(block)
        }
    }

    /// The layout with which the block for `size` bytes is given back and resized, and how far the bytes
    /// are into it. `None` for a size beyond the limit or an alignment that is none.
    fn layout(size: usize, align: usize) -> Option<(Layout, usize)> {
        let lead = H::lead_bytes();
        if lead == 0 {
            return seal::layout(size, align);
        }
        seal::layout(size, lead).filter(|_| align.is_power_of_two())
    }

    fn may_hold(&self, addr: usize) -> bool {
        addr.wrapping_sub(self.memory.cast::<u8>().addr().get()) < self.memory.len()
    }

    /// The size and the least alignment of a block, if it is one.
    fn look(&self, ptr: NonNull<u8>) -> Option<(usize, usize)> {
        let addr = ptr.addr().get();
        if !addr.is_multiple_of(seal::BYTES) || !self.may_hold(addr.checked_sub(seal::BYTES)?) {
            return None;
        }
        let header = self.memory.cast::<u8>().as_ptr().with_addr(addr - seal::BYTES).cast::<u32>();
        // SAFETY: the word lies in the heap's memory and is aligned.
        let header = unsafe { header.read() };
        let (size, align) = seal::open(addr, header)?;
        // What shows a word that fits by chance must not lead out of the memory.
        let is_inside = addr.checked_add(size - 1).is_some_and(|last| self.may_hold(last))
            && (H::lead_bytes() != 0 || self.may_hold(addr.wrapping_sub(align)));
        is_inside.then_some((size, align))
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
        let Some((layout, offset)) = Self::layout(size, align) else {
            return Err(self.refuse(ptr));
        };
        // SAFETY: the header says that the block is live, and of this layout. It is broken first,
        // so that a second free does not find it.
        unsafe {
            ptr.sub(seal::BYTES).cast::<u32>().write(seal::broken(ptr.addr().get()));
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
            (Self::layout(old_size, align), Self::layout(size, align))
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
                ptr.sub(seal::BYTES).cast::<u32>().write(seal::close(
                    ptr.addr().get(),
                    size,
                    align,
                ));
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
