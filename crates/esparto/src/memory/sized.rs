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
        if let Some((layout, offset_bytes)) = seal::layout(size, align)
            && size != 0
            && let Some(mut inside) = self.enter()
            && let Some(block) =
                inside.state.allocate_sized_first((size, align), (layout, offset_bytes), policy)
        {
            return Ok(block);
        }
        self.allocate_sized_else(size, align, policy)
    }

    /// What is left when the first try had nothing: every region, put-off work, the reason.
    #[cold]
    #[inline(never)]
    fn allocate_sized_else(
        &self,
        size: usize,
        align: usize,
        policy: Policy,
    ) -> Result<NonNull<u8>, AllocError> {
        match sized_layouts(size, align) {
            Ok(layouts) => self.served(None, |state| state.allocate_sized(layouts, policy)),
            Err(error) => {
                self.locked(|state| state.last_failure = Some(error));
                Err(error)
            }
        }
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
        let resized = self.served(None, |state| {
            // SAFETY: passed on.
            unsafe { state.resize_sized(ptr, size, policy) }
        });
        let (to, copied_bytes) = resized.map_err(SizedError::Alloc)??;
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

    /// Frees and resizes of pointers that were no live block of this kind.
    pub fn refused_free_count(&self) -> usize {
        self.locked(|state| state.refused_free_count).unwrap_or(0)
    }
}

/// A block that knows its size, as the caller and as the heap see it.
#[derive(Clone, Copy)]
pub(super) struct Layouts {
    /// The caller's bytes.
    pub(super) outer: Layout,
    /// The heap's block.
    pub(super) inner: Layout,
    /// How far the caller's bytes are into the heap's block.
    pub(super) offset_bytes: usize,
}

impl Layouts {
    pub(super) fn new(size: usize, align: usize) -> Option<Self> {
        let (inner, offset_bytes) = seal::layout(size, align)?;
        let outer = Layout::from_size_align(size, align).ok()?;
        Some(Self { outer, inner, offset_bytes })
    }
}

fn sized_layouts(size: usize, align: usize) -> Result<Layouts, AllocError> {
    if size == 0 {
        return Err(AllocError::ZeroSize);
    }
    let limit_bytes = seal::LIMIT_BYTES;
    Layouts::new(size, align)
        .ok_or(AllocError::TooLarge { requested_bytes: size.max(align), limit_bytes })
}
