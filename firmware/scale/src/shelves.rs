//! Files in folders: a FAT folder is searched from its start, so thousands of files in one would cost
//! more than reading them.

use esparto_overlay::{Store, StoreError};
use overlay::Files;

/// The overlay `o0123` is in the folder `01`.
pub(crate) struct Shelves(pub(crate) Files);

/// Where the two digits are in a name.
const SHELF: core::ops::Range<usize> = 1..3;
const NAME_BYTES: usize = 32;

impl Store for Shelves {
    type File = <Files as Store>::File;

    fn open(&mut self, name: &str) -> Result<Self::File, StoreError> {
        let mut path = [0; NAME_BYTES];
        let mut len = 0;
        for part in [name.get(SHELF).ok_or(StoreError::NotFound)?, "/", name] {
            let end = len + part.len();
            path.get_mut(len..end).ok_or(StoreError::NotFound)?.copy_from_slice(part.as_bytes());
            len = end;
        }
        let path = core::str::from_utf8(&path[..len]).map_err(|_| StoreError::NotFound)?;
        self.0.open(path)
    }

    fn len_bytes(&mut self, file: &Self::File) -> Result<u32, StoreError> {
        self.0.len_bytes(file)
    }

    fn read_at(
        &mut self,
        file: &mut Self::File,
        offset: u32,
        buffer: &mut [u8],
    ) -> Result<usize, StoreError> {
        self.0.read_at(file, offset, buffer)
    }

    fn close(&mut self, file: Self::File) {
        self.0.close(file);
    }
}
