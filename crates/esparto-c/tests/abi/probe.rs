//! The library with a Rust memory beside it, called as C calls: what malloc is measured against.
#![no_std]

use core::alloc::Layout;
use core::ptr::{NonNull, null_mut};

use esparto::{Caps, Heap, Memory, Policy, Region};
use esparto_c as _;

static MEMORY: Memory<16> = Memory::new();
const POLICY: Policy = Policy::ANY.and_prefer(Caps::INTERNAL);

/// Adds the only region.
///
/// # Safety
/// The memory is this memory's for ever.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rust_region_add(start: *mut u8, len_bytes: usize, caps: u16) -> bool {
    let Some(start) = NonNull::new(start) else { return false };
    let memory = NonNull::slice_from_raw_parts(start, len_bytes);
    let region = Region::new("rust", memory, Caps::from_bits_truncate(caps)).trimmed();
    // SAFETY: passed on.
    unsafe { MEMORY.add::<Heap>(region) }.is_ok()
}

/// The Rust call for a block.
///
/// # Safety
/// The size and the alignment are a layout.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rust_allocate(size: usize, align: usize) -> *mut u8 {
    // SAFETY: passed on.
    let layout = unsafe { Layout::from_size_align_unchecked(size, align) };
    MEMORY.allocate(layout, POLICY).map_or(null_mut(), NonNull::as_ptr)
}

/// The Rust call that gives it back.
///
/// # Safety
/// A live block of this layout.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rust_deallocate(block: *mut u8, size: usize, align: usize) {
    // SAFETY: passed on.
    unsafe {
        let layout = Layout::from_size_align_unchecked(size, align);
        MEMORY.deallocate(NonNull::new_unchecked(block), layout);
    }
}
