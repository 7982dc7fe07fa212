//! Where the bytes of a trace come from.

use core::convert::Infallible;

/// A stream of bytes, seen through a window at its front.
pub trait Source {
    /// What can go wrong with it.
    type Error;

    /// Bytes that are here and not yet consumed.
    fn window(&self) -> &[u8];

    /// Tries to make the window at least `wanted_bytes` long; it stays shorter only at the end
    /// of the stream. At most [`MAX_BLOCK_BYTES`](crate::MAX_BLOCK_BYTES) are asked for.
    ///
    /// # Errors
    /// What the stream itself reports.
    fn fill(&mut self, wanted_bytes: usize) -> Result<(), Self::Error>;

    /// Drops the first `count` bytes of the window, or all if it has fewer.
    fn consume(&mut self, count: usize);
}

/// A trace that is in memory as a whole.
#[derive(Clone, Copy, Debug)]
pub struct Slice<'a>(pub &'a [u8]);

impl Source for Slice<'_> {
    type Error = Infallible;

    #[inline]
    fn window(&self) -> &[u8] {
        self.0
    }

    fn fill(&mut self, _wanted_bytes: usize) -> Result<(), Infallible> {
        Ok(())
    }

    fn consume(&mut self, count: usize) {
        self.0 = self.0.get(count..).unwrap_or_default();
    }
}

/// A trace that comes in pieces from a reader. Holds at most 256 KiB of it.
#[cfg(feature = "std")]
#[derive(Debug)]
pub struct Chunks<R> {
    reader: R,
    buffer: std::vec::Vec<u8>,
    start: usize,
    end: usize,
}

#[cfg(feature = "std")]
impl<R: std::io::Read> Chunks<R> {
    const BUFFER_BYTES: usize = 1 << 18;

    /// Reads from `reader`, in large pieces: it needs no buffer of its own.
    #[must_use]
    pub fn new(reader: R) -> Self {
        const { assert!(crate::MAX_BLOCK_BYTES <= Self::BUFFER_BYTES) };
        Self { reader, buffer: std::vec![0; Self::BUFFER_BYTES], start: 0, end: 0 }
    }
}

#[cfg(feature = "std")]
impl<R: std::io::Read> Source for Chunks<R> {
    type Error = std::io::Error;

    #[inline]
    fn window(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    fn fill(&mut self, wanted_bytes: usize) -> Result<(), std::io::Error> {
        let wanted = wanted_bytes.min(self.buffer.len());
        if self.start + wanted > self.buffer.len() {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        while self.end - self.start < wanted {
            match self.reader.read(&mut self.buffer[self.end..]) {
                Ok(0) => break,
                Ok(count) => self.end += count,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn consume(&mut self, count: usize) {
        self.start = (self.start + count).min(self.end);
    }
}
