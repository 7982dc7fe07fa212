//! Tiers as an allocator of collections.

use core::alloc::Layout;
use core::ptr::NonNull;

use super::Tiers;
use crate::Sink;

impl<const CLASSES: usize, const N: usize, S: Sink> Tiers<'_, CLASSES, N, S> {
    /// As collections ask: a size of zero gets a dangling, aligned pointer.
    fn allocate_slice(&self, layout: Layout) -> Option<NonNull<[u8]>> {
        let ptr = if layout.size() == 0 {
            NonNull::without_provenance(core::num::NonZero::new(layout.align())?)
        } else {
            self.allocate(layout).ok()?
        };
        Some(NonNull::slice_from_raw_parts(ptr, layout.size()))
    }
}

/// The trait is the same in both releases, but they are different traits.
macro_rules! impl_allocator {
    ($feature:literal, $api:ident) => {
        // SAFETY: blocks stay where they are until they are given back; every copy of the
        // reference speaks to the same tiers.
        #[cfg(feature = $feature)]
        unsafe impl<const CLASSES: usize, const N: usize, S: Sink> $api::alloc::Allocator
            for &Tiers<'_, CLASSES, N, S>
        {
            fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, $api::alloc::AllocError> {
                self.allocate_slice(layout).ok_or($api::alloc::AllocError)
            }

            unsafe fn deallocate(&self, ptr: NonNull<u8>, layout: Layout) {
                if layout.size() != 0 {
                    // Refused only if the caller breaks its promise, which was counted then.
                    // SAFETY: passed on.
                    let _ = unsafe { Tiers::deallocate(self, ptr.as_ptr(), layout) };
                }
            }
        }
    };
}

impl_allocator!("allocator-api2-v0_3", allocator_api2_v0_3);
impl_allocator!("allocator-api2-v0_4", allocator_api2_v0_4);
