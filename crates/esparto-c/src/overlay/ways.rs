//! What the loader asks of a C firmware: its files, its code memory, its contexts.

use core::ffi::{c_char, c_void};

use esparto_overlay::{Direct, LoadError, Platform, Store, StoreError, Writer, sync_instructions};

use crate::Status;

/// Where the files of overlays are: three functions.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct RawStore {
    /// Opens a file for reading, and says how long it is: 0, or a number of its own when it cannot, -1
    /// when there is no such file. The name has no end.
    pub open: Option<
        unsafe extern "C" fn(
            name: *const c_char,
            name_len: usize,
            file: *mut *mut c_void,
            len_bytes: *mut u32,
            context: *mut c_void,
        ) -> i32,
    >,
    /// Reads from byte `offset` on until the buffer is full or the file ends: how many bytes, or a
    /// negative number when it cannot.
    pub read_at: Option<
        unsafe extern "C" fn(
            file: *mut c_void,
            offset: u32,
            buffer: *mut c_void,
            len_bytes: usize,
            context: *mut c_void,
        ) -> i32,
    >,
    /// Closes a file.
    pub close: Option<unsafe extern "C" fn(file: *mut c_void, context: *mut c_void)>,
}

/// What the loader asks of a firmware. Zeroed functions are what is said of each, but for the store's
/// and `stack_end`, which must be there.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct OverlaySettings {
    /// Where the files are.
    pub store: RawStore,
    /// How far above the data addresses of executable memory its instruction addresses are: 0 where both
    /// are the same.
    pub code_distance_bytes: u32,
    /// Stores a word of code by its instruction address, in the place of what the distance says: where
    /// words lie in another order. Null: a store by the distance.
    pub store_code: Option<unsafe extern "C" fn(exec_addr: u32, word: u32, context: *mut c_void)>,
    /// Makes code visible to the instruction fetch where that takes more than a fence: writes the data
    /// cache back and invalidates the one of instructions. Null: nothing more.
    pub sync_code:
        Option<unsafe extern "C" fn(exec_addr: u32, len_bytes: u32, context: *mut c_void)>,
    /// One past the highest address of the running task's stack.
    pub stack_end: Option<unsafe extern "C" fn(context: *mut c_void) -> usize>,
    /// Is this an interrupt handler? Nothing is loaded in one. Null: it never is.
    pub in_interrupt: Option<unsafe extern "C" fn(context: *mut c_void) -> bool>,
    /// The task that runs, any number that no other task has. Null: there is one.
    pub task: Option<unsafe extern "C" fn(context: *mut c_void) -> u32>,
    /// Lets others run while another task loads. Null: nobody else runs.
    pub wait: Option<unsafe extern "C" fn(context: *mut c_void)>,
    /// Does another task or core execute or return to code between these addresses? Null: none does.
    pub is_elsewhere:
        Option<unsafe extern "C" fn(start_addr: u32, end_addr: u32, context: *mut c_void) -> bool>,
    /// The time in any unit, for the figures. Null: it stands still.
    pub ticks: Option<unsafe extern "C" fn(context: *mut c_void) -> u32>,
    /// A call through a stub was refused: what it answers instead. May not return at all. Null: 0.
    pub refused:
        Option<unsafe extern "C" fn(number: usize, status: Status, context: *mut c_void) -> u32>,
    /// There is nowhere to return to; should not return. Null, and behind it: the last word of the port.
    pub lost: Option<unsafe extern "C" fn(number: usize, status: Status, context: *mut c_void)>,
    /// Handed to all of them.
    pub context: *mut c_void,
}

impl OverlaySettings {
    /// What the loader works with.
    pub(super) fn ways(&self) -> Result<(FileStore, CodeWriter, Firmware), Status> {
        let (RawStore { open: Some(open), read_at: Some(read_at), close: Some(close) }, Some(_)) =
            (self.store, self.stack_end)
        else {
            return Err(Status::NullPointer);
        };
        let store = FileStore { open, read_at, close, context: self.context };
        let writer = CodeWriter {
            distance: self.code_distance_bytes,
            store: self.store_code,
            sync: self.sync_code,
            context: self.context,
        };
        Ok((store, writer, Firmware { settings: *self }))
    }
}

/// Files by three functions.
pub(super) struct FileStore {
    open:
        unsafe extern "C" fn(*const c_char, usize, *mut *mut c_void, *mut u32, *mut c_void) -> i32,
    read_at: unsafe extern "C" fn(*mut c_void, u32, *mut c_void, usize, *mut c_void) -> i32,
    close: unsafe extern "C" fn(*mut c_void, *mut c_void),
    context: *mut c_void,
}

// SAFETY: one task loads at a time, and whoever set the overlays up promised that the functions may be
// called from it.
unsafe impl Send for FileStore {}

pub(super) struct File {
    file: *mut c_void,
    len_bytes: u32,
}

fn failure(code: i32) -> StoreError {
    match code {
        -1 => StoreError::NotFound,
        code => StoreError::Failed { code: code.unsigned_abs() },
    }
}

impl Store for FileStore {
    type File = File;

    fn open(&mut self, name: &str) -> Result<File, StoreError> {
        let (mut file, mut len_bytes) = (core::ptr::null_mut(), 0);
        let (label, label_len) = (name.as_ptr().cast(), name.len());
        // SAFETY: a text with its length, and two places to be written.
        match unsafe { (self.open)(label, label_len, &mut file, &mut len_bytes, self.context) } {
            0 => Ok(File { file, len_bytes }),
            code => Err(failure(code)),
        }
    }

    fn len_bytes(&mut self, file: &File) -> Result<u32, StoreError> {
        Ok(file.len_bytes)
    }

    fn read_at(
        &mut self,
        file: &mut File,
        offset: u32,
        buffer: &mut [u8],
    ) -> Result<usize, StoreError> {
        let (place, room) = (buffer.as_mut_ptr().cast(), buffer.len());
        // SAFETY: an open file, and a buffer with its length.
        let count = unsafe { (self.read_at)(file.file, offset, place, room, self.context) };
        match usize::try_from(count) {
            // No more than there is room for, whatever was said.
            Ok(count) => Ok(count.min(buffer.len())),
            Err(_) => Err(failure(count)),
        }
    }

    fn close(&mut self, file: File) {
        // SAFETY: an open file, for the last time.
        unsafe { (self.close)(file.file, self.context) };
    }
}

/// Code memory by data addresses at a distance, or by a function.
pub(super) struct CodeWriter {
    distance: u32,
    store: Option<unsafe extern "C" fn(u32, u32, *mut c_void)>,
    sync: Option<unsafe extern "C" fn(u32, u32, *mut c_void)>,
    context: *mut c_void,
}

// SAFETY: as for the files.
unsafe impl Send for CodeWriter {}

impl Writer for CodeWriter {
    #[inline]
    unsafe fn store(&mut self, exec_addr: u32, word: u32) {
        // SAFETY: passed on.
        unsafe {
            match self.store {
                Some(store) => store(exec_addr, word, self.context),
                None => Direct.store(exec_addr.wrapping_sub(self.distance), word),
            }
        }
    }

    fn sync(&mut self, exec_addr: u32, len_bytes: u32) {
        if let Some(sync) = self.sync {
            // SAFETY: the range that was just written.
            unsafe { sync(exec_addr, len_bytes, self.context) };
        }
        sync_instructions();
    }
}

/// The firmware around the loader.
pub(super) struct Firmware {
    settings: OverlaySettings,
}

// SAFETY: whoever set the overlays up promised that the functions may be called from anywhere.
unsafe impl Send for Firmware {}
// SAFETY: as above.
unsafe impl Sync for Firmware {}

impl Platform for Firmware {
    fn in_interrupt(&self) -> bool {
        let OverlaySettings { in_interrupt, context, .. } = self.settings;
        // SAFETY: as promised when the overlays were set up.
        in_interrupt.is_some_and(|ask| unsafe { ask(context) })
    }

    fn task(&self) -> u32 {
        let OverlaySettings { task, context, .. } = self.settings;
        // SAFETY: as promised when the overlays were set up.
        task.map_or(0, |ask| unsafe { ask(context) })
    }

    fn wait(&self) {
        let OverlaySettings { wait, context, .. } = self.settings;
        if let Some(wait) = wait {
            // SAFETY: as promised when the overlays were set up.
            unsafe { wait(context) };
        }
    }

    fn ticks(&self) -> u32 {
        let OverlaySettings { ticks, context, .. } = self.settings;
        // SAFETY: as promised when the overlays were set up.
        ticks.map_or(0, |ask| unsafe { ask(context) })
    }

    fn stack_end_addr(&self) -> usize {
        let OverlaySettings { stack_end, context, .. } = self.settings;
        // SAFETY: as promised when the overlays were set up, and seen to be there.
        stack_end.map_or(0, |ask| unsafe { ask(context) })
    }

    fn is_elsewhere(&self, start_addr: u32, end_addr: u32) -> bool {
        let OverlaySettings { is_elsewhere, context, .. } = self.settings;
        // SAFETY: as promised when the overlays were set up.
        is_elsewhere.is_some_and(|ask| unsafe { ask(start_addr, end_addr, context) })
    }

    fn refused(&self, overlay: usize, error: &LoadError) -> u32 {
        let OverlaySettings { refused, context, .. } = self.settings;
        let status = super::noted(*error);
        // SAFETY: as promised when the overlays were set up.
        refused.map_or(0, |ask| unsafe { ask(overlay, status, context) })
    }

    fn lost(&self, overlay: usize, error: &LoadError) -> ! {
        let OverlaySettings { lost, context, .. } = self.settings;
        let status = super::noted(*error);
        if let Some(lost) = lost {
            // SAFETY: as promised when the overlays were set up.
            unsafe { lost(overlay, status, context) };
        }
        panic!("there is nowhere to return to");
    }
}
