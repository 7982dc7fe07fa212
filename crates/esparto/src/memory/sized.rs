//! Blocks that know their size: what `malloc`, `realloc` and `free` need.

mod locked;

use core::alloc::Layout;
use core::fmt;
use core::ptr::NonNull;

use super::{AllocError, Memory};
use crate::heap::sized::seal;
use crate::{Policy, Sink};

/// Why a block that knows its size was not resized, or not taken back. Nothing changed but a count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SizedError {
    /// Not a block of this memory, or not one any more.
    NotABlock {
        /// The address that was named.
        addr: usize,
    },
    /// There is no memory for the new size.
    Alloc(AllocError),
}

impl fmt::Display for SizedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::NotABlock { addr } => write!(
                f,
                "{addr:#010x} is no block of this memory: freed twice, foreign, or inside a block"
            ),
            Self::Alloc(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for SizedError {}

/// For callers who do not say a block's size when they give it back. Such a block takes four bytes
/// more, in front of it; with an alignment above four, as many bytes as that.
///
/// These blocks and those of [`allocate`](Memory::allocate) are of two kinds: each goes back by the
/// functions of its own. What is freed is checked: a pointer that is no live block of this kind is
/// refused, counted ([`refused_free_count`](Memory::refused_free_count)) and otherwise left alone.
impl<const N: usize, S: Sink> Memory<N, S> {
    /// The largest size of such a block.
    pub const SIZED_LIMIT_BYTES: usize = seal::LIMIT_BYTES;

    /// Allocates `size` bytes aligned to `align`.
    ///
    /// # Errors
    /// As for [`allocate`](Self::allocate); [`AllocError::TooLarge`] also for an alignment that is no
    /// power of two.
    // A part of its caller, who knows the alignment and the policy as a rule.
    #[inline(always)]
    pub fn allocate_sized(
        &self,
        size: usize,
        align: usize,
        policy: impl Into<Policy>,
    ) -> Result<NonNull<u8>, AllocError> {
        let policy = policy.into();
        if seal::layout(size, align).is_some()
            && size != 0
            && let Some(mut inside) = self.enter()
        {
            // SAFETY: what is less than a layout with the same alignment is one too.
            let layout = unsafe { Layout::from_size_align_unchecked(size, align) };
            if let Some(block) = inside.state.allocate_first(layout, policy) {
                return Ok(block);
            }
        }
        self.allocate_sized_else(size, align, policy)
    }

    /// The same in less code and a few instructions more: one copy for all who are in no hurry.
    ///
    /// # Errors
    /// As for [`allocate_sized`](Self::allocate_sized).
    #[inline(always)]
    pub fn allocate_sized_apart(
        &self,
        size: usize,
        align: usize,
        policy: impl Into<Policy>,
    ) -> Result<NonNull<u8>, AllocError> {
        self.allocate_sized_else(size, align, policy.into())
    }

    /// What is left when the first try had nothing: every region, put-off work, the reason.
    #[cold]
    #[inline(never)]
    pub(super) fn allocate_sized_else(
        &self,
        size: usize,
        align: usize,
        policy: Policy,
    ) -> Result<NonNull<u8>, AllocError> {
        // SAFETY: no block is resized.
        match unsafe { self.request_sized(None, (size, align), policy) } {
            Ok((block, _)) => Ok(block),
            Err(SizedError::Alloc(error)) => Err(error),
            // There was none.
            Err(SizedError::NotABlock { .. }) => Err(AllocError::ZeroSize),
        }
    }

    /// # Safety
    /// As for [`resize_sized`](Self::resize_sized), if there is a block.
    #[inline(never)]
    unsafe fn request_sized(
        &self,
        from: Option<NonNull<u8>>,
        new: (usize, usize),
        policy: Policy,
    ) -> Result<(NonNull<u8>, usize), SizedError> {
        // SAFETY: passed on.
        let requested =
            self.served(None, |state| unsafe { state.request_sized(from, new, policy) });
        requested.map_err(SizedError::Alloc)?
    }

    /// Takes a block back; returns its size.
    ///
    /// # Errors
    /// [`SizedError::NotABlock`].
    ///
    /// # Safety
    /// If `ptr` is a live block of this kind, it is the caller's to give back, and nobody uses it any
    /// more.
    #[inline(always)]
    pub unsafe fn deallocate_sized(&self, ptr: NonNull<u8>) -> Result<usize, SizedError> {
        let Some(mut inside) = self.enter() else {
            return Err(SizedError::Alloc(AllocError::Reentered));
        };
        // SAFETY: passed on.
        unsafe { inside.state.deallocate_sized(ptr) }
            .ok_or(SizedError::NotABlock { addr: ptr.addr().get() })
    }

    /// The same in less code and a few instructions more, one copy for all who are in no hurry.
    ///
    /// # Errors
    /// As for [`deallocate_sized`](Self::deallocate_sized).
    ///
    /// # Safety
    /// As for [`deallocate_sized`](Self::deallocate_sized).
    #[inline(never)]
    pub unsafe fn deallocate_sized_apart(&self, ptr: NonNull<u8>) -> Result<(), SizedError> {
        self.locked(|state| {
            // SAFETY: passed on.
            unsafe { state.deallocate_sized_apart(ptr) }
        })
        .unwrap_or(Err(SizedError::Alloc(AllocError::Reentered)))
    }

    /// A [`resize`](Self::resize) where all blocks know their size.
    ///
    /// # Safety
    /// As for [`resize`](Self::resize).
    pub(super) unsafe fn resize_all_sized(
        &self,
        ptr: NonNull<u8>,
        old: Layout,
        new: Layout,
        policy: Policy,
    ) -> Result<NonNull<u8>, AllocError> {
        if old.align() == new.align() {
            // SAFETY: passed on.
            return unsafe { self.resize_sized(ptr, new.size(), policy) }.map_err(
                |error| match error {
                    SizedError::Alloc(error) => error,
                    SizedError::NotABlock { .. } => AllocError::ZeroSize,
                },
            );
        }
        let to = self.allocate_sized_else(new.size(), new.align(), policy)?;
        // SAFETY: both blocks are live, distinct, and at least this long; the old one is not used any more.
        unsafe {
            ptr.copy_to_nonoverlapping(to, old.size().min(new.size()));
            let _ = self.deallocate_sized_apart(ptr);
        }
        Ok(to)
    }

    /// Changes a block's size, in place if that works, else by moving it to wherever `policy` allows.
    ///
    /// # Errors
    /// [`SizedError`]; the block is as it was then.
    ///
    /// # Safety
    /// As for [`deallocate_sized`](Self::deallocate_sized). The old pointer is dead afterwards, unless
    /// the same one is returned.
    pub unsafe fn resize_sized(
        &self,
        ptr: NonNull<u8>,
        size: usize,
        policy: impl Into<Policy>,
    ) -> Result<NonNull<u8>, SizedError> {
        let policy = policy.into();
        // SAFETY: passed on.
        let (to, copied_bytes) = unsafe { self.request_sized(Some(ptr), (size, 0), policy) }?;
        if to != ptr {
            // SAFETY: both blocks are live, distinct, and at least this long.
            unsafe { ptr.copy_to_nonoverlapping(to, copied_bytes) };
            self.locked(|state| {
                // SAFETY: passed on; the contents were copied.
                unsafe { state.finish_sized_move(ptr, to, policy) }
            });
        }
        Ok(to)
    }

    /// The size of a live block of this kind, as asked for; `None` for any other pointer.
    pub fn sized_len_bytes(&self, ptr: NonNull<u8>) -> Option<usize> {
        self.locked(|state| state.look_sized(ptr)).flatten().map(|layout| layout.size())
    }

    /// Was this a block of this kind that was given back, as far as can be seen? Its memory may have
    /// been used again since, and what is no block may look like one that was.
    pub fn was_sized(&self, ptr: NonNull<u8>) -> bool {
        self.locked(|state| state.was_sized(ptr)).unwrap_or(false)
    }

    /// Frees and resizes of pointers that were no live block of this kind.
    pub fn refused_free_count(&self) -> usize {
        self.locked(|state| state.refused_free_count).unwrap_or(0)
    }
}

/// The layout of a block that its word can state, with room for what is in front of it.
pub(super) fn sized_layout(size: usize, align: usize) -> Result<Layout, AllocError> {
    if size == 0 {
        return Err(AllocError::ZeroSize);
    }
    let limit_bytes = seal::LIMIT_BYTES;
    let too_large = AllocError::TooLarge { requested_bytes: size.max(align), limit_bytes };
    seal::layout(size, align).ok_or(too_large)?;
    Layout::from_size_align(size, align).map_err(|_| too_large)
}
