//! Files in memory: overlays that are linked in, or sent by a radio.

use super::{Store, StoreError};

/// Files by name, each a slice of bytes.
#[derive(Clone, Copy, Debug)]
pub struct MemoryStore<'a> {
    files: &'a [(&'a str, &'a [u8])],
}

impl<'a> MemoryStore<'a> {
    /// A storage of these files. Opening one is linear in their number.
    #[must_use]
    pub const fn new(files: &'a [(&'a str, &'a [u8])]) -> Self {
        Self { files }
    }
}

impl<'a> Store for MemoryStore<'a> {
    type File = &'a [u8];

    fn open(&mut self, name: &str) -> Result<Self::File, StoreError> {
        let found = self.files.iter().find(|(file_name, _)| *file_name == name);
        found.map(|(_, bytes)| *bytes).ok_or(StoreError::NotFound)
    }

    fn len_bytes(&mut self, file: &Self::File) -> Result<u32, StoreError> {
        u32::try_from(file.len()).map_err(|_| StoreError::Failed { code: 0 })
    }

    fn read_at(
        &mut self,
        file: &mut Self::File,
        offset: u32,
        buffer: &mut [u8],
    ) -> Result<usize, StoreError> {
        let rest = file.get(offset as usize..).unwrap_or_default();
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }
}
