//! What of this crate a bus may keep payloads in.

use core::alloc::Layout;
use core::mem::MaybeUninit;
use core::num::NonZero;
use core::ptr::NonNull;

use crate::bus::{PayloadError, Payloads, Ticket};
use crate::pool::{Critical, Pool, PoolBox, RawBlocks, Shared, Taken};
use crate::{AllocError, BlockPool, Memory, Policy, Sink, Tiers, Use, tiers};

/// A block of a pool that payloads live in: `static PAYLOADS: Pool<PayloadBlock<64>, 32, Critical>`.
#[derive(Clone, Copy, Debug)]
#[repr(align(8))]
pub struct PayloadBlock<const BYTES: usize>(MaybeUninit<[u8; BYTES]>);

/// One size for all, known to the compiler: the fastest. The blocks are where the static is, which
/// is internal memory unless the program says otherwise.
// SAFETY: the pool's blocks are what is asked for, and aligned.
unsafe impl<const BYTES: usize, const N: usize, A: Shared> Payloads
    for Pool<PayloadBlock<BYTES>, N, A>
{
    #[inline(always)]
    fn allocate(&self, size_bytes: usize) -> Result<NonNull<u8>, PayloadError> {
        if size_bytes > BYTES {
            return Err(PayloadError::TooLarge { limit_bytes: BYTES });
        }
        let vacant = self.take().ok_or(PayloadError::NoMemory)?;
        // SAFETY: uninitialised bytes are what such a block may be.
        Ok(PoolBox::into_raw(unsafe { vacant.assume_init() }).cast())
    }

    #[inline(always)]
    fn allocate_in_isr(&self, size_bytes: usize) -> Result<NonNull<u8>, PayloadError> {
        Payloads::allocate(self, size_bytes)
    }

    #[inline(always)]
    unsafe fn deallocate(&self, ptr: NonNull<u8>, _size_bytes: usize) {
        // SAFETY: it came from `into_raw` of this pool, and is given back once.
        drop(unsafe { PoolBox::from_raw(self, ptr.cast()) });
    }

    #[inline(always)]
    fn take(&self, size_bytes: usize, _is_isr: bool) -> Option<(NonNull<u8>, Ticket)> {
        // Any number will do: the address is all that such a pool needs.
        Some((Payloads::allocate(self, size_bytes).ok()?, Ticket::MIN))
    }

    #[inline(always)]
    unsafe fn give(&self, ptr: NonNull<u8>, _ticket: Ticket) {
        // SAFETY: passed on.
        unsafe { Payloads::deallocate(self, ptr, BYTES) };
    }
}

/// One size for all, chosen at run time. Make the pool live on internal memory if interrupt handlers post: it does not
/// know where its blocks are.
// SAFETY: the pool's blocks are what is asked for; shapes align them to a pointer at least.
unsafe impl Payloads for BlockPool<Critical> {
    const ALIGN_BYTES: usize = align_of::<u32>();

    #[inline]
    fn allocate(&self, size_bytes: usize) -> Result<NonNull<u8>, PayloadError> {
        let limit_bytes = self.shape().map_or(0, |shape| shape.block_bytes());
        if size_bytes > limit_bytes {
            return Err(PayloadError::TooLarge { limit_bytes });
        }
        BlockPool::allocate(self).map_err(|_| PayloadError::NoMemory)
    }

    #[inline]
    fn allocate_in_isr(&self, size_bytes: usize) -> Result<NonNull<u8>, PayloadError> {
        Payloads::allocate(self, size_bytes)
    }

    #[inline]
    unsafe fn deallocate(&self, ptr: NonNull<u8>, _size_bytes: usize) {
        // Refused only if somebody gave it back behind the bus's back, which was counted.
        let _ = BlockPool::deallocate(self, ptr);
    }

    #[inline(always)]
    fn take(&self, size_bytes: usize, _is_isr: bool) -> Option<(NonNull<u8>, Ticket)> {
        if size_bytes > self.raw().block_bytes() {
            return None;
        }
        self.raw().take().map(|taken| (taken.block, taken.link))
    }

    #[inline(always)]
    unsafe fn give(&self, ptr: NonNull<u8>, ticket: Ticket) {
        // SAFETY: passed on.
        unsafe { self.raw().give(ptr, ticket) };
    }
}

/// The heaps of a memory, by the decision tree: internal memory that interrupt handlers may use.
///
/// How long it takes is the heap's to say: under the linked list, not for interrupt handlers.
// SAFETY: a memory's blocks are what is asked for; events and interrupt handlers get internal,
// interrupt-safe memory only.
unsafe impl<const N: usize, S: Sink> Payloads for Memory<N, S> {
    fn allocate(&self, size_bytes: usize) -> Result<NonNull<u8>, PayloadError> {
        allocate_for(self, size_bytes, Use::Event)
    }

    fn allocate_in_isr(&self, size_bytes: usize) -> Result<NonNull<u8>, PayloadError> {
        allocate_for(self, size_bytes, Use::Isr)
    }

    unsafe fn deallocate(&self, ptr: NonNull<u8>, size_bytes: usize) {
        if let Some(layout) = layout(size_bytes) {
            // SAFETY: passed on; the layout is that of the request.
            unsafe { Memory::deallocate(self, ptr, layout) }
        }
    }
}

/// The smallest block that fits, and the heap behind. Interrupt handlers get blocks of the pools
/// alone, in constant time, and only if the tiers' policy puts those into internal memory that is
/// safe for them.
// SAFETY: blocks of pools and heap are what is asked for. Nothing is known of where the pools are
// but their policy, which is asked.
unsafe impl<const CLASSES: usize, const N: usize, S: Sink> Payloads for Tiers<'_, CLASSES, N, S> {
    #[inline]
    fn allocate(&self, size_bytes: usize) -> Result<NonNull<u8>, PayloadError> {
        let Some(layout) = layout(size_bytes) else {
            return Err(PayloadError::TooLarge { limit_bytes: isize::MAX as usize });
        };
        Tiers::allocate(self, layout).map_err(|error| match error {
            tiers::AllocError::Heap(AllocError::TooLarge { limit_bytes, .. }) => {
                PayloadError::TooLarge { limit_bytes }
            }
            _ => PayloadError::NoMemory,
        })
    }

    #[inline]
    fn allocate_in_isr(&self, size_bytes: usize) -> Result<NonNull<u8>, PayloadError> {
        let Some(layout) = layout(size_bytes) else {
            return Err(PayloadError::TooLarge { limit_bytes: isize::MAX as usize });
        };
        if !self.is_for_isr() {
            return Err(PayloadError::NoMemory);
        }
        self.allocate_block(layout).ok().flatten().ok_or(PayloadError::NoMemory)
    }

    #[inline]
    unsafe fn deallocate(&self, ptr: NonNull<u8>, size_bytes: usize) {
        if let Some(layout) = layout(size_bytes) {
            // Refused only if somebody gave it back behind the bus's back, which was counted.
            // SAFETY: passed on; the layout is that of the request.
            let _ = unsafe { Tiers::deallocate(self, ptr.as_ptr(), layout) };
        }
    }

    #[inline(always)]
    fn take(&self, size_bytes: usize, is_isr: bool) -> Option<(NonNull<u8>, Ticket)> {
        if is_isr && !self.is_for_isr() {
            return None;
        }
        let (taken, class) = self.take_owned(size_bytes)?;
        // A link is never 0 and never has more than 16 bits.
        let ticket = taken.link | (class as u32) << u16::BITS;
        Some((taken.block, ticket))
    }

    #[inline(always)]
    unsafe fn give(&self, ptr: NonNull<u8>, ticket: Ticket) {
        let class = (ticket.get() >> u16::BITS) as usize;
        // SAFETY: `take` put a link there, which is never 0.
        let link = unsafe { NonZero::new_unchecked(ticket.get() & u32::from(u16::MAX)) };
        // SAFETY: passed on.
        unsafe { self.give_owned(Taken { block: ptr, link }, class) };
    }
}

fn layout(size_bytes: usize) -> Option<Layout> {
    Layout::from_size_align(size_bytes, align_of::<usize>()).ok()
}

fn allocate_for<const N: usize, S: Sink>(
    memory: &Memory<N, S>,
    size_bytes: usize,
    kind: Use,
) -> Result<NonNull<u8>, PayloadError> {
    let Some(layout) = layout(size_bytes) else {
        return Err(PayloadError::TooLarge { limit_bytes: isize::MAX as usize });
    };
    memory.allocate(layout, Policy::for_use(kind)).map_err(|error| match error {
        AllocError::TooLarge { limit_bytes, .. } => PayloadError::TooLarge { limit_bytes },
        _ => PayloadError::NoMemory,
    })
}
