//! rlsf, in any of its configurations.

use core::alloc::Layout;
use core::mem::MaybeUninit;
use core::ptr::NonNull;

use rlsf::Tlsf;
use rlsf::int::BinInteger;

use crate::Subject;

/// rlsf with `FL` first-level lists of `SL` second-level ones each.
pub struct Rlsf<F: BinInteger, S: BinInteger, const FL: usize, const SL: usize>(
    Tlsf<'static, F, S, FL, SL>,
);

impl<F: BinInteger, S: BinInteger, const FL: usize, const SL: usize> Subject
    for Rlsf<F, S, FL, SL>
{
    unsafe fn init(arena: &'static mut [MaybeUninit<u8>]) -> Option<Self> {
        let mut heap = Tlsf::new();
        let len = arena.len();
        let memory = NonNull::slice_from_raw_parts(NonNull::from(arena).cast(), len);
        // SAFETY: the arena is the heap's alone.
        unsafe { heap.insert_free_block_ptr(memory)? };
        Some(Self(heap))
    }

    unsafe fn alloc(&mut self, layout: Layout) -> *mut u8 {
        self.0.allocate(layout).map_or(core::ptr::null_mut(), NonNull::as_ptr)
    }

    unsafe fn dealloc(&mut self, ptr: *mut u8, layout: Layout) {
        // SAFETY: a live block is not null; the caller's promise is the heap's.
        unsafe { self.0.deallocate(NonNull::new_unchecked(ptr), layout.align()) };
    }

    unsafe fn realloc(&mut self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: as for `dealloc`; the new size forms a valid layout.
        unsafe {
            let layout = Layout::from_size_align_unchecked(new_size, layout.align());
            self.0
                .reallocate(NonNull::new_unchecked(ptr), layout)
                .map_or(core::ptr::null_mut(), NonNull::as_ptr)
        }
    }
}
