//! What the C names do, on any memory.

use core::ptr::{NonNull, null_mut};

use esparto::{Caps, Memory, Policy, Sink};

/// What blocks are aligned to: the word, as those of ESP-IDF and of esp-alloc.
const ALIGN_BYTES: usize = 4;

/// A block of at least `size` bytes; null when there is none. A size of 0 gets a block too, as the
/// radio's libraries are used to.
#[must_use]
pub fn allocate<const N: usize, S: Sink>(
    memory: &Memory<N, S>,
    size: usize,
    policy: Policy,
) -> *mut u8 {
    let block = memory.allocate_sized(size.max(1), ALIGN_BYTES, policy);
    block.map_or(null_mut(), NonNull::as_ptr)
}

/// The same for `count` times `size` bytes, all zero; null also if that is more than there can be.
#[must_use]
pub fn allocate_zeroed<const N: usize, S: Sink>(
    memory: &Memory<N, S>,
    count: usize,
    size: usize,
    policy: Policy,
) -> *mut u8 {
    let Some(bytes) = count.checked_mul(size) else { return null_mut() };
    let block = allocate(memory, bytes, policy);
    if !block.is_null() {
        // SAFETY: just allocated, and at least this long.
        unsafe { block.write_bytes(0, bytes) };
    }
    block
}

/// Gives a block another size, in place or by moving it to where `policy` allows. Null leaves the
/// block as it was; no block gets one; a size of 0 gives it back, and null.
///
/// # Safety
/// `block` is null, or a live block of this memory from the functions here that is the caller's; the
/// old pointer is dead afterwards unless it is returned or null is, for a size above 0. Anything else
/// that is no live block is refused and counted.
#[must_use]
pub unsafe fn resize<const N: usize, S: Sink>(
    memory: &Memory<N, S>,
    block: *mut u8,
    size: usize,
    policy: Policy,
) -> *mut u8 {
    let Some(ptr) = NonNull::new(block) else { return allocate(memory, size, policy) };
    if size == 0 {
        // SAFETY: passed on.
        unsafe { deallocate(memory, block) };
        return null_mut();
    }
    // SAFETY: passed on.
    unsafe { memory.resize_sized(ptr, size, policy) }.map_or(null_mut(), NonNull::as_ptr)
}

/// Gives a block back; null is nothing to give.
///
/// # Safety
/// As for [`resize`]: nobody uses the block any more.
pub unsafe fn deallocate<const N: usize, S: Sink>(memory: &Memory<N, S>, block: *mut u8) {
    if let Some(ptr) = NonNull::new(block) {
        // C has nobody to tell: what is refused is counted by the memory.
        // SAFETY: passed on.
        let _ = unsafe { memory.deallocate_sized(ptr) };
    }
}

/// The free bytes of all regions with these capabilities.
#[must_use]
pub fn free_bytes<const N: usize, S: Sink>(memory: &Memory<N, S>, caps: Caps) -> usize {
    memory.caps_stats(caps).free_bytes
}

/// Defines the C names that esp-radio asks the program's allocator for, over the [`Memory`] that is
/// named: `malloc`, `calloc`, `realloc`, `free`, the same with `_internal` behind for internal memory
/// alone, and `get_free_internal_heap_size`.
///
/// Sizes are multiplied with checks: a `calloc` that overflows returns null. A pointer that is no live
/// block is refused by `free` and counted ([`Memory::refused_free_count`]).
#[macro_export]
macro_rules! radio_symbols {
    ($memory:path) => {
        const _: () = {
            use ::core::ffi::c_void;

            const ANY: $crate::__private::Policy = $crate::__private::ANY;
            const INTERNAL: $crate::__private::Policy = $crate::__private::INTERNAL;

            #[unsafe(no_mangle)]
            extern "C" fn malloc(size: usize) -> *mut c_void {
                $crate::allocate(&$memory, size, ANY).cast()
            }

            #[unsafe(no_mangle)]
            extern "C" fn malloc_internal(size: usize) -> *mut c_void {
                $crate::allocate(&$memory, size, INTERNAL).cast()
            }

            #[unsafe(no_mangle)]
            extern "C" fn calloc(count: usize, size: usize) -> *mut c_void {
                $crate::allocate_zeroed(&$memory, count, size, ANY).cast()
            }

            #[unsafe(no_mangle)]
            extern "C" fn calloc_internal(count: usize, size: usize) -> *mut c_void {
                $crate::allocate_zeroed(&$memory, count, size, INTERNAL).cast()
            }

            #[unsafe(no_mangle)]
            unsafe extern "C" fn realloc(block: *mut c_void, size: usize) -> *mut c_void {
                // SAFETY: as C's own function demands.
                unsafe { $crate::resize(&$memory, block.cast(), size, ANY) }.cast()
            }

            #[unsafe(no_mangle)]
            unsafe extern "C" fn realloc_internal(block: *mut c_void, size: usize) -> *mut c_void {
                // SAFETY: as C's own function demands.
                unsafe { $crate::resize(&$memory, block.cast(), size, INTERNAL) }.cast()
            }

            #[unsafe(no_mangle)]
            unsafe extern "C" fn free(block: *mut c_void) {
                // SAFETY: as C's own function demands.
                unsafe { $crate::deallocate(&$memory, block.cast()) };
            }

            #[unsafe(no_mangle)]
            unsafe extern "C" fn free_internal(block: *mut c_void) {
                // SAFETY: as C's own function demands.
                unsafe { $crate::deallocate(&$memory, block.cast()) };
            }

            #[unsafe(no_mangle)]
            extern "C" fn get_free_internal_heap_size() -> usize {
                $crate::free_bytes(&$memory, $crate::__private::CAPS)
            }
        };
    };
}

/// What the macro's code names.
#[doc(hidden)]
pub mod private {
    pub use esparto::Policy;

    use esparto::Caps;

    /// Anything with bytes, internal memory first.
    pub const ANY: Policy = Policy::ANY.and_prefer(Caps::INTERNAL);
    /// Internal memory.
    pub const CAPS: Caps = Caps::INTERNAL.union(Caps::BYTE);
    /// Internal memory alone.
    pub const INTERNAL: Policy = Policy::require(CAPS);
}
