//! The loader as a static library, for firmware in C on QEMU's `virt`: overlays come from a folder of
//! the host.
#![no_std]

use core::cell::UnsafeCell;
use core::ffi::{CStr, c_char};
use core::mem::MaybeUninit;

use esparto_overlay::{Direct, LoadError, Overlays, Platform, Resident, Store, StoreError};
use riscv as _;
use semihosting::fs::File;
use semihosting::io::{Read, Seek, SeekFrom};
use semihosting::{eprintln, print, process};

const PATH_BYTES: usize = 256;

/// The folder that the machine's command line names.
struct Folder {
    path: [u8; PATH_BYTES],
    len: usize,
}

impl Folder {
    fn of_command_line() -> Option<Self> {
        let arguments = semihosting::experimental::env::args::<512>().ok()?;
        let name = (&arguments).into_iter().nth(1)?.ok()?;
        let mut path = [0; PATH_BYTES];
        path.get_mut(..name.len())?.copy_from_slice(name.as_bytes());
        Some(Self { path, len: name.len() })
    }
}

impl Store for Folder {
    type File = File;

    fn open(&mut self, name: &str) -> Result<File, StoreError> {
        let mut path = self.path;
        let end = self.len + 1 + name.len();
        if end >= PATH_BYTES {
            return Err(StoreError::NotFound);
        }
        path[self.len] = b'/';
        path[self.len + 1..end].copy_from_slice(name.as_bytes());
        let path = CStr::from_bytes_until_nul(&path).map_err(|_| StoreError::NotFound)?;
        File::open(path).map_err(|_| StoreError::NotFound)
    }

    fn len_bytes(&mut self, file: &File) -> Result<u32, StoreError> {
        let metadata = file.metadata().map_err(|_| StoreError::Failed { code: 1 })?;
        u32::try_from(metadata.len()).map_err(|_| StoreError::Failed { code: 2 })
    }

    fn read_at(
        &mut self,
        file: &mut File,
        offset: u32,
        buffer: &mut [u8],
    ) -> Result<usize, StoreError> {
        let mut read = || {
            file.seek(SeekFrom::Start(offset.into()))?;
            file.read(buffer)
        };
        read().map_err(|_| StoreError::Failed { code: 3 })
    }
}

unsafe extern "C" {
    /// Of the linker script: where the stack begins.
    static __stack_top: u8;
}

/// One task, no interrupts.
struct Machine;

impl Platform for Machine {
    fn in_interrupt(&self) -> bool {
        false
    }

    fn ticks(&self) -> u32 {
        0
    }

    fn stack_end_addr(&self) -> usize {
        (&raw const __stack_top).addr()
    }

    fn refused(&self, overlay: usize, error: &LoadError) -> u32 {
        eprintln!("overlay {overlay}: {error}");
        process::exit(1)
    }

    fn lost(&self, overlay: usize, error: &LoadError) -> ! {
        eprintln!("lost overlay {overlay}: {error}");
        process::exit(1)
    }
}

type All = Overlays<Folder, Direct, Machine, Resident, 1, 8>;

/// Static memory that is written once.
struct Place<T>(UnsafeCell<MaybeUninit<T>>);

// SAFETY: there is one hart, and only `overlays_start` names the places, once.
unsafe impl<T> Sync for Place<T> {}

static ALL: Place<All> = Place(UnsafeCell::new(MaybeUninit::uninit()));
static BOUNCE: Place<[u32; 1024]> = Place(UnsafeCell::new(MaybeUninit::uninit()));

/// Makes the overlays callable: from here on, C just calls. Ends the program if they cannot be.
///
/// # Safety
/// Called once, and the stack ends at `__stack_top`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn overlays_start() {
    // SAFETY: as promised by the caller, nobody else has these places.
    let (all, bounce) = unsafe { (&mut *ALL.0.get(), &mut *BOUNCE.0.get()) };
    let Some(folder) = Folder::of_command_line() else {
        eprintln!("name the folder with the overlays: qemu … -append FOLDER");
        process::exit(1)
    };
    let start = || {
        let resident = Resident::new()?;
        let overlays = Overlays::new(folder, Direct, Machine, resident, bounce.write([0; 1024]))?;
        all.write(overlays).install()
    };
    if let Err(error) = start() {
        eprintln!("{error}");
        process::exit(1)
    }
}

/// Prints a text.
///
/// # Safety
/// `text` ends with a zero.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn console_print(text: *const c_char) {
    // SAFETY: as promised by the caller.
    let text = unsafe { CStr::from_ptr(text) };
    print!("{}", text.to_str().unwrap_or("?"));
}

/// Ends the program.
#[unsafe(no_mangle)]
pub extern "C" fn machine_exit(code: i32) -> ! {
    process::exit(code)
}

#[panic_handler]
fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
    eprintln!("{info}");
    process::exit(1)
}
