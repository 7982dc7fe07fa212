//! Files of a LittleFS partition, through the driver of `littlefs-rust`: the reference
//! implementation in Rust, the same on the medium, and without a C compiler in the build.

use littlefs_rust::{Error, File, Filesystem, OpenFlags, SeekFrom, Storage};

use super::{Store, StoreError};

/// A LittleFS that is mounted, as ESP-IDF, Arduino and PlatformIO write it. Overlays are in its top
/// folder. Needs an allocator: one cache for each file that is open, and those of the driver.
pub struct LittleFsStore<D: Storage + 'static> {
    fs: &'static Filesystem<D>,
    open: Option<Open<D>>,
}

struct Open<D: Storage + 'static> {
    file: File<'static, D>,
    /// Where the next byte comes from without seeking.
    offset: u32,
}

// SAFETY: nobody else has the file system, since it came as a unique reference, and what is open
// stays in here: all of it moves from one thread to another as a whole.
unsafe impl<D: Storage + Send> Send for LittleFsStore<D> {}

/// The file that is open: one at a time, which is what the loader needs.
#[derive(Debug)]
pub struct LittleFsFile(());

impl<D: Storage> LittleFsStore<D> {
    /// A storage of the files of `fs`.
    #[must_use]
    pub fn new(fs: &'static mut Filesystem<D>) -> Self {
        Self { fs, open: None }
    }
}

/// The figures are those of the reference implementation.
fn failed(error: Error) -> StoreError {
    match error {
        Error::NoEntry | Error::IsDir | Error::NotDir => StoreError::NotFound,
        Error::Corrupt => StoreError::Failed { code: 84 },
        Error::NoMemory => StoreError::Failed { code: 12 },
        _ => StoreError::Failed { code: 5 },
    }
}

impl<D: Storage> Store for LittleFsStore<D> {
    type File = LittleFsFile;

    fn open(&mut self, name: &str) -> Result<LittleFsFile, StoreError> {
        if self.open.is_some() {
            return Err(StoreError::TooManyOpen);
        }
        let file = self.fs.open(name, OpenFlags::READ).map_err(failed)?;
        self.open = Some(Open { file, offset: 0 });
        Ok(LittleFsFile(()))
    }

    fn len_bytes(&mut self, _file: &LittleFsFile) -> Result<u32, StoreError> {
        self.open.as_ref().map(|open| open.file.size()).ok_or(StoreError::NotFound)
    }

    fn read_at(
        &mut self,
        _file: &mut LittleFsFile,
        offset: u32,
        buffer: &mut [u8],
    ) -> Result<usize, StoreError> {
        let open = self.open.as_mut().ok_or(StoreError::NotFound)?;
        if open.offset != offset {
            open.file.seek(SeekFrom::Start(offset)).map_err(failed)?;
        }
        // Where it is after a failure is not known; no file is that long.
        open.offset = u32::MAX;
        let count = open.file.read(buffer).map_err(failed)?;
        open.offset = offset.saturating_add(count);
        Ok(count as usize)
    }

    fn close(&mut self, _file: LittleFsFile) {
        self.open = None;
    }
}
