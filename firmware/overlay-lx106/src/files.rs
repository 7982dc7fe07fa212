//! The packed overlays, in the folder that the emulator was started in.

use core::ffi::CStr;

use esparto_overlay::{Store, StoreError};

use crate::board::file::HostFile;

/// The folder.
#[derive(Debug)]
pub struct Files;

impl Store for Files {
    type File = HostFile;

    fn open(&mut self, name: &str) -> Result<HostFile, StoreError> {
        let mut path = [0; 32];
        let place = path.get_mut(..name.len()).ok_or(StoreError::NotFound)?;
        place.copy_from_slice(name.as_bytes());
        let path = CStr::from_bytes_until_nul(&path).map_err(|_| StoreError::NotFound)?;
        HostFile::open(path).map_err(|_| StoreError::NotFound)
    }

    fn len_bytes(&mut self, file: &HostFile) -> Result<u32, StoreError> {
        file.len_bytes().map_err(|_| StoreError::Failed { code: 1 })
    }

    fn read_at(
        &mut self,
        file: &mut HostFile,
        offset: u32,
        buffer: &mut [u8],
    ) -> Result<usize, StoreError> {
        file.read_at(offset, buffer).map_err(|_| StoreError::Failed { code: 2 })
    }

    fn close(&mut self, file: HostFile) {
        drop(file);
    }
}
