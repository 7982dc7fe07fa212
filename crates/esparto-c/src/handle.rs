//! Handles that lie in the caller's memory.

use core::mem::MaybeUninit;

use crate::Status;

/// A value in the memory of a C handle, behind a word that says that it is there.
///
/// The word depends on the handle's address and kind: zeroed memory, memory that was ended, a copy of
/// a handle somewhere else and a handle of another kind do not have it.
#[repr(C)]
pub(crate) struct Place<T> {
    seal: usize,
    value: MaybeUninit<T>,
}

/// What tells handles of one kind from those of another.
pub(crate) trait Kind {
    const SEAL: usize;
}

impl<T: Kind> Place<T> {
    fn seal(place: *mut Self) -> usize {
        T::SEAL ^ place.addr()
    }

    /// The place in a handle, which may hold anything.
    fn of<H>(handle: *mut H) -> Result<*mut Self, Status> {
        const { assert!(size_of::<Self>() <= size_of::<H>() && align_of::<Self>() <= align_of::<H>()) };
        if handle.is_null() {
            return Err(Status::NullPointer);
        }
        if !handle.is_aligned() {
            return Err(Status::BadHandle);
        }
        Ok(handle.cast())
    }

    fn is_live(place: *mut Self) -> bool {
        // SAFETY: callers have a handle that is not null and aligned, of which C says that it is one.
        unsafe { (&raw const (*place).seal).read_volatile() == Self::seal(place) }
    }

    /// The value in a live handle.
    ///
    /// # Safety
    /// `handle` is null or a handle of the caller's that nobody is setting up or ending.
    pub(crate) unsafe fn get<'h, H>(handle: *mut H) -> Result<&'h T, Status> {
        let place = Self::of(handle)?;
        if !Self::is_live(place) {
            return Err(Status::BadHandle);
        }
        // SAFETY: the seal is written after the value, and broken before it goes.
        Ok(unsafe { (*place).value.assume_init_ref() })
    }

    /// Sets a handle up: lets `make` write the value where it lies, and makes it live.
    ///
    /// # Safety
    /// As for [`get`](Self::get), and the caller's alone.
    #[inline(always)]
    pub(crate) unsafe fn set<H>(
        handle: *mut H,
        make: impl FnOnce(&'static mut MaybeUninit<T>) -> Result<&'static mut T, Status>,
    ) -> Result<(), Status>
    where
        T: 'static,
    {
        let place = Self::of(handle)?;
        if Self::is_live(place) {
            return Err(Status::AlreadyInitialised);
        }
        // SAFETY: the memory is the handle's, which is not live, and lives until it is ended. The value
        // is made there, and not moved: a bus would be too much for a task's stack.
        unsafe {
            make(&mut (*place).value)?;
            (&raw mut (*place).seal).write_volatile(Self::seal(place));
        }
        Ok(())
    }

    /// Ends a live handle, if `finish` agrees.
    ///
    /// # Safety
    /// As for [`set`](Self::set).
    pub(crate) unsafe fn end<H>(
        handle: *mut H,
        finish: impl FnOnce(&T) -> Result<(), Status>,
    ) -> Result<(), Status> {
        // SAFETY: passed on.
        finish(unsafe { Self::get(handle)? })?;
        let place = Self::of(handle)?;
        // SAFETY: the handle was live, and is the caller's alone. The value needs no drop that
        // `finish` did not do.
        unsafe {
            (&raw mut (*place).seal).write_volatile(0);
            (*place).value.assume_init_drop();
        }
        Ok(())
    }
}

/// Writes what a function hands out.
///
/// # Safety
/// `out` is null or the caller's to be written.
pub(crate) unsafe fn put<T>(out: *mut T, value: T) -> Result<(), Status> {
    if out.is_null() {
        return Err(Status::NullPointer);
    }
    // SAFETY: as promised.
    unsafe { out.write(value) };
    Ok(())
}
