//! Static memory that is handed out once.

use core::cell::UnsafeCell;
use core::mem::MaybeUninit;

/// Static memory for a value.
#[derive(Debug)]
pub struct Place<T>(UnsafeCell<MaybeUninit<T>>);

// SAFETY: whoever takes it has it alone, as promised to `take`.
unsafe impl<T> Sync for Place<T> {}

impl<T> Place<T> {
    /// A place that holds nothing yet.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "a place is a static")]
    pub const fn new() -> Self {
        Self(UnsafeCell::new(MaybeUninit::uninit()))
    }

    /// Takes the place.
    ///
    /// # Safety
    /// Nobody else takes it.
    #[expect(clippy::mut_from_ref, reason = "there is one who takes it")]
    pub unsafe fn take(&'static self) -> &'static mut MaybeUninit<T> {
        // SAFETY: as promised by the caller.
        unsafe { &mut *self.0.get() }
    }

    /// What was written to the place.
    ///
    /// # Safety
    /// It was taken and written, and nobody changes it any more.
    pub unsafe fn get(&'static self) -> &'static T {
        // SAFETY: as promised by the caller.
        unsafe { (*self.0.get()).assume_init_ref() }
    }
}
