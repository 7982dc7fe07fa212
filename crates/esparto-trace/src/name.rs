//! Short names, kept in place.

use core::fmt;

use crate::wire::MAX_NAME_BYTES;

/// A name of at most [`MAX_NAME_BYTES`] bytes of UTF-8.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Name {
    bytes: [u8; MAX_NAME_BYTES],
    len: u8,
}

impl Name {
    /// Takes `text`, cut after the last character that fits.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let mut len = text.len().min(MAX_NAME_BYTES);
        while !text.is_char_boundary(len) {
            len -= 1;
        }
        let mut bytes = [0; MAX_NAME_BYTES];
        for (to, from) in bytes.iter_mut().zip(&text.as_bytes()[..len]) {
            *to = *from;
        }
        // At most MAX_NAME_BYTES, which fits.
        Self { bytes, len: len as u8 }
    }

    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // Only whole text goes in, so the fallback is never taken.
        core::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }

    /// As bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }
}

impl Default for Name {
    fn default() -> Self {
        Self::new("")
    }
}

impl From<&str> for Name {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}
