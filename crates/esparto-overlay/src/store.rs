//! Storage: where the files of overlays are.

use core::fmt;

#[cfg(feature = "fat")]
mod fat;
#[cfg(feature = "flash")]
mod flash;
#[cfg(feature = "littlefs")]
mod littlefs;
mod memory;
#[cfg(feature = "std")]
mod std;

#[cfg(feature = "fat")]
pub use fat::{FatStore, ReadAhead};
#[cfg(feature = "flash")]
pub use flash::{FlashError, FlashFile, FlashStore};
#[cfg(feature = "littlefs")]
pub use littlefs::{LittleFsFile, LittleFsStore};
pub use memory::MemoryStore;
#[cfg(feature = "std")]
pub use std::StdStore;

/// Files that are opened by name and read at an offset.
///
/// The loader reads each file front to back in pieces of its bounce buffer, so a storage that reads
/// ahead never reads in vain.
pub trait Store {
    /// An open file.
    type File;

    /// Opens a file for reading.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], or what went wrong.
    fn open(&mut self, name: &str) -> Result<Self::File, StoreError>;

    /// The length of a file in bytes.
    ///
    /// # Errors
    /// What went wrong.
    fn len_bytes(&mut self, file: &Self::File) -> Result<u32, StoreError>;

    /// Reads from byte `offset` on until `buffer` is full or the file ends; says how many bytes.
    ///
    /// # Errors
    /// What went wrong; `buffer` may then hold anything.
    fn read_at(
        &mut self,
        file: &mut Self::File,
        offset: u32,
        buffer: &mut [u8],
    ) -> Result<usize, StoreError>;

    /// Closes a file. Nothing to do for most.
    fn close(&mut self, file: Self::File) {
        drop(file);
    }
}

/// What a storage could not do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreError {
    /// There is no file of this name.
    NotFound,
    /// There is no card, partition or file system.
    NoMedium,
    /// The storage failed; what it calls the failure.
    Failed {
        /// A number of the storage's own, for its documentation.
        code: u32,
    },
    /// More files are open than the storage allows.
    TooManyOpen,
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::NotFound => f.write_str("no such file: copy the packed overlays to the storage"),
            Self::NoMedium => f.write_str("no card or file system: insert a formatted one"),
            Self::Failed { code } => {
                write!(f, "the storage failed ({code}): try again, then try another card")
            }
            Self::TooManyOpen => f.write_str("too many open files: close one"),
        }
    }
}

impl core::error::Error for StoreError {}
