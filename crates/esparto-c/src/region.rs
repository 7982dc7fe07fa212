//! Handing memory over.

use core::ffi::{c_char, c_void};
use core::ptr::NonNull;

use esparto::heap::Bump;
use esparto::heap::freertos::{Heap2, Heap4};
use esparto::{Heap, LinkedList, RawHeap, Region, RegionError, RegionId, Throughput};

use crate::Status;
use crate::caps::caps;
use crate::handle::put;
use crate::name::name;
use crate::system::MEMORY;

// One function for each kind of heap, so that only the code of those that are called is linked; and by
// hand, because what the header is made from has to stand in the source: macros are not looked into.

/// # Safety
/// As for the functions of this file.
pub(crate) unsafe fn add<H: RawHeap + 'static>(
    label: *const c_char,
    label_len: usize,
    start: *mut c_void,
    len_bytes: usize,
    bits: u16,
    id: *mut u8,
) -> Result<(), Status> {
    // SAFETY: passed on; the caller hands the memory over.
    unsafe {
        let region = region(label, label_len, start, len_bytes, bits)?;
        told(MEMORY.add::<H>(region), id)
    }
}

/// # Safety
/// As for the functions of this file.
unsafe fn region(
    label: *const c_char,
    label_len: usize,
    start: *mut c_void,
    len_bytes: usize,
    bits: u16,
) -> Result<Region, Status> {
    // SAFETY: passed on.
    let label = unsafe { name(label, label_len)? };
    let bytes = NonNull::new(start.cast::<u8>()).ok_or(Status::NullPointer)?;
    let memory = NonNull::slice_from_raw_parts(bytes, len_bytes);
    Ok(Region::new(label, memory, caps(bits)?).trimmed())
}

/// # Safety
/// As for the functions of this file.
unsafe fn told(added: Result<RegionId, RegionError>, id: *mut u8) -> Result<(), Status> {
    let RegionId(place) = added?;
    if id.is_null() {
        return Ok(());
    }
    // SAFETY: not null, so the caller's to be written.
    unsafe { put(id, place) }
}

/// Adds a region under the default heap, whose every operation has a hard bound.
///
/// The memory is cut to whole 8 bytes and belongs to Esparto from then on. Regions are tried in the
/// order in which they were added; external memory wants an internal region first. `id` may be null;
/// else it is where the region's number goes.
///
/// # Safety
/// The memory is readable and writable, and nobody else's for as long as the program runs. The name
/// lives as long.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn esparto_region_add(
    name: *const c_char,
    name_len: usize,
    start: *mut c_void,
    len_bytes: usize,
    caps: u16,
    id: *mut u8,
) -> Status {
    // SAFETY: passed on; the caller hands the memory over, and the heap is the usual one.
    Status::of(unsafe {
        region(name, name_len, start, len_bytes, caps)
            .and_then(|region| told(MEMORY.add_usual::<Heap>(region), id))
    })
}

/// Adds a region under the default heap in its faster setting, which keeps small blocks aside.
///
/// # Safety
/// As for `esparto_region_add`, and otherwise the same too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn esparto_region_add_throughput(
    name: *const c_char,
    name_len: usize,
    start: *mut c_void,
    len_bytes: usize,
    caps: u16,
    id: *mut u8,
) -> Status {
    // SAFETY: passed on.
    Status::of(unsafe { add::<Heap<Throughput>>(name, name_len, start, len_bytes, caps, id) })
}

/// Adds a region under a linked list: first fit, the smallest code.
///
/// # Safety
/// As for `esparto_region_add`, and otherwise the same too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn esparto_region_add_linked_list(
    name: *const c_char,
    name_len: usize,
    start: *mut c_void,
    len_bytes: usize,
    caps: u16,
    id: *mut u8,
) -> Status {
    // SAFETY: passed on.
    Status::of(unsafe { add::<LinkedList>(name, name_len, start, len_bytes, caps, id) })
}

/// Adds a region that never takes anything back (FreeRTOS heap_1).
///
/// # Safety
/// As for `esparto_region_add`, and otherwise the same too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn esparto_region_add_bump(
    name: *const c_char,
    name_len: usize,
    start: *mut c_void,
    len_bytes: usize,
    caps: u16,
    id: *mut u8,
) -> Status {
    // SAFETY: passed on.
    Status::of(unsafe { add::<Bump>(name, name_len, start, len_bytes, caps, id) })
}

/// Adds a region under FreeRTOS's heap_2: best fit, no merging.
///
/// # Safety
/// As for `esparto_region_add`, and otherwise the same too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn esparto_region_add_heap_2(
    name: *const c_char,
    name_len: usize,
    start: *mut c_void,
    len_bytes: usize,
    caps: u16,
    id: *mut u8,
) -> Status {
    // SAFETY: passed on.
    Status::of(unsafe { add::<Heap2>(name, name_len, start, len_bytes, caps, id) })
}

/// Adds a region under FreeRTOS's heap_4: first fit by address, merging.
///
/// # Safety
/// As for `esparto_region_add`, and otherwise the same too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn esparto_region_add_heap_4(
    name: *const c_char,
    name_len: usize,
    start: *mut c_void,
    len_bytes: usize,
    caps: u16,
    id: *mut u8,
) -> Status {
    // SAFETY: passed on.
    Status::of(unsafe { add::<Heap4>(name, name_len, start, len_bytes, caps, id) })
}

/// How many regions there are. Their numbers start at 0.
#[unsafe(no_mangle)]
pub extern "C" fn esparto_region_count() -> usize {
    MEMORY.region_count()
}
