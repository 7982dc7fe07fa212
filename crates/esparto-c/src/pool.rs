//! Pools of equal blocks.

use core::cell::Cell;
use core::ffi::{c_char, c_void};
use core::mem::MaybeUninit;
use core::ptr::{NonNull, null_mut};

use esparto::pool::{self, BlockPool, Critical, Shape, Storage};

use crate::caps::caps;
use crate::handle::{Kind, Place, put};
use crate::system::MEMORY;
use crate::text::Text;
use crate::{Cursor, Status, name};

/// A pool of equal blocks. Zeroed, or of static duration, before it is set up; not to be copied.
#[repr(C)]
pub struct PoolHandle {
    /// Private.
    opaque: [usize; 32],
}

struct Blocks {
    blocks: BlockPool<Critical>,
    /// Does the storage go back to the memory?
    is_owned: Cell<bool>,
}

impl Kind for Blocks {
    const SEAL: usize = 0x506F_6F6C;
}

/// # Safety
/// As for `Place::get`.
pub(crate) unsafe fn get<'h>(pool: *mut PoolHandle) -> Result<&'h BlockPool<Critical>, Status> {
    // SAFETY: passed on.
    unsafe { Place::<Blocks>::get(pool) }.map(|pool| &pool.blocks)
}

fn shape(block_bytes: usize, block_count: usize, align_bytes: usize) -> Result<Shape, Status> {
    let align_bytes = if align_bytes == 0 { Shape::align_for(block_bytes) } else { align_bytes };
    Ok(Shape::with_align(block_bytes, block_count, align_bytes)?)
}

/// # Safety
/// As for `Place::set`; the storage is long enough for the shape, aligned, and the pool's alone.
#[inline(always)]
unsafe fn set(
    pool: *mut PoolHandle,
    shape: Shape,
    storage: impl FnOnce() -> Result<Storage, Status>,
    is_owned: bool,
) -> Result<(), Status> {
    // SAFETY: passed on.
    unsafe {
        Place::set(pool, |place| {
            let blocks = BlockPool::live(storage()?, shape);
            Ok(place.write(Blocks { blocks, is_owned: Cell::new(is_owned) }))
        })
    }
}

/// Sets a pool up in memory that has all of `caps`. `align_bytes` may be 0: then it is that of a
/// pointer, or 8 if the block size is a multiple of 8.
///
/// # Safety
/// The handle is the caller's, and stays where it is until it is ended.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn esparto_pool_init(
    pool: *mut PoolHandle,
    block_bytes: usize,
    block_count: usize,
    align_bytes: usize,
    caps: u16,
) -> Status {
    let init = || {
        let policy = self::caps(caps)? | esparto::Caps::BYTE;
        let shape = shape(block_bytes, block_count, align_bytes)?;
        let storage = || Ok(BlockPool::<Critical>::storage_in(&MEMORY, policy, shape)?);
        // SAFETY: passed on; the storage is the memory's own, and nobody else's.
        unsafe { set(pool, shape, storage, true) }
    };
    Status::of(init())
}

/// How many bytes `esparto_pool_init_static` needs at most for these blocks; 0 if there can be none.
#[unsafe(no_mangle)]
pub extern "C" fn esparto_pool_needed_bytes(
    block_bytes: usize,
    block_count: usize,
    align_bytes: usize,
) -> usize {
    shape(block_bytes, block_count, align_bytes).map_or(0, BlockPool::<Critical>::needed_bytes)
}

/// Sets a pool up in the caller's memory; no heap is involved.
///
/// # Safety
/// As for `esparto_pool_init`; the memory is the pool's until it is ended.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn esparto_pool_init_static(
    pool: *mut PoolHandle,
    memory: *mut c_void,
    len_bytes: usize,
    block_bytes: usize,
    block_count: usize,
    align_bytes: usize,
) -> Status {
    let init = || {
        if memory.is_null() {
            return Err(Status::NullPointer);
        }
        let shape = shape(block_bytes, block_count, align_bytes)?;
        let len_bytes = len_bytes.min(isize::MAX as usize);
        let storage = || {
            let memory = memory.cast::<MaybeUninit<u8>>();
            // SAFETY: the memory is the caller's, this long, and the pool's from now on.
            let memory = unsafe { core::slice::from_raw_parts_mut(memory, len_bytes) };
            // Nothing else can be wrong with it.
            BlockPool::<Critical>::storage_of(memory, shape).map_err(|_| Status::TooSmall)
        };
        // SAFETY: passed on.
        unsafe { set(pool, shape, storage, false) }
    };
    Status::of(init())
}

/// Ends a pool; memory that it took goes back. `ESPARTO_IN_USE`, and nothing is done, while a block
/// is in use.
///
/// # Safety
/// As for `esparto_pool_init`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn esparto_pool_deinit(pool: *mut PoolHandle) -> Status {
    // SAFETY: passed on.
    let done = unsafe {
        Place::<Blocks>::end(pool, |pool| {
            let shape = pool.blocks.shape().ok_or(Status::BadHandle)?;
            let storage = pool.blocks.deinit()?;
            if pool.is_owned.get() {
                let table = BlockPool::<Critical>::table_layout(shape);
                storage.give_back(&MEMORY, shape.blocks_layout(), table);
            }
            Ok(())
        })
    };
    Status::of(done)
}

/// Takes a block, in constant time; null when all are in use and for a bad handle.
///
/// # Safety
/// The handle is null or a handle that nobody sets up or ends meanwhile.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn esparto_pool_alloc(pool: *mut PoolHandle) -> *mut c_void {
    // SAFETY: passed on.
    let Ok(pool) = (unsafe { get(pool) }) else { return null_mut() };
    pool.allocate_or_none().map_or(null_mut(), |block| block.as_ptr().cast())
}

/// Gives a block back, in constant time. Null is given back to nowhere; what is not a block in use is
/// refused by name, counted and left alone.
///
/// # Safety
/// As for `esparto_pool_alloc`; a block in use is the caller's to give back.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn esparto_pool_free(pool: *mut PoolHandle, block: *mut c_void) -> Status {
    // SAFETY: passed on.
    match (unsafe { get(pool) }, NonNull::new(block.cast())) {
        (Err(status), _) => status,
        (Ok(_), None) => Status::Ok,
        (Ok(pool), Some(block)) => Status::of(pool.deallocate(block).map_err(Status::from)),
    }
}

/// A pool at one moment.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub struct PoolStats {
    /// A block's size, rounded up to its alignment.
    pub block_bytes: usize,
    /// How many blocks there are.
    pub block_count: usize,
    /// How many are in use.
    pub used_count: usize,
    /// The most that were ever in use at once.
    pub peak_count: usize,
    /// Requests that found no block.
    pub failure_count: u32,
    /// Pointers outside of the pool that were given back.
    pub foreign_count: u32,
    /// Pointers into a block that were given back.
    pub interior_count: u32,
    /// Free blocks that were given back.
    pub repeated_count: u32,
    /// How often the free list was found written over.
    pub corruption_count: u32,
}

impl From<pool::PoolStats> for PoolStats {
    fn from(stats: pool::PoolStats) -> Self {
        Self {
            block_bytes: stats.block_bytes,
            block_count: stats.block_count,
            used_count: stats.used_count,
            peak_count: stats.peak_count,
            failure_count: stats.failure_count,
            foreign_count: stats.refused.foreign_count,
            interior_count: stats.refused.interior_count,
            repeated_count: stats.refused.repeated_count,
            corruption_count: stats.corruption_count,
        }
    }
}

/// The figures of a pool.
///
/// # Safety
/// As for `esparto_pool_alloc`; `stats` is null or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn esparto_pool_stats(
    pool: *mut PoolHandle,
    stats: *mut PoolStats,
) -> Status {
    // SAFETY: passed on.
    Status::of(unsafe { get(pool).and_then(|pool| put(stats, pool.stats().into())) })
}

/// The figures as lines for a log. Returns the length of the whole text, as `snprintf` does; 0 for a
/// bad handle.
///
/// # Safety
/// As for `esparto_pool_alloc`; `buffer` is null or `size` bytes long.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn esparto_pool_describe(
    pool: *mut PoolHandle,
    title: *const c_char,
    title_len: usize,
    buffer: *mut c_char,
    size: usize,
) -> usize {
    // SAFETY: passed on.
    let (pool, title) = unsafe { (get(pool), name::name(title, title_len)) };
    let (Ok(pool), Ok(title)) = (pool, title) else { return 0 };
    // SAFETY: passed on.
    unsafe { Text::new(buffer, size) }.write(pool.stats().titled(title))
}

/// Checks at most `max_steps` free blocks. `ESPARTO_MORE` until all were seen, then `ESPARTO_OK`;
/// `ESPARTO_CORRUPT` when one was written over.
///
/// # Safety
/// As for `esparto_pool_alloc`; `cursor` is null or the caller's, zeroed to begin with.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn esparto_pool_check(
    pool: *mut PoolHandle,
    cursor: *mut Cursor,
    max_steps: usize,
) -> Status {
    // SAFETY: passed on.
    let check = unsafe { get(pool) }.and_then(|pool| {
        // SAFETY: passed on.
        unsafe { Cursor::with(cursor, |cursor| pool.check(cursor, max_steps)) }
    });
    Status::of(check)
}
