//! The library's memory: the global allocator's.

use core::alloc::Layout;

const ALIGN_BYTES: usize = 16;

fn layout(size_bytes: usize) -> Option<Layout> {
    Layout::from_size_align(size_bytes.max(1), ALIGN_BYTES).ok()
}

/// Memory of this size, or null.
#[unsafe(no_mangle)]
pub extern "C" fn jpeg_rust_allocate(size_bytes: usize) -> *mut u8 {
    let Some(layout) = layout(size_bytes) else { return core::ptr::null_mut() };
    // SAFETY: not of size 0.
    unsafe { alloc::alloc::alloc(layout) }
}

/// Frees it.
///
/// # Safety
/// It came from [`jpeg_rust_allocate`] with the same size.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jpeg_rust_free(memory: *mut u8, size_bytes: usize) {
    if let Some(layout) = layout(size_bytes) {
        // SAFETY: as promised by the caller.
        unsafe { alloc::alloc::dealloc(memory, layout) };
    }
}
