//! Overlays: code from storage.

use core::cell::Cell;
use core::ffi::{c_char, c_void};

use critical_section::Mutex;
use esparto_overlay::{LoadError, Pin};

use crate::Status;
use crate::handle::{Kind, Place, put};
use crate::name::name;
use crate::text::Text;

#[cfg(not(target_pointer_width = "32"))]
mod absent;
mod error;
#[cfg(target_pointer_width = "32")]
mod resident;
mod ways;

#[cfg(not(target_pointer_width = "32"))]
use absent as system;
#[cfg(target_pointer_width = "32")]
use resident as system;

pub use ways::*;

/// The most slots of a firmware.
pub const ESPARTO_SLOT_LIMIT: usize = 8;
/// The most overlays of a firmware.
pub const ESPARTO_OVERLAY_LIMIT: usize = 64;
/// The least length of the buffer that files are read through. Relocatable and compressed overlays want
/// 2,576 bytes.
pub const ESPARTO_BOUNCE_BYTES: usize = 512;

/// The overlays of a firmware. Zeroed, or of static duration, before they are set up; for ever from then
/// on, and not to be copied.
#[repr(C)]
pub struct OverlaysHandle {
    /// Private.
    opaque: [u64; 320],
}

impl Kind for system::System {
    const SEAL: usize = 0x4F76_6C79;
}

/// Keeps an overlay where it is. Zeroed before it is used, not to be copied.
#[repr(C)]
pub struct PinHandle {
    /// Private.
    opaque: [usize; 8],
}

impl Kind for Pin<'static> {
    const SEAL: usize = 0x5069_6E21;
}

/// Why the last call that failed did, for who wants to know more than the status.
static LAST: Mutex<Cell<Option<LoadError>>> = Mutex::new(Cell::new(None));

/// Notes why a call failed.
fn noted(error: LoadError) -> Status {
    critical_section::with(|cs| LAST.borrow(cs).set(Some(error)));
    error.into()
}

/// # Safety
/// As for `Place::get`. The overlays are there for ever.
unsafe fn get(overlays: *mut OverlaysHandle) -> Result<&'static system::System, Status> {
    // SAFETY: passed on.
    unsafe { Place::<system::System>::get(overlays) }
}

/// Sets the overlays up that the packer made of this firmware, and lets its stubs load them: from here on
/// functions of overlays are just called. `ESPARTO_NOT_PACKED` for a firmware that the packer did not
/// make, which is every program of a desk machine.
///
/// # Safety
/// The handle is the caller's, and stays where it is for ever, as does the buffer, which is within reach
/// of the storage's DMA. `settings` is null or can be read; its functions can be called with its context
/// for ever.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn esparto_overlays_init(
    overlays: *mut OverlaysHandle,
    settings: *const OverlaySettings,
    bounce: *mut u32,
    bounce_bytes: usize,
) -> Status {
    let init = || {
        // SAFETY: passed on.
        let settings = unsafe { settings.as_ref() }.ok_or(Status::NullPointer)?;
        let (store, writer, platform) = settings.ways()?;
        if overlays.is_null() || bounce.is_null() {
            return Err(Status::NullPointer);
        }
        if !bounce.is_aligned() {
            return Err(Status::Misaligned);
        }
        if bounce_bytes < ESPARTO_BOUNCE_BYTES {
            return Err(Status::TooSmall);
        }
        let len_words = bounce_bytes.min(isize::MAX as usize) / size_of::<u32>();
        // SAFETY: the caller's, this long, and the loader's from now on.
        unsafe {
            bounce.write_bytes(0, len_words);
            let bounce = core::slice::from_raw_parts_mut(bounce, len_words);
            Place::set(overlays, |place| {
                let made = system::make(store, writer, platform, bounce).map_err(noted)?;
                Ok(place.write(made))
            })?;
            system::install(get(overlays)?).map_err(noted)
        }
    };
    Status::of(init())
}

/// The number of the overlay with this name, as `esparto.toml` has it.
///
/// # Safety
/// The handle is null or a handle; the name is null or text of `len` bytes; `number` is null or may be
/// written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn esparto_overlay_find(
    overlays: *mut OverlaysHandle,
    overlay_name: *const c_char,
    overlay_name_len: usize,
    number: *mut usize,
) -> Status {
    let find = || {
        // SAFETY: passed on; the name is used during the call alone.
        unsafe {
            let (overlays, label) = (get(overlays)?, name(overlay_name, overlay_name_len)?);
            put(number, overlays.find(label).map_err(noted)?)
        }
    };
    Status::of(find())
}

/// # Safety
/// As for `Place::get`.
unsafe fn with(
    overlays: *mut OverlaysHandle,
    work: impl FnOnce(&'static system::System) -> Result<(), LoadError>,
) -> Status {
    // SAFETY: passed on.
    Status::of(unsafe { get(overlays) }.and_then(|overlays| work(overlays).map_err(noted)))
}

/// Loads an overlay, so that its calls find it. Brings back one that was unloaded.
///
/// # Safety
/// The handle is null or a handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn esparto_overlay_load(
    overlays: *mut OverlaysHandle,
    number: usize,
) -> Status {
    // SAFETY: passed on.
    unsafe { with(overlays, |overlays| overlays.load(number)) }
}

/// Loads an overlay that will be needed soon; does not bring back one that was unloaded.
///
/// # Safety
/// As for `esparto_overlay_load`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn esparto_overlay_prefetch(
    overlays: *mut OverlaysHandle,
    number: usize,
) -> Status {
    // SAFETY: passed on.
    unsafe { with(overlays, |overlays| overlays.prefetch(number)) }
}

/// As `esparto_overlay_prefetch`, for a task's main loop: does not ask whether the caller returns into
/// the slot. The others refuse with `ESPARTO_IN_USE` as soon as the stack looks like it, and an address
/// that an old call left there does.
///
/// # Safety
/// As for `esparto_overlay_load`; no caller of this function is in an overlay.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn esparto_overlay_load_at_top(
    overlays: *mut OverlaysHandle,
    number: usize,
) -> Status {
    // SAFETY: passed on.
    unsafe { with(overlays, |overlays| overlays.load_at_top(number)) }
}

/// Runs the destructors of an overlay, frees its slot and lets its data go. Its calls are refused from
/// now on, until it is loaded again. `ESPARTO_IN_USE` while it is pinned, or the caller returns into it.
///
/// # Safety
/// As for `esparto_overlay_load`; nobody uses its data any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn esparto_overlay_unload(
    overlays: *mut OverlaysHandle,
    number: usize,
) -> Status {
    // SAFETY: passed on.
    unsafe { with(overlays, |overlays| overlays.unload(number)) }
}

/// Is the overlay in a slot, so that a call finds it?
///
/// # Safety
/// As for `esparto_overlay_load`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn esparto_overlay_is_mapped(
    overlays: *mut OverlaysHandle,
    number: usize,
) -> bool {
    // SAFETY: passed on.
    unsafe { get(overlays) }.is_ok_and(|overlays| overlays.is_mapped(number))
}

/// Loads an overlay and keeps it in its slot until the pin is released: a call by pointer costs what any
/// such call costs.
///
/// # Safety
/// As for `esparto_overlay_load`; `pin` is null or the caller's, zeroed to begin with, and stays where it
/// is until it is released.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn esparto_overlay_pin(
    overlays: *mut OverlaysHandle,
    number: usize,
    pin: *mut PinHandle,
) -> Status {
    let hold = || {
        // SAFETY: passed on.
        unsafe {
            let overlays = get(overlays)?;
            Place::set(pin, |place| Ok(place.write(overlays.pin(number).map_err(noted)?)))
        }
    };
    Status::of(hold())
}

/// Lets go of a pinned overlay.
///
/// # Safety
/// `pin` is null or the caller's; pointers that it gave are not called any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn esparto_overlay_unpin(pin: *mut PinHandle) -> Status {
    // SAFETY: passed on.
    Status::of(unsafe { Place::<Pin<'static>>::end(pin, |_| Ok(())) })
}

/// Where what a pinned overlay exports by this name is, for as long as the pin is there. Reads the table
/// of exports from storage: keep what it answers.
///
/// # Safety
/// `pin` is null or a pin that nobody releases meanwhile; the name is null or text of `len` bytes;
/// `address` is null or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn esparto_overlay_symbol(
    pin: *mut PinHandle,
    symbol_name: *const c_char,
    symbol_name_len: usize,
    address: *mut *mut c_void,
) -> Status {
    let symbol = || {
        // SAFETY: passed on; the name is used during the call alone.
        unsafe {
            let pin = Place::<Pin<'static>>::get(pin)?;
            let addr = pin.symbol(name(symbol_name, symbol_name_len)?).map_err(noted)?;
            put(address, core::ptr::with_exposed_provenance_mut(addr as usize))
        }
    };
    Status::of(symbol())
}

/// What the loader did since it was set up. Counts wrap.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub struct OverlayStats {
    /// Times that code was brought into a slot.
    pub load_count: u32,
    /// Times that a request found the code mapped. Calls that find it are not counted: they cost
    /// nothing.
    pub hit_count: u32,
    /// Times that code gave way to other code.
    pub eviction_count: u32,
    /// Times that a load failed.
    pub failure_count: u32,
    /// Loads that found code back for a return or a `longjmp` into it.
    pub restore_count: u32,
    /// Bytes that came from the storage.
    pub read_bytes: u32,
    /// Bytes of code that were stored.
    pub code_bytes: u32,
    /// Bytes of data and zeros that were stored.
    pub data_bytes: u32,
    /// Ticks in the storage.
    pub read_ticks: u32,
    /// Ticks in all else.
    pub other_ticks: u32,
}

/// The figures of the loader.
///
/// # Safety
/// As for `esparto_overlay_load`; `stats` is null or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn esparto_overlays_stats(
    overlays: *mut OverlaysHandle,
    stats: *mut OverlayStats,
) -> Status {
    // SAFETY: passed on.
    let done = unsafe { get(overlays) }.and_then(|overlays| {
        let now = overlays.stats();
        let others = [now.verify_ticks, now.copy_ticks, now.sync_ticks, now.construct_ticks];
        let figures = OverlayStats {
            load_count: now.load_count,
            hit_count: now.hit_count,
            eviction_count: now.eviction_count,
            failure_count: now.failure_count,
            restore_count: now.restore_count,
            read_bytes: now.read_bytes,
            code_bytes: now.code_bytes,
            data_bytes: now.data_bytes,
            read_ticks: now.read_ticks,
            other_ticks: others.into_iter().fold(0, u32::wrapping_add),
        };
        // SAFETY: passed on.
        unsafe { put(stats, figures) }
    });
    Status::of(done)
}

/// Why the last call about overlays failed, with figures and the mend, as a line for a log; of a call
/// through a stub too. Returns the length of the whole text, as `snprintf` does; 0 when none did.
///
/// # Safety
/// `buffer` is null or `size` bytes long.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn esparto_overlay_failure_describe(
    buffer: *mut c_char,
    size: usize,
) -> usize {
    let last = critical_section::with(|cs| LAST.borrow(cs).get());
    // SAFETY: passed on.
    last.map_or(0, |error| unsafe { Text::new(buffer, size) }.write(error))
}
