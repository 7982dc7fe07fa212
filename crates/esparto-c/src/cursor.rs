//! Checks in bounded steps.

use esparto::Corruption;
use esparto::heap::{Cursor as HeapCursor, Progress};

use crate::Status;

/// Where a check stands. Zeroed, it is at the beginning.
#[repr(C)]
pub struct Cursor {
    /// Private.
    opaque: [usize; 8],
}

impl Cursor {
    /// Runs one step of a check.
    ///
    /// # Safety
    /// `cursor` is null or the caller's, zeroed or as a step left it.
    pub(crate) unsafe fn with(
        cursor: *mut Self,
        step: impl FnOnce(&mut HeapCursor) -> Result<Progress, Corruption>,
    ) -> Result<(), Status> {
        const {
            assert!(size_of::<HeapCursor>() <= size_of::<Self>());
            assert!(align_of::<HeapCursor>() <= align_of::<Self>());
        }
        if cursor.is_null() {
            return Err(Status::NullPointer);
        }
        // SAFETY: a cursor is integers alone, and all zeros is the beginning.
        match step(unsafe { &mut *cursor.cast::<HeapCursor>() }) {
            Ok(Progress::Done) => Ok(()),
            Ok(Progress::More) => Err(Status::More),
            Err(_) => Err(Status::Corrupt),
        }
    }
}
