//! Where payloads live.

use core::num::NonZero;
use core::ptr::NonNull;

/// Why a payload got no block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PayloadError {
    /// No block will ever be so large.
    TooLarge {
        /// The largest.
        limit_bytes: usize,
    },
    /// There is none now.
    NoMemory,
}

/// Where a bus keeps payloads: tiers, a pool of one size, or a memory.
///
/// # Safety
/// A block has the size asked for and [`ALIGN_BYTES`](Self::ALIGN_BYTES), overlaps nothing, is
/// within reach of all who use the bus, and is its own until it is given back. One allocated by
/// [`allocate_in_isr`](Self::allocate_in_isr) lies in memory that interrupt handlers may use at any
/// time, never in external memory.
pub unsafe trait Payloads {
    /// The alignment of every block.
    const ALIGN_BYTES: usize = align_of::<usize>();

    /// Gets a block of at least `size_bytes`, which is not 0.
    ///
    /// # Errors
    /// [`PayloadError`]; nothing changed then.
    fn allocate(&self, size_bytes: usize) -> Result<NonNull<u8>, PayloadError>;

    /// The same for an interrupt handler: in bounded time, without waiting.
    ///
    /// # Errors
    /// As for [`allocate`](Self::allocate).
    fn allocate_in_isr(&self, size_bytes: usize) -> Result<NonNull<u8>, PayloadError>;

    /// Takes a block back.
    ///
    /// # Safety
    /// It was allocated here with this size, and is given back once.
    unsafe fn deallocate(&self, ptr: NonNull<u8>, size_bytes: usize);

    /// Gets a block in a few instructions, with a ticket by which it goes back in as few: what is
    /// tried first. `None` if there is none, or none that `is_isr` allows; then it is
    /// [`allocate`](Self::allocate)'s turn to get one or to say why not.
    #[inline(always)]
    fn take(&self, size_bytes: usize, is_isr: bool) -> Option<(NonNull<u8>, Ticket)> {
        let _ = (size_bytes, is_isr);
        None
    }

    /// Takes such a block back.
    ///
    /// # Safety
    /// It came from [`take`](Self::take) with this ticket, and is given back once.
    #[inline(always)]
    unsafe fn give(&self, ptr: NonNull<u8>, ticket: Ticket) {
        let _ = (ptr, ticket);
    }
}

/// By what a block goes back to where it came from.
pub type Ticket = NonZero<u32>;

// SAFETY: as the implementation that it refers to.
unsafe impl<P: Payloads> Payloads for &P {
    const ALIGN_BYTES: usize = P::ALIGN_BYTES;

    #[inline(always)]
    fn allocate(&self, size_bytes: usize) -> Result<NonNull<u8>, PayloadError> {
        (**self).allocate(size_bytes)
    }

    #[inline(always)]
    fn allocate_in_isr(&self, size_bytes: usize) -> Result<NonNull<u8>, PayloadError> {
        (**self).allocate_in_isr(size_bytes)
    }

    #[inline(always)]
    unsafe fn deallocate(&self, ptr: NonNull<u8>, size_bytes: usize) {
        // SAFETY: passed on.
        unsafe { (**self).deallocate(ptr, size_bytes) }
    }

    #[inline(always)]
    fn take(&self, size_bytes: usize, is_isr: bool) -> Option<(NonNull<u8>, Ticket)> {
        (**self).take(size_bytes, is_isr)
    }

    #[inline(always)]
    unsafe fn give(&self, ptr: NonNull<u8>, ticket: Ticket) {
        // SAFETY: passed on.
        unsafe { (**self).give(ptr, ticket) }
    }
}
