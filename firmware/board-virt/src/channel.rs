//! Bytes for a file on the host, by semihosting.

use core::ffi::CStr;

use semihosting::fs::File;
use semihosting::io::Write;

/// A file on the host.
#[derive(Debug)]
pub struct HostFile {
    file: File,
    written_bytes: usize,
}

/// Why there is no file, or no more of it.
#[derive(Debug)]
#[non_exhaustive]
pub enum ChannelError {
    /// The host does not answer to semihosting, or the command line is too long for it.
    CommandLine,
    /// The file cannot be created.
    Create(semihosting::io::Error),
    /// The file cannot be written.
    Write(semihosting::io::Error),
}

impl HostFile {
    /// The longest command line, in bytes.
    const COMMAND_LINE_BYTES: usize = 512;

    /// The file named on the machine's command line (`-append FILE`); `None` if none is named.
    ///
    /// # Errors
    /// [`ChannelError::CommandLine`] or [`ChannelError::Create`].
    pub fn from_command_line() -> Result<Option<Self>, ChannelError> {
        let arguments = semihosting::experimental::env::args::<{ Self::COMMAND_LINE_BYTES }>()
            .map_err(|_| ChannelError::CommandLine)?;
        // The first is the program itself.
        let Some(name) = (&arguments).into_iter().nth(1) else { return Ok(None) };
        let name = name.map_err(|_| ChannelError::CommandLine)?;
        let mut path = [0; Self::COMMAND_LINE_BYTES];
        path.get_mut(..name.len())
            .ok_or(ChannelError::CommandLine)?
            .copy_from_slice(name.as_bytes());
        let path = CStr::from_bytes_until_nul(&path).map_err(|_| ChannelError::CommandLine)?;
        let file = File::create(path).map_err(ChannelError::Create)?;
        Ok(Some(Self { file, written_bytes: 0 }))
    }

    /// Appends `bytes`.
    ///
    /// # Errors
    /// [`ChannelError::Write`].
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), ChannelError> {
        self.file.write_all(bytes).map_err(ChannelError::Write)?;
        self.written_bytes += bytes.len();
        Ok(())
    }

    /// How much has been written.
    #[must_use]
    pub fn written_bytes(&self) -> usize {
        self.written_bytes
    }
}
