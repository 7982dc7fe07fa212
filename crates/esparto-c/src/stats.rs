//! The figures of regions and of kinds of memory.

use core::ffi::{c_char, c_void};

use esparto::monitor::{self, Thresholds};
use esparto::{AllocError, Caps, RegionId};

use crate::caps::caps;
use crate::handle::put;
use crate::name::name;
use crate::system::MEMORY;
use crate::text::Text;
use crate::{Cursor, Status};

/// A region, or all regions with some capabilities, at one moment.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub struct HeapStats {
    /// The length.
    pub total_bytes: usize,
    /// Bytes that requests could get.
    pub free_bytes: usize,
    /// Bytes in live blocks.
    pub allocated_bytes: usize,
    /// The largest request that would succeed now.
    pub largest_free_bytes: usize,
    /// The least that was ever free.
    pub min_free_bytes: usize,
    /// Requests that ended without a block.
    pub failure_count: usize,
    /// 100 - 100 * largest / free, in percent; 100 when nothing is free.
    pub fragmentation_percent: u8,
}

impl From<monitor::HeapStats> for HeapStats {
    fn from(stats: monitor::HeapStats) -> Self {
        Self {
            total_bytes: stats.total_bytes,
            free_bytes: stats.free_bytes,
            allocated_bytes: stats.allocated_bytes,
            largest_free_bytes: stats.largest_free_bytes,
            min_free_bytes: stats.min_free_bytes,
            failure_count: stats.failure_count,
            fragmentation_percent: stats.fragmentation_percent(),
        }
    }
}

fn of_caps(bits: u16) -> Result<monitor::HeapStats, Status> {
    MEMORY.heap_stats(caps(bits)?).ok_or(Status::NoRegion)
}

/// The figures of one region.
///
/// # Safety
/// `stats` is null or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn esparto_region_stats(id: u8, stats: *mut HeapStats) -> Status {
    let region = MEMORY.region_stats(RegionId(id)).ok_or(Status::NotFound);
    // SAFETY: passed on.
    Status::of(
        region.and_then(|region| unsafe { put(stats, monitor::HeapStats::from(&region).into()) }),
    )
}

/// Counts the least that was ever free anew from now on, in all regions, to see what a part of the program
/// needs. `ESPARTO_ALREADY_INITIALISED` if that is so already.
#[unsafe(no_mangle)]
pub extern "C" fn esparto_min_free_start() -> Status {
    if MEMORY.start_peaks_anew() { Status::Ok } else { Status::AlreadyInitialised }
}

/// Ends that: the least that was ever free is that since the regions were added again.
/// `ESPARTO_NOT_STARTED` if it was not begun.
#[unsafe(no_mangle)]
pub extern "C" fn esparto_min_free_stop() -> Status {
    if MEMORY.end_peaks_anew() { Status::Ok } else { Status::NotStarted }
}

/// The free blocks of a region at one moment.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub struct FreeBlocks {
    /// How many there are.
    pub block_count: usize,
    /// The size of the smallest; 0 when there is none.
    pub smallest_bytes: usize,
    /// The largest request that would succeed now.
    pub largest_bytes: usize,
}

/// The free blocks of one region.
///
/// # Safety
/// `blocks` is null or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn esparto_region_free_blocks(id: u8, blocks: *mut FreeBlocks) -> Status {
    let region = MEMORY.region_stats(RegionId(id)).ok_or(Status::NotFound);
    let done = region.and_then(|region| {
        let figures = FreeBlocks {
            block_count: region.free_count,
            smallest_bytes: region.smallest_free_bytes,
            largest_bytes: region.largest_free_bytes,
        };
        // SAFETY: passed on.
        unsafe { put(blocks, figures) }
    });
    Status::of(done)
}

/// A stretch of a region: a free block, or all that lies between two of them.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Stretch {
    /// Its first byte.
    pub start: *mut c_void,
    /// Its length.
    pub len_bytes: usize,
    /// Is it a free block? Else it is live blocks, side by side, and what the heap keeps for itself.
    pub is_free: bool,
}

/// The stretch of a region at an address, from there on; null is where the region begins.
/// `ESPARTO_NOT_FOUND` behind the last one. Others may allocate between two calls: what is shown is
/// true at its moment. Walks the free blocks.
///
/// # Safety
/// `stretch` is null or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn esparto_region_stretch(
    id: u8,
    from: *const c_void,
    stretch: *mut Stretch,
) -> Status {
    let look = || {
        let found = MEMORY.stretch_at(RegionId(id), from.addr()).ok_or(Status::NotFound)?;
        let start = core::ptr::with_exposed_provenance_mut(found.start_addr);
        let is_free = found.kind == esparto::heap::ExtentKind::Free;
        // SAFETY: passed on.
        unsafe { put(stretch, Stretch { start, len_bytes: found.len_bytes, is_free }) }
    };
    Status::of(look())
}

/// The figures of all regions that have `caps`. `ESPARTO_NO_REGION` when there is none.
///
/// # Safety
/// `stats` is null or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn esparto_caps_stats(caps: u16, stats: *mut HeapStats) -> Status {
    // SAFETY: passed on.
    Status::of(of_caps(caps).and_then(|of| unsafe { put(stats, of.into()) }))
}

/// `ESPARTO_UNHEALTHY` when, of all regions that have `caps`, less than `min_free_bytes` is free or
/// fragmentation is `limit_percent` or more: `ESPARTO_LIMIT_FREE_BYTES` and
/// `ESPARTO_LIMIT_FRAGMENTATION_PERCENT` are usual.
#[unsafe(no_mangle)]
pub extern "C" fn esparto_heap_health(
    caps: u16,
    min_free_bytes: usize,
    limit_percent: u8,
) -> Status {
    let limits = Thresholds {
        free_bytes: min_free_bytes,
        fragmentation_percent: limit_percent,
        ..Thresholds::DEFAULT
    };
    Status::of(of_caps(caps).and_then(|of| of.health(&limits).map_err(|_| Status::Unhealthy)))
}

/// The figures of all regions that have `caps` as lines for a log, with a verdict. Returns the length
/// of the whole text, as `snprintf` does; 0 when there is no such region.
///
/// # Safety
/// `buffer` is null or `size` bytes long.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn esparto_heap_describe(
    caps: u16,
    buffer: *mut c_char,
    size: usize,
) -> usize {
    // SAFETY: passed on.
    of_caps(caps)
        .map_or(0, |of| unsafe { Text::new(buffer, size).write(of.log(&Thresholds::DEFAULT)) })
}

/// Internal and external memory as a line for a log, behind `tag` unless that is null. Returns the
/// length of the whole text, as `snprintf` does.
///
/// # Safety
/// `tag` is null or text of `tag_len` bytes; `buffer` is null or `size` bytes long.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn esparto_memory_describe(
    tag: *const c_char,
    tag_len: usize,
    buffer: *mut c_char,
    size: usize,
) -> usize {
    // SAFETY: passed on; it is used during the call alone.
    let tag = unsafe { name(tag, tag_len) }.ok();
    // SAFETY: passed on.
    unsafe { Text::new(buffer, size) }.write(MEMORY.info().log(tag))
}

/// DMA-capable and internal memory as lines for a log. Returns the length of the whole text, as
/// `snprintf` does.
///
/// # Safety
/// `buffer` is null or `size` bytes long.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn esparto_usage_describe(buffer: *mut c_char, size: usize) -> usize {
    // SAFETY: passed on.
    unsafe { Text::new(buffer, size) }.write(MEMORY.usage())
}

/// Has this region all of `caps`?
#[unsafe(no_mangle)]
pub extern "C" fn esparto_region_has_caps(id: u8, caps: u16) -> bool {
    let wanted = Caps::from_bits(caps);
    wanted.zip(MEMORY.region_caps(RegionId(id))).is_some_and(|(wanted, has)| has.contains(wanted))
}

/// Is there a region with all of `caps`?
#[unsafe(no_mangle)]
pub extern "C" fn esparto_has_caps(caps: u16) -> bool {
    (0..MEMORY.region_count()).any(|id| esparto_region_has_caps(id as u8, caps))
}

/// Why the last failed request failed; `ESPARTO_OK` when none did.
#[unsafe(no_mangle)]
pub extern "C" fn esparto_last_failure() -> Status {
    MEMORY.last_failure().map_or(Status::Ok, Status::from)
}

/// Why the last failed request failed, with the figures, as a line for a log. Returns the length of
/// the whole text, as `snprintf` does; 0 when none did. What is free is counted when this or
/// `esparto_last_failure` is called first, so call one where the request failed.
///
/// # Safety
/// `buffer` is null or `size` bytes long.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn esparto_last_failure_describe(buffer: *mut c_char, size: usize) -> usize {
    // SAFETY: passed on.
    let describe = |error: AllocError| unsafe { Text::new(buffer, size).write(error) };
    MEMORY.last_failure().map_or(0, describe)
}

/// Checks at most `max_steps` free blocks of a region. `ESPARTO_MORE` until all were seen, then
/// `ESPARTO_OK`; `ESPARTO_CORRUPT` when bookkeeping was written over.
///
/// # Safety
/// `cursor` is null or the caller's, zeroed to begin with.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn esparto_region_check(
    id: u8,
    cursor: *mut Cursor,
    max_steps: usize,
) -> Status {
    if usize::from(id) >= MEMORY.region_count() {
        return Status::NotFound;
    }
    // SAFETY: passed on.
    Status::of(unsafe {
        Cursor::with(cursor, |cursor| {
            MEMORY
                .check(RegionId(id), cursor, max_steps)
                .unwrap_or(Ok(esparto::heap::Progress::Done))
        })
    })
}
