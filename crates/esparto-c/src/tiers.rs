//! Tiers: several pools, and the heap behind them.

use core::ffi::{c_char, c_void};
use core::ptr::null_mut;

use esparto::tiers::{self, Class, Tiers, TiersStats};
use esparto::{Caps, Policy};

use crate::caps::caps;
use crate::handle::{Kind, Place, put};
use crate::name::name;
use crate::system::{Listener, MEMORY, REGION_LIMIT};
use crate::text::Text;
use crate::{ESPARTO_ALIGN_BYTES, Status};

/// The most classes of tiers.
pub const ESPARTO_CLASS_LIMIT: usize = 8;

/// Pools of several block sizes with the heap behind. Zeroed, or of static duration, before they are
/// set up; not to be copied.
#[repr(C)]
pub struct TiersHandle {
    /// Private.
    opaque: [usize; 320],
}

/// A size of blocks, and how many; a count of 0 turns it off.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct TierClass {
    /// Its name, which lives for ever.
    pub name: *const c_char,
    /// The length of the name.
    pub name_len: usize,
    /// A block's size.
    pub block_bytes: usize,
    /// How many blocks.
    pub block_count: usize,
}

pub(crate) type SystemTiers = Tiers<'static, ESPARTO_CLASS_LIMIT, REGION_LIMIT, Listener>;

struct Classes {
    tiers: SystemTiers,
    class_count: usize,
}

impl Kind for Classes {
    const SEAL: usize = 0x5469_6572;
}

/// # Safety
/// As for `Place::get`.
pub(crate) unsafe fn get<'h>(tiers: *mut TiersHandle) -> Result<&'h SystemTiers, Status> {
    // SAFETY: passed on.
    unsafe { Place::<Classes>::get(tiers) }.map(|place| &place.tiers)
}

/// Sets tiers up: the pools in internal memory that interrupt handlers can reach, as is the heap that
/// serves what no pool does; or both in memory that has all of `caps`, if it is not 0.
///
/// # Safety
/// The handle is the caller's, and stays where it is until it is ended. There are `class_count`
/// classes, and their names live for ever.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn esparto_tiers_init(
    tiers: *mut TiersHandle,
    classes: *const TierClass,
    class_count: usize,
    caps: u16,
) -> Status {
    let init = || {
        if classes.is_null() {
            return Err(Status::NullPointer);
        }
        match class_count {
            0 => return Err(Status::ZeroSize),
            1..=ESPARTO_CLASS_LIMIT => {}
            _ => return Err(Status::TooMany),
        }
        let mut row = [Class::new("", 0, 0); ESPARTO_CLASS_LIMIT];
        for (at, place) in row.iter_mut().enumerate().take(class_count) {
            // SAFETY: there are that many.
            let class = unsafe { classes.add(at).read() };
            // SAFETY: passed on.
            let name = unsafe { name(class.name, class.name_len)? };
            *place = Class::new(name, class.block_bytes, class.block_count);
        }
        let tiers_of_row = Tiers::new(&MEMORY, row);
        let value = match self::caps(caps)? {
            none if none.is_empty() => tiers_of_row,
            some => {
                let policy = Policy::require(some | Caps::BYTE);
                tiers_of_row.stored_in(policy).falling_back_to(policy)
            }
        };
        let value = Classes { tiers: value, class_count };
        // SAFETY: passed on.
        unsafe {
            Place::set(tiers, |place| {
                let value = place.write(value);
                value.tiers.init()?;
                Ok(value)
            })
        }
    };
    Status::of(init())
}

/// Ends tiers; their memory goes back. `ESPARTO_IN_USE`, and nothing is done, while any block is, the
/// heap's included.
///
/// # Safety
/// As for `esparto_tiers_init`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn esparto_tiers_deinit(tiers: *mut TiersHandle) -> Status {
    // SAFETY: passed on.
    Status::of(unsafe { Place::<Classes>::end(tiers, |place| Ok(place.tiers.deinit()?)) })
}

/// A block of the smallest class that fits, or of the heap: if the class is off or exhausted, or none
/// is large enough. Null when the heap has none either, for a size of 0 and for a bad handle.
///
/// # Safety
/// The handle is null or a handle that nobody sets up or ends meanwhile.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn esparto_tiers_alloc(tiers: *mut TiersHandle, size: usize) -> *mut c_void {
    // SAFETY: passed on.
    let Ok(place) = (unsafe { Place::<Classes>::get(tiers) }) else { return null_mut() };
    let block = place.tiers.allocate_sized(size, ESPARTO_ALIGN_BYTES);
    block.map_or(null_mut(), |block| block.as_ptr().cast())
}

/// Gives a block back to where it came from, which its address alone tells. Null is given back to
/// nowhere; what is no block in use is refused by name and left alone.
///
/// # Safety
/// As for `esparto_tiers_alloc`; a block in use is the caller's to give back.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn esparto_tiers_free(tiers: *mut TiersHandle, block: *mut c_void) -> Status {
    // SAFETY: passed on.
    let freed = unsafe { Place::<Classes>::get(tiers) }.and_then(|place| {
        // SAFETY: passed on.
        Ok(unsafe { place.tiers.deallocate_sized(block.cast()) }?)
    });
    Status::of(freed)
}

/// A class at one moment.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub struct ClassStats {
    /// A block's size, as asked for.
    pub block_bytes: usize,
    /// How many blocks there are; 0 when it is off.
    pub block_count: usize,
    /// How many are in use.
    pub used_count: usize,
    /// The most that were in use at once since the last reset.
    pub peak_count: usize,
    /// Blocks handed out since the last reset.
    pub alloc_count: u32,
    /// Blocks taken back since the last reset.
    pub free_count: u32,
    /// Requests of this class that went on to the heap since the last reset.
    pub failure_count: u32,
    /// Pointers that were refused when they were given back.
    pub refused_count: u32,
}

impl From<tiers::ClassStats> for ClassStats {
    fn from(stats: tiers::ClassStats) -> Self {
        Self {
            block_bytes: stats.block_bytes,
            block_count: stats.block_count,
            used_count: stats.used_count,
            peak_count: stats.peak_count,
            alloc_count: stats.alloc_count,
            free_count: stats.free_count,
            failure_count: stats.failure_count,
            refused_count: stats.refused.total_count(),
        }
    }
}

/// # Safety
/// As for `esparto_tiers_alloc`.
unsafe fn stats(
    tiers: *mut TiersHandle,
) -> Result<(TiersStats<ESPARTO_CLASS_LIMIT>, usize), Status> {
    // SAFETY: passed on.
    let place = unsafe { Place::<Classes>::get(tiers)? };
    Ok((place.tiers.stats(), place.class_count))
}

/// The figures of one class, in the order given. `ESPARTO_NOT_FOUND` when there is none.
///
/// # Safety
/// As for `esparto_tiers_alloc`; `figures` is null or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn esparto_tiers_class_stats(
    tiers: *mut TiersHandle,
    class_index: usize,
    figures: *mut ClassStats,
) -> Status {
    // SAFETY: passed on.
    let done = unsafe { stats(tiers) }.and_then(|(stats, class_count)| {
        let class =
            stats.classes.iter().take(class_count).nth(class_index).ok_or(Status::NotFound)?;
        // SAFETY: passed on.
        unsafe { put(figures, (*class).into()) }
    });
    Status::of(done)
}

/// Sets the counters to zero and the high-water marks to what is in use.
///
/// # Safety
/// As for `esparto_tiers_alloc`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn esparto_tiers_reset_stats(tiers: *mut TiersHandle) -> Status {
    // SAFETY: passed on.
    let place = unsafe { Place::<Classes>::get(tiers) };
    Status::of(place.map(|place| place.tiers.reset_stats()))
}

/// `ESPARTO_OK`, or `ESPARTO_UNHEALTHY` when a class is more than nine tenths full, failed, or was
/// written over.
///
/// # Safety
/// As for `esparto_tiers_alloc`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn esparto_tiers_health(tiers: *mut TiersHandle) -> Status {
    // SAFETY: passed on.
    let healthy = unsafe { stats(tiers) }
        .and_then(|(stats, _)| stats.health().map_err(|_| Status::Unhealthy));
    Status::of(healthy)
}

/// The figures as lines for a log. Returns the length of the whole text, as `snprintf` does; 0 for a
/// bad handle.
///
/// # Safety
/// As for `esparto_tiers_alloc`; `buffer` is null or `size` bytes long.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn esparto_tiers_describe(
    tiers: *mut TiersHandle,
    buffer: *mut c_char,
    size: usize,
) -> usize {
    // SAFETY: passed on.
    let Ok((stats, _)) = (unsafe { stats(tiers) }) else { return 0 };
    // SAFETY: passed on.
    unsafe { Text::new(buffer, size) }.write(stats)
}
