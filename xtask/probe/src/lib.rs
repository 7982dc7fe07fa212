//! Every operation of a memory that can be told of, compiled to be read as instructions.
#![no_std]

use core::alloc::Layout;
use core::ptr::NonNull;

use esparto::{AllocError, Caps, Memory, Tiers};

#[cfg(not(feature = "noting"))]
type Told = esparto::Silent;
#[cfg(feature = "noting")]
type Told = noting::Noting;

/// A sink that the compiler cannot do without.
#[cfg(feature = "noting")]
mod noting {
    use esparto::{Event, Owner, PoolEvent, Sink};

    unsafe extern "C" {
        fn note(owner: &Owner, event: &Event);
        fn note_pool(event: &PoolEvent);
    }

    /// Hands every event to a function that is elsewhere.
    pub struct Noting;

    impl Sink for Noting {
        fn record(&mut self, owner: Owner, event: Event) {
            // SAFETY: never linked, so never called.
            unsafe { note(&owner, &event) }
        }

        fn record_pool(&mut self, event: PoolEvent) {
            // SAFETY: as above.
            unsafe { note_pool(&event) }
        }
    }
}

/// Allocates.
#[unsafe(no_mangle)]
pub fn probe_allocate(memory: &Memory<4, Told>, layout: Layout) -> Result<NonNull<u8>, AllocError> {
    memory.allocate(layout, Caps::INTERNAL)
}

/// Gives back.
///
/// # Safety
/// As for `Memory::deallocate`.
#[unsafe(no_mangle)]
pub unsafe fn probe_deallocate(memory: &Memory<4, Told>, ptr: NonNull<u8>, layout: Layout) {
    // SAFETY: passed on.
    unsafe { memory.deallocate(ptr, layout) }
}

/// Changes a size.
///
/// # Safety
/// As for `Memory::resize`.
#[unsafe(no_mangle)]
pub unsafe fn probe_resize(
    memory: &Memory<4, Told>,
    ptr: NonNull<u8>,
    old: Layout,
    new: Layout,
) -> Result<NonNull<u8>, AllocError> {
    // SAFETY: passed on.
    unsafe { memory.resize(ptr, old, new, Caps::INTERNAL) }
}

/// Marks.
#[unsafe(no_mangle)]
pub fn probe_mark(memory: &Memory<4, Told>) {
    memory.mark(7);
}

/// Allocates from tiers.
#[unsafe(no_mangle)]
pub fn probe_tiers_allocate(tiers: &Tiers<'_, 4, 4, Told>, layout: Layout) -> Option<NonNull<u8>> {
    tiers.allocate(layout).ok()
}

/// Gives back to tiers.
///
/// # Safety
/// As for `Tiers::deallocate`.
#[unsafe(no_mangle)]
pub unsafe fn probe_tiers_deallocate(tiers: &Tiers<'_, 4, 4, Told>, ptr: *mut u8, layout: Layout) {
    // SAFETY: passed on.
    let _ = unsafe { tiers.deallocate(ptr, layout) };
}
