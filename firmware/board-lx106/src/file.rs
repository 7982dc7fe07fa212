//! Files of the host, to be read.

use core::ffi::CStr;

use crate::uart::{Call, simcall};

/// A file of the host.
#[derive(Debug)]
pub struct HostFile {
    descriptor: u32,
}

/// The host has no such file, or no such bytes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HostError;

fn checked(answer: i32) -> Result<u32, HostError> {
    u32::try_from(answer).map_err(|_| HostError)
}

impl HostFile {
    /// Opens a file for reading; a name without a slash is in the folder that the emulator was
    /// started in.
    ///
    /// # Errors
    /// It is not there.
    pub fn open(name: &CStr) -> Result<Self, HostError> {
        const READ_ONLY: u32 = 0;
        // SAFETY: a text with its end.
        let answer = unsafe { simcall(Call::Open, [name.as_ptr().addr() as u32, READ_ONLY, 0]) };
        Ok(Self { descriptor: checked(answer)? })
    }

    /// Its length.
    ///
    /// # Errors
    /// It has none.
    pub fn len_bytes(&self) -> Result<u32, HostError> {
        const FROM_END: u32 = 2;
        // SAFETY: an open file.
        checked(unsafe { simcall(Call::Seek, [self.descriptor, 0, FROM_END]) })
    }

    /// Fills `buffer` from `offset` on; returns how many bytes there were.
    ///
    /// # Errors
    /// There is no such place.
    pub fn read_at(&self, offset: u32, buffer: &mut [u8]) -> Result<usize, HostError> {
        const FROM_START: u32 = 0;
        // SAFETY: an open file.
        checked(unsafe { simcall(Call::Seek, [self.descriptor, offset, FROM_START]) })?;
        let place = [self.descriptor, buffer.as_mut_ptr().addr() as u32, buffer.len() as u32];
        // SAFETY: an open file, and a buffer with its length.
        checked(unsafe { simcall(Call::Read, place) }).map(|count| count as usize)
    }
}

impl Drop for HostFile {
    fn drop(&mut self) {
        // SAFETY: an open file; nothing was written that could be lost.
        unsafe { simcall(Call::Close, [self.descriptor, 0, 0]) };
    }
}
