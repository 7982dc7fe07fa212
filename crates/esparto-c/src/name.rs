//! Names that come from C.

use core::ffi::c_char;

use crate::Status;

/// The longest name.
const LIMIT_BYTES: usize = 64;

/// # Safety
/// `name` is null or text of `len` bytes that lives for ever.
pub(crate) unsafe fn name(name: *const c_char, len: usize) -> Result<&'static str, Status> {
    if name.is_null() {
        return Err(Status::NullPointer);
    }
    if len > LIMIT_BYTES {
        return Err(Status::BadName);
    }
    // SAFETY: passed on.
    let bytes = unsafe { core::slice::from_raw_parts(name.cast::<u8>(), len) };
    core::str::from_utf8(bytes).map_err(|_| Status::BadName)
}
