//! Who holds which block, since when, and which line asked for it.

use core::cell::RefCell;
use core::ffi::{c_char, c_void};
use core::ptr::null_mut;

use critical_section::Mutex;
use esparto::guard::{Ledger, Record, Site, SiteLeak};
use esparto::{Event, Owner, Sink};

use crate::guard::RECORDS;
use crate::handle::put;
use crate::malloc::policy_of;
use crate::name::path;
use crate::system::{Listener, MEMORY};
use crate::text::Text;
use crate::{ESPARTO_ALIGN_BYTES, Status};

/// How many live blocks have a record; what is beyond is counted.
pub const ESPARTO_LEAK_RECORD_LIMIT: usize = 256;

static LEDGER: Mutex<RefCell<Ledger<ESPARTO_LEAK_RECORD_LIMIT>>> =
    Mutex::new(RefCell::new(Ledger::new()));

fn with<R>(f: impl FnOnce(&mut Ledger<ESPARTO_LEAK_RECORD_LIMIT>) -> R) -> Option<R> {
    critical_section::with(|cs| {
        LEDGER.borrow(cs).try_borrow_mut().ok().map(|mut ledger| f(&mut ledger))
    })
}

fn listen(owner: Owner, event: &Event) {
    with(|ledger| ledger.record(owner, *event));
}

/// Records every block from now on, with its owner and, of `esparto_malloc_at`, its line. Each request
/// and each free looks through the table from then on.
#[unsafe(no_mangle)]
pub extern "C" fn esparto_leaks_start() {
    Listener::set_ledger(Some(listen));
    RECORDS.set(record_of);
}

/// What there is on record of the live block that an address is in, or else of the one that was there.
fn record_of(addr: usize) -> Option<Record> {
    with(|ledger| {
        let is_in = |record: &&Record| addr.wrapping_sub(record.addr) < record.size_bytes;
        let live = ledger.live().find(is_in);
        live.or_else(|| ledger.record_of(addr)).copied()
    })
    .flatten()
}

/// Records nothing any more. What is recorded stays.
#[unsafe(no_mangle)]
pub extern "C" fn esparto_leaks_stop() {
    Listener::set_ledger(None);
}

/// As `esparto_malloc_caps`, and records the file and the line; with caps 0 as `esparto_malloc`.
///
/// # Safety
/// The file's name lives for ever.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn esparto_malloc_at(
    size: usize,
    caps: u16,
    file: *const c_char,
    file_len: usize,
    line: u32,
) -> *mut c_void {
    let Ok(policy) = policy_of(caps) else { return null_mut() };
    // SAFETY: passed on.
    let site = unsafe { path(file, file_len) }.ok().map(|file| Site { file, line });
    // One critical section, so that no interrupt's request gets this site.
    critical_section::with(|_| {
        with(|ledger| ledger.set_site(site));
        let block = MEMORY.allocate_sized(size, ESPARTO_ALIGN_BYTES, policy);
        with(|ledger| ledger.set_site(None));
        block.map_or(null_mut(), |block| block.as_ptr().cast())
    })
}

/// The live blocks that one owner asked for in one line.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Leak {
    /// The file, not ended by a zero; null if none was said.
    pub file: *const c_char,
    /// The length of the file's name.
    pub file_len: usize,
    /// The line.
    pub line: u32,
    /// For whom they were asked.
    pub owner: u16,
    /// How many there are.
    pub live_count: usize,
    /// Their bytes as asked for.
    pub live_bytes: usize,
}

/// Is shown a leak.
pub type LeakVisitor = Option<unsafe extern "C" fn(leak: *const Leak, context: *mut c_void)>;

/// Shows the live blocks that have a record, by line and owner, outside of any lock. Returns how many
/// live blocks have none.
///
/// # Safety
/// `visit` is null or can be called with `context`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn esparto_leaks_visit(visit: LeakVisitor, context: *mut c_void) -> usize {
    for place in 0..ESPARTO_LEAK_RECORD_LIMIT {
        let leak = with(|ledger| ledger.site_leak(place)).flatten();
        // SAFETY: passed on.
        unsafe { show(leak, visit, context) };
    }
    with(|ledger| ledger.unrecorded_live_count()).unwrap_or(0)
}

/// Shows a leak, if there is one and somebody looks.
///
/// # Safety
/// As for `esparto_leaks_visit`.
pub(crate) unsafe fn show(leak: Option<SiteLeak>, visit: LeakVisitor, context: *mut c_void) {
    let (Some(leak), Some(visit)) = (leak, visit) else { return };
    let (file, file_len, line) = leak.site.map_or((core::ptr::null(), 0, 0), |site| {
        (site.file.as_ptr().cast(), site.file.len(), site.line)
    });
    let leak = Leak {
        file,
        file_len,
        line,
        owner: leak.owner.0,
        live_count: leak.live_count,
        live_bytes: leak.live_bytes,
    };
    // SAFETY: passed on.
    unsafe { visit(&raw const leak, context) };
}

/// The live blocks by line and owner as lines for a log. Returns the length of the whole text, as
/// `snprintf` does.
///
/// # Safety
/// `buffer` is null or `size` bytes long.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn esparto_leaks_describe(buffer: *mut c_char, size: usize) -> usize {
    with(|ledger| {
        // SAFETY: passed on.
        unsafe { Text::new(buffer, size) }.write(&*ledger)
    })
    .unwrap_or(0)
}

/// The live block that an address lies in, as far as there are records: where it begins and its size as
/// asked for. `ESPARTO_NOT_FOUND` when none has a record.
///
/// # Safety
/// `block` and `size_bytes` are null or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn esparto_leaks_block_at(
    at: *const c_void,
    block: *mut *const c_void,
    size_bytes: *mut usize,
) -> Status {
    if block.is_null() || size_bytes.is_null() {
        return Status::NullPointer;
    }
    let Some(record) = record_of(at.addr()).filter(|record| record.freed.is_none()) else {
        return Status::NotFound;
    };
    // SAFETY: passed on.
    Status::of(unsafe {
        put(block, at.with_addr(record.addr)).and(put(size_bytes, record.size_bytes))
    })
}

/// The live bytes of an owner that have a record.
#[unsafe(no_mangle)]
pub extern "C" fn esparto_owner_live_bytes(owner: u16) -> usize {
    with(|ledger| ledger.owner_heap(Owner(owner)).live_bytes).unwrap_or(0)
}

/// `ESPARTO_OK` when no block that has a record is live, `ESPARTO_IN_USE` when one is.
#[unsafe(no_mangle)]
pub extern "C" fn esparto_leaks_none() -> Status {
    let is_empty = with(|ledger| ledger.live().next().is_none()).unwrap_or(false);
    if is_empty { Status::Ok } else { Status::InUse }
}
