//! Guards: who wrote where nothing was theirs, and who gave back what was not.

use core::ffi::{c_char, c_void};
use core::ptr::{NonNull, null};

use esparto::Heap;
use esparto::guard::{Guarded, NamedViolation, Record, Rules, Standard, Violation, ViolationLog};

use crate::handle::put;
use crate::hook::Hook;
use crate::region::add;
use crate::system::MEMORY;
use crate::text::Text;
use crate::{ESPARTO_ALIGN_BYTES, Status};

mod pool;

pub use pool::*;

/// How many violations wait to be taken; what comes when there are more is counted.
pub const ESPARTO_VIOLATION_LIMIT: usize = 8;

const _: () = assert!(ESPARTO_VIOLATION_LIMIT == esparto::guard::ViolationLog::LIMIT_COUNT);

/// What a guard found. Numbers never change; new ones are added behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub enum ViolationKind {
    /// Somebody wrote behind the end of a block.
    Overrun = 0,
    /// Somebody wrote in front of the start of a block.
    Underrun = 1,
    /// Somebody wrote further in front of a block, over what the guard keeps there.
    Header = 2,
    /// Somebody wrote to a block after it was given back.
    WrittenAfterFree = 3,
    /// A block was given back that is free. Refused.
    Repeated = 4,
    /// A pointer into a block was given back. Refused.
    Interior = 5,
    /// A pointer was given back that is of no live block. Refused.
    Foreign = 6,
    /// A block was given back or resized as another size than it has. Done with the true one.
    Layout = 7,
    /// Something that this version has no name for.
    Unknown = 8,
}

/// The names by number.
const NAMES: [&core::ffi::CStr; 9] = [
    c"ESPARTO_VIOLATION_OVERRUN",
    c"ESPARTO_VIOLATION_UNDERRUN",
    c"ESPARTO_VIOLATION_HEADER",
    c"ESPARTO_VIOLATION_WRITTEN_AFTER_FREE",
    c"ESPARTO_VIOLATION_REPEATED",
    c"ESPARTO_VIOLATION_INTERIOR",
    c"ESPARTO_VIOLATION_FOREIGN",
    c"ESPARTO_VIOLATION_LAYOUT",
    c"ESPARTO_VIOLATION_UNKNOWN",
];

/// The name of a kind of violation, as in the header; `"ESPARTO_VIOLATION_UNKNOWN"` for any other number.
#[unsafe(no_mangle)]
pub extern "C" fn esparto_violation_name(kind: i32) -> *const c_char {
    let name = usize::try_from(kind).ok().and_then(|at| NAMES.get(at));
    name.unwrap_or(&c"ESPARTO_VIOLATION_UNKNOWN").as_ptr()
}

/// What a guard found. What a kind has no use for is 0, and so is what is not known.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct RawViolation {
    /// What it is.
    pub kind: ViolationKind,
    /// The block that it is about; of a foreign pointer, the pointer.
    pub block: *const c_void,
    /// The block's size as asked for.
    pub size_bytes: usize,
    /// The first byte that was written over, or the pointer that was given back.
    pub at: *const c_void,
    /// What that byte must be.
    pub expected: u8,
    /// What it is.
    pub actual: u8,
    /// Is there a record of the block? There is while `esparto_leaks_start` is in force, and its place is
    /// not needed.
    pub has_record: bool,
    /// For whom the block was asked, of those on record.
    pub owner: u16,
    /// The file that asked for it, not ended by a zero; null if none was said.
    pub file: *const c_char,
    /// The length of the file's name.
    pub file_len: usize,
    /// The line.
    pub line: u32,
}

fn at(addr: usize) -> *const c_void {
    core::ptr::without_provenance(addr)
}

impl From<Violation> for RawViolation {
    fn from(violation: Violation) -> Self {
        let block_addr = violation.block_addr();
        let mut raw = Self {
            kind: ViolationKind::Unknown,
            block: at(block_addr),
            size_bytes: 0,
            at: at(block_addr),
            expected: 0,
            actual: 0,
            has_record: false,
            owner: 0,
            file: null(),
            file_len: 0,
            line: 0,
        };
        raw.kind = match violation {
            Violation::Overrun { size_bytes, at_addr, expected, actual, .. } => {
                (raw.size_bytes, raw.at) = (size_bytes, at(at_addr));
                (raw.expected, raw.actual) = (expected, actual);
                ViolationKind::Overrun
            }
            Violation::Underrun { at_addr, expected, actual, .. } => {
                (raw.at, raw.expected, raw.actual) = (at(at_addr), expected, actual);
                ViolationKind::Underrun
            }
            Violation::Header { .. } => ViolationKind::Header,
            Violation::WrittenAfterFree { size_bytes, at_addr, expected, actual, .. } => {
                (raw.size_bytes, raw.at) = (size_bytes, at(at_addr));
                (raw.expected, raw.actual) = (expected, actual);
                ViolationKind::WrittenAfterFree
            }
            Violation::Repeated { .. } => ViolationKind::Repeated,
            Violation::Interior { addr, size_bytes, .. } => {
                (raw.at, raw.size_bytes) = (at(addr), size_bytes);
                ViolationKind::Interior
            }
            Violation::Foreign { .. } => ViolationKind::Foreign,
            Violation::Layout { expected_bytes, .. } => {
                raw.size_bytes = expected_bytes;
                ViolationKind::Layout
            }
            _ => ViolationKind::Unknown,
        };
        raw
    }
}

/// What guarded regions go by. Their log is their own: it speaks of the heap's blocks, which begin with
/// the word that says how large the caller's are.
enum Regions {}

impl Rules for Regions {
    fn log() -> &'static ViolationLog {
        static LOG: ViolationLog = ViolationLog::new();
        &LOG
    }
}

/// The same of the caller's block: what is in front of it is as long as its alignment.
fn of_caller(mut violation: Violation) -> Violation {
    const FRONT_BYTES: usize = ESPARTO_ALIGN_BYTES;
    match &mut violation {
        Violation::Overrun { block_addr, size_bytes, .. }
        | Violation::WrittenAfterFree { block_addr, size_bytes, .. }
        | Violation::Interior { block_addr, size_bytes, .. }
        | Violation::Layout { block_addr, expected_bytes: size_bytes, .. } => {
            *block_addr += FRONT_BYTES;
            *size_bytes = size_bytes.saturating_sub(FRONT_BYTES);
        }
        Violation::Underrun { block_addr, .. }
        | Violation::Header { block_addr, .. }
        | Violation::Repeated { block_addr } => *block_addr += FRONT_BYTES,
        _ => {}
    }
    violation
}

fn take() -> Option<Violation> {
    Regions::log().take().map(of_caller).or_else(|| Standard::log().take())
}

/// Adds a region under the default heap with a guard around each block: canaries in front and behind,
/// fresh and freed memory filled, freed blocks kept in quarantine for a while. What it finds waits for
/// `esparto_violation_take`; from here on, so does every `esparto_free` that was refused.
///
/// A block takes 24 bytes more, a request a fill of the block. Canaries are looked at when a block is
/// given back or resized, and by `esparto_region_check`, for which a damaged block is
/// `ESPARTO_CORRUPT`; a write after the free is found when the block leaves quarantine.
///
/// # Safety
/// As for `esparto_region_add`, and otherwise the same too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn esparto_region_add_guarded(
    name: *const c_char,
    name_len: usize,
    start: *mut c_void,
    len_bytes: usize,
    caps: u16,
    id: *mut u8,
) -> Status {
    // SAFETY: passed on.
    let added =
        unsafe { add::<Guarded<Heap, Regions>>(name, name_len, start, len_bytes, caps, id) };
    if added.is_ok() {
        REFUSED.set(refused);
    }
    Status::of(added)
}

// `used`: or the compiler sees that one function at most is ever put there, and calls that one.

/// Who is told of a pointer that was no live block when it was given back.
#[used]
// SAFETY: a function.
pub(crate) static REFUSED: Hook<fn(NonNull<u8>)> = unsafe { Hook::new() };

/// Who knows what there is on record of the block that an address is in, or was the first of.
#[used]
// SAFETY: a function.
pub(crate) static RECORDS: Hook<fn(usize) -> Option<Record>> = unsafe { Hook::new() };

fn record_of(addr: usize) -> Option<Record> {
    RECORDS.get().and_then(|record_of| record_of(addr))
}

fn refused(ptr: NonNull<u8>) {
    Standard::log().put(explain(ptr));
}

/// What a pointer is that is no live block: by its record, if there is one; else by what is left of it.
fn explain(ptr: NonNull<u8>) -> Violation {
    let addr = ptr.addr().get();
    match record_of(addr) {
        Some(Record { addr: block_addr, size_bytes, .. }) if block_addr != addr => {
            Violation::Interior { addr, block_addr, size_bytes }
        }
        // On record as live, but what lies in front of it is not its own any more.
        Some(Record { freed: None, .. }) => {
            Violation::Header { block_addr: addr, size_word: 0, check_word: 0 }
        }
        Some(_) => Violation::Repeated { block_addr: addr },
        None if MEMORY.was_sized(ptr) => Violation::Repeated { block_addr: addr },
        None => Violation::Foreign { addr },
    }
}

/// Takes the oldest violation out of the log; `ESPARTO_EMPTY` when there is none. Ask soon: once an
/// address is used again, its record is that of the later block.
///
/// # Safety
/// `violation` is null or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn esparto_violation_take(violation: *mut RawViolation) -> Status {
    if violation.is_null() {
        return Status::NullPointer;
    }
    let Some(found) = take() else { return Status::Empty };
    let mut raw = RawViolation::from(found);
    if let Some(record) = record_of(found.block_addr()) {
        (raw.has_record, raw.owner) = (true, record.owner.0);
        if let Some(site) = record.site {
            (raw.file, raw.file_len) = (site.file.as_ptr().cast(), site.file.len());
            raw.line = site.line;
        }
    }
    // SAFETY: passed on.
    Status::of(unsafe { put(violation, raw) })
}

/// Takes the oldest violation out of the log as a line of text: what was found, and what there is on
/// record of the block. Returns the length of the whole text, as `snprintf` does; 0 when there is none.
///
/// # Safety
/// `buffer` is null or `size` bytes long.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn esparto_violation_describe(buffer: *mut c_char, size: usize) -> usize {
    let Some(violation) = take() else { return 0 };
    let record = record_of(violation.block_addr());
    // SAFETY: passed on.
    unsafe { Text::new(buffer, size) }.write(NamedViolation { violation, record })
}

/// How many violations were found, those taken included.
#[unsafe(no_mangle)]
pub extern "C" fn esparto_violation_count() -> u32 {
    Regions::log().count().wrapping_add(Standard::log().count())
}

/// How many violations found no place: take them more often.
#[unsafe(no_mangle)]
pub extern "C" fn esparto_violation_lost_count() -> u32 {
    Regions::log().lost_count().wrapping_add(Standard::log().lost_count())
}
