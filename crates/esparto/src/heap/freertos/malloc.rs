//! Allocators that are asked for a size alone, and the lock around one.

use core::cell::RefCell;
use core::ptr::NonNull;

use critical_section::Mutex;

/// A pair of `malloc` and `free`: the schemes of this module, or any other allocator.
///
/// # Safety
/// An implementor hands out blocks of at least the size asked for, aligned to 8 bytes, that overlap
/// no other live block.
pub unsafe trait Malloc {
    /// Hands out `size` bytes, uninitialised; nothing for a size of 0.
    fn malloc(&mut self, size: usize) -> Option<NonNull<u8>>;

    /// Takes a block back. Says whether it did: an implementor that can tell refuses what is none of
    /// its live blocks, and nothing changes.
    ///
    /// # Safety
    /// A block given back is not used again, by anybody. An implementor that cannot tell its blocks
    /// from others needs one of its own, given back once.
    unsafe fn free(&mut self, ptr: NonNull<u8>) -> bool;

    /// Hands out `count` pieces of `size` bytes, all zero; nothing when the product is 0 or no
    /// `usize`.
    fn calloc(&mut self, count: usize, size: usize) -> Option<NonNull<u8>> {
        let len = count.checked_mul(size)?;
        let block = self.malloc(len)?;
        // SAFETY: a new block of `len` bytes.
        unsafe { block.write_bytes(0, len) };
        Some(block)
    }
}

/// Any [`Malloc`], made thread-safe by a critical section, as heap_3 makes the C library's by
/// holding the scheduler.
///
/// It owns no memory: the wrapped allocator does, and does not tell which part is free. So it is no
/// [`RawHeap`](crate::RawHeap), which takes a stretch and answers for each byte of it; a
/// [`Memory`](crate::Memory) and a replay cannot have it. Around another scheme of this module it
/// is that scheme's lock.
///
/// Interrupts wait for as long as the wrapped allocator takes.
#[derive(Debug)]
pub struct Heap3<M>(Mutex<RefCell<M>>);

impl<M> Heap3<M> {
    /// Puts a lock around an allocator.
    #[must_use]
    pub const fn new(allocator: M) -> Self {
        Self(Mutex::new(RefCell::new(allocator)))
    }

    /// Runs `f` inside the lock; `None` when the lock is held by a caller further up.
    pub fn with<R>(&self, f: impl FnOnce(&mut M) -> R) -> Option<R> {
        critical_section::with(|cs| self.0.borrow(cs).try_borrow_mut().ok().map(|mut m| f(&mut m)))
    }
}

impl<M: Malloc> Heap3<M> {
    /// As [`Malloc::malloc`]; nothing either when called from inside the lock.
    pub fn malloc(&self, size: usize) -> Option<NonNull<u8>> {
        self.with(|allocator| allocator.malloc(size)).flatten()
    }

    /// As [`Malloc::calloc`]; nothing either when called from inside the lock.
    pub fn calloc(&self, count: usize, size: usize) -> Option<NonNull<u8>> {
        self.with(|allocator| allocator.calloc(count, size)).flatten()
    }

    /// As [`Malloc::free`]; refused when called from inside the lock.
    ///
    /// # Safety
    /// As for [`Malloc::free`].
    pub unsafe fn free(&self, ptr: NonNull<u8>) -> bool {
        // SAFETY: passed on.
        self.with(|allocator| unsafe { allocator.free(ptr) }).unwrap_or(false)
    }
}
