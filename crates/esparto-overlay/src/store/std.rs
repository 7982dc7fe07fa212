//! Files of this machine.

extern crate std;

use std::fs::File;
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::path::PathBuf;

use super::{Store, StoreError};

/// The files of one folder.
#[derive(Clone, Debug)]
pub struct StdStore {
    folder: PathBuf,
}

impl StdStore {
    /// A storage of the files in `folder`.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }
}

fn failed(error: &std::io::Error) -> StoreError {
    match error.kind() {
        ErrorKind::NotFound => StoreError::NotFound,
        _ => StoreError::Failed { code: error.raw_os_error().unwrap_or_default().unsigned_abs() },
    }
}

impl Store for StdStore {
    type File = File;

    fn open(&mut self, name: &str) -> Result<File, StoreError> {
        File::open(self.folder.join(name)).map_err(|error| failed(&error))
    }

    fn len_bytes(&mut self, file: &File) -> Result<u32, StoreError> {
        let metadata = file.metadata().map_err(|error| failed(&error))?;
        u32::try_from(metadata.len()).map_err(|_| StoreError::Failed { code: 0 })
    }

    fn read_at(
        &mut self,
        file: &mut File,
        offset: u32,
        buffer: &mut [u8],
    ) -> Result<usize, StoreError> {
        file.seek(SeekFrom::Start(offset.into())).map_err(|error| failed(&error))?;
        let mut count = 0;
        while count < buffer.len() {
            match file.read(&mut buffer[count..]) {
                Ok(0) => break,
                Ok(more) => count += more,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(failed(&error)),
            }
        }
        Ok(count)
    }
}
