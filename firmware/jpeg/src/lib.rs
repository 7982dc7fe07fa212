//! The camera's JPEG decoder: MozJPEG's, in C, without files, environment and process around it.
//!
//! On the core most of the C code is overlays. What stays is [`decode`]'s own frame (`native/decode.c`:
//! errors jump there from wherever they are found) and the library's memory manager, whose memory is
//! asked of the global allocator.
#![no_std]

extern crate alloc;

mod memory;

use core::fmt;

/// What C calls, and nobody else.
#[doc(hidden)]
pub use memory::{jpeg_rust_allocate, jpeg_rust_free};

/// A picture's size.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Size {
    /// Columns.
    pub width_px: u32,
    /// Rows.
    pub height_px: u32,
}

/// Why a picture cannot be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DecodeError {
    /// It is no JPEG, or a damaged one.
    Refused {
        /// The library's number of what is wrong.
        code: u32,
    },
    /// The place for the pixels is not three bytes a pixel.
    Place {
        /// The bytes that were given.
        actual: usize,
        /// The bytes that it takes.
        expected: usize,
    },
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused { code } => write!(f, "no usable JPEG: the library's error {code}"),
            Self::Place { actual, expected } => {
                write!(f, "{actual} bytes for the pixels, expected {expected}: give as many")
            }
        }
    }
}

impl core::error::Error for DecodeError {}

unsafe extern "C" {
    /// `native/decode.c`: 0, or the library's number of an error and 1.
    fn jpeg_size_of(bytes: *const u8, len_bytes: usize, size: *mut Size) -> u32;
    /// The same, into `rgb`, for which a picture of another size than `size` is an error.
    fn jpeg_decode(bytes: *const u8, len_bytes: usize, size: *const Size, rgb: *mut u8) -> u32;
}

fn outcome(code: u32) -> Result<(), DecodeError> {
    code.checked_sub(1).map_or(Ok(()), |code| Err(DecodeError::Refused { code }))
}

/// The size of a picture, from its header.
///
/// # Errors
/// [`DecodeError::Refused`].
pub fn size(bytes: &[u8]) -> Result<Size, DecodeError> {
    let mut size = Size::default();
    // SAFETY: as many bytes as there are, and a place for the size.
    outcome(unsafe { jpeg_size_of(bytes.as_ptr(), bytes.len(), &raw mut size) })?;
    Ok(size)
}

/// Decodes a picture of this size into `rgb`, three bytes a pixel, by the exact integer transform.
///
/// # Errors
/// [`DecodeError`]; some of `rgb` may be written.
pub fn decode(bytes: &[u8], size: Size, rgb: &mut [u8]) -> Result<(), DecodeError> {
    let expected = size.width_px as usize * size.height_px as usize * 3;
    if rgb.len() != expected {
        return Err(DecodeError::Place { actual: rgb.len(), expected });
    }
    // SAFETY: as many bytes as there are, and C refuses a picture for which `rgb` is not long enough.
    outcome(unsafe { jpeg_decode(bytes.as_ptr(), bytes.len(), &raw const size, rgb.as_mut_ptr()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_jpeg_is_refused() {
        for bytes in [b"".as_slice(), b"\xFF\xD8", b"GIF89a, with some more behind it"] {
            assert!(matches!(size(bytes), Err(DecodeError::Refused { .. })), "{bytes:?}");
        }
        let error = decode(b"", Size { width_px: 4, height_px: 2 }, &mut [0; 8]);
        assert_eq!(error, Err(DecodeError::Place { actual: 8, expected: 24 }));
    }
}
