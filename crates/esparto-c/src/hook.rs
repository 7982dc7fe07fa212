//! Functions that are called if somebody put them there: who never does, does not link them.

use core::marker::PhantomData;
use core::ptr::null_mut;
use core::sync::atomic::{AtomicPtr, Ordering};

/// A place for a function of type `F`, which is one of plain function pointers.
pub(crate) struct Hook<F> {
    place: AtomicPtr<()>,
    function: PhantomData<F>,
}

// SAFETY: a function pointer may be called from anywhere; the place is an atomic.
unsafe impl<F> Sync for Hook<F> {}

impl<F: Copy> Hook<F> {
    /// # Safety
    /// `F` is a type of function pointers.
    pub(crate) const unsafe fn new() -> Self {
        const { assert!(size_of::<F>() == size_of::<*mut ()>()) };
        Self { place: AtomicPtr::new(null_mut()), function: PhantomData }
    }

    /// Puts a function there.
    pub(crate) fn set(&self, function: F) {
        // SAFETY: a function pointer is as large as one to data on every target there is.
        let place = unsafe { core::mem::transmute_copy::<F, *mut ()>(&function) };
        self.place.store(place, Ordering::Release);
    }

    /// The function there.
    #[inline(always)]
    pub(crate) fn get(&self) -> Option<F> {
        // Relaxed: a function is code, which was there before.
        let place = self.place.load(Ordering::Relaxed);
        // SAFETY: not null, so what `set` made of a function.
        (!place.is_null()).then(|| unsafe { core::mem::transmute_copy::<*mut (), F>(&place) })
    }
}
