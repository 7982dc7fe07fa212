//! Where the packed overlays are.

use core::ffi::CStr;

use board_sd::{Card, CardError, File, Sifive, SpiCard};
use esparto_overlay::{Store, StoreError};
use semihosting::io::{Read, Seek, SeekFrom};

const PATH_BYTES: usize = 128;

/// The packed overlays.
pub enum Files {
    /// In a folder of the host.
    Host {
        /// The folder, without a slash at its end.
        folder: [u8; PATH_BYTES],
    },
    /// In the card's top folder.
    Card(&'static Card<SpiCard<Sifive>>),
}

// SAFETY: there is one hart, and only the loader, in its turn, uses the card.
unsafe impl Send for Files {}

/// An open file.
pub enum Open {
    /// Of the host.
    Host(semihosting::fs::File),
    /// Of the card.
    Card(File<'static, SpiCard<Sifive>>),
}

impl Files {
    /// The folder that the machine's command line names; `None` if it names none.
    #[must_use]
    pub fn of_command_line() -> Option<Self> {
        Self::of_argument(1)
    }

    /// The folder that is this word of the machine's command line, the program's name being the
    /// first; `None` if there are not as many.
    #[must_use]
    pub fn of_argument(index: usize) -> Option<Self> {
        let arguments = semihosting::experimental::env::args::<512>().ok()?;
        let name = (&arguments).into_iter().nth(index)?.ok()?;
        let mut folder = [0; PATH_BYTES];
        folder.get_mut(..name.len())?.copy_from_slice(name.as_bytes());
        Some(Self::Host { folder })
    }
}

fn failed(error: &CardError) -> StoreError {
    match error {
        CardError::NotFound => StoreError::NotFound,
        _ => StoreError::Failed { code: 1 },
    }
}

impl Store for Files {
    type File = Open;

    fn open(&mut self, name: &str) -> Result<Open, StoreError> {
        match self {
            Self::Host { folder } => {
                let mut path = [0; PATH_BYTES + 32];
                let parts = [folder.split(|&byte| byte == 0).next().unwrap_or_default(), b"/"];
                let mut len = 0;
                for part in parts.into_iter().chain([name.as_bytes()]) {
                    let end = len + part.len();
                    path.get_mut(len..end).ok_or(StoreError::NotFound)?.copy_from_slice(part);
                    len = end;
                }
                let path = CStr::from_bytes_until_nul(&path).map_err(|_| StoreError::NotFound)?;
                let file = semihosting::fs::File::open(path).map_err(|_| StoreError::NotFound)?;
                Ok(Open::Host(file))
            }
            Self::Card(card) => card.open(name).map(Open::Card).map_err(|error| failed(&error)),
        }
    }

    fn len_bytes(&mut self, file: &Open) -> Result<u32, StoreError> {
        match file {
            Open::Host(file) => {
                let metadata = file.metadata().map_err(|_| StoreError::Failed { code: 2 })?;
                u32::try_from(metadata.len()).map_err(|_| StoreError::Failed { code: 3 })
            }
            Open::Card(file) => Ok(file.len_bytes()),
        }
    }

    fn read_at(
        &mut self,
        file: &mut Open,
        offset: u32,
        buffer: &mut [u8],
    ) -> Result<usize, StoreError> {
        match file {
            Open::Host(file) => {
                let mut read = || {
                    file.seek(SeekFrom::Start(offset.into()))?;
                    file.read(buffer)
                };
                read().map_err(|_| StoreError::Failed { code: 4 })
            }
            Open::Card(file) => file.read_at(offset, buffer).map_err(|error| failed(&error)),
        }
    }

    fn close(&mut self, file: Open) {
        if let Open::Card(file) = file {
            // A file that was only read has nothing left to write.
            let _ = file.close();
        }
    }
}
