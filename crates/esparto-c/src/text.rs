//! Text for people: figures and reasons, into the caller's buffer.

use core::ffi::c_char;
use core::fmt::{self, Write};

/// Writes as `snprintf` does: what fits, always with an end, and counts what there is.
pub(crate) struct Text {
    buffer: *mut c_char,
    size: usize,
    len: usize,
}

impl Text {
    /// # Safety
    /// `buffer` is null or the caller's, `size` bytes long.
    pub(crate) unsafe fn new(buffer: *mut c_char, size: usize) -> Self {
        Self { buffer, size: if buffer.is_null() { 0 } else { size }, len: 0 }
    }

    /// Writes `what`, ends the text, and returns the length of all of it without the end.
    pub(crate) fn write(mut self, what: impl fmt::Display) -> usize {
        // Cannot fail: what does not fit is counted.
        let _ = write!(self, "{what}");
        if self.size != 0 {
            let end = self.len.min(self.size - 1);
            // SAFETY: inside the buffer.
            unsafe { self.buffer.add(end).write(0) };
        }
        self.len
    }
}

impl Write for Text {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = self.size.saturating_sub(1).saturating_sub(self.len);
        let copied = room.min(text.len());
        if copied != 0 {
            // SAFETY: the room behind what was written is that long.
            unsafe {
                self.buffer.add(self.len).copy_from_nonoverlapping(text.as_ptr().cast(), copied);
            }
        }
        self.len = self.len.saturating_add(text.len());
        Ok(())
    }
}
