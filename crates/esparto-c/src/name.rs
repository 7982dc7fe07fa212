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
    unsafe { text(name, len) }
}

/// The name of a file, of which the end is kept: build systems say all of a path.
///
/// # Safety
/// As for [`name`].
pub(crate) unsafe fn path(path: *const c_char, len: usize) -> Result<&'static str, Status> {
    if path.is_null() {
        return Err(Status::NullPointer);
    }
    let kept = len.min(LIMIT_BYTES);
    // SAFETY: passed on; the end of the text is a text.
    unsafe { text(path.add(len - kept), kept) }
}

/// # Safety
/// As for [`name`], and not null.
unsafe fn text(name: *const c_char, len: usize) -> Result<&'static str, Status> {
    // SAFETY: passed on.
    let bytes = unsafe { core::slice::from_raw_parts(name.cast::<u8>(), len) };
    // Not `from_utf8`: names are ASCII as a rule, and small firmware has no room for more.
    if !bytes.iter().all(|byte| matches!(byte, b' '..=b'~')) {
        return Err(Status::BadName);
    }
    // SAFETY: plain ASCII is UTF-8.
    Ok(unsafe { core::str::from_utf8_unchecked(bytes) })
}
