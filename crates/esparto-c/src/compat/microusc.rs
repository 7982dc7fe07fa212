//! Pools whose descriptor is the user's to read: five fields in a fixed order, and a list of free
//! blocks that can be walked.

use core::cell::RefCell;
use core::ffi::{c_char, c_void};
use core::ptr::{NonNull, null_mut};

use critical_section::Mutex;
use esparto::Caps;
use esparto::pool::{PoolStats, Shape};

use crate::handle::put;
use crate::name::name;
use crate::system::MEMORY;
use crate::text::Text;

/// A free block: the next one.
#[repr(C)]
pub struct MicrouscBlock {
    /// The next free block; null after the last.
    pub next: *mut MicrouscBlock,
}

/// A pool: five fields to read, and a private one.
#[repr(C)]
pub struct MicrouscPool {
    /// The first free block; null when all are in use.
    pub memory_free: *mut MicrouscBlock,
    /// The first block.
    pub memory: *mut c_void,
    /// A block's size, rounded up to its alignment.
    pub block_size: usize,
    /// How many blocks there are.
    pub num_blocks: usize,
    /// How many of them are free.
    pub free_blocks: usize,
    /// Private: what is known of the blocks, behind the last of them.
    table: *mut Table,
}

const _: () = assert!(size_of::<MicrouscPool>() == 6 * size_of::<usize>(), "24 bytes on 32 bits");

/// What lies behind the blocks; one bit for each of them follows: is it in use?
#[repr(C)]
struct Table {
    refused_count: u32,
    /// Did the pool's own descriptor come from the heap?
    owns_descriptor: bool,
}

/// Storage is within reach of DMA, and of interrupt handlers where the heap is.
const STORAGE: Caps = Caps::BYTE.union(Caps::DMA).union(Caps::INTERNAL);

/// What `pool` needs for its blocks and the table behind them.
fn storage_bytes(blocks_bytes: usize, block_count: usize) -> Option<usize> {
    blocks_bytes.checked_add(size_of::<Table>())?.checked_add(block_count.div_ceil(8))
}

/// # Safety
/// `pool` is not null, and a descriptor that may hold anything.
unsafe fn is_live(pool: *mut MicrouscPool) -> bool {
    // SAFETY: passed on; its fields are numbers, which any bits are.
    let MicrouscPool { memory, block_size, num_blocks, table, .. } = unsafe { pool.read() };
    let Some(blocks_bytes) = block_size.checked_mul(num_blocks) else { return false };
    let (Some(memory), Some(bytes)) =
        (NonNull::new(memory), storage_bytes(blocks_bytes, num_blocks))
    else {
        return false;
    };
    // Never set up, the fields are zero or garbage: only a live pool names a block of that size.
    table.addr().wrapping_sub(memory.addr().get()) == blocks_bytes
        && MEMORY.sized_len_bytes(memory.cast()) == Some(bytes)
}

/// # Safety
/// `pool` is a descriptor of the caller's, and not live.
unsafe fn init(
    pool: *mut MicrouscPool,
    block_size: usize,
    num_blocks: usize,
    is_owned: bool,
) -> bool {
    let Ok(shape) = Shape::new(block_size, num_blocks) else { return false };
    let blocks_bytes = shape.total_bytes();
    let Some(bytes) = storage_bytes(blocks_bytes, num_blocks) else { return false };
    let Ok(memory) = MEMORY.allocate_sized(bytes, shape.align_bytes(), STORAGE) else {
        return false;
    };
    // SAFETY: the storage was just taken, with room for the table and its bits behind the blocks.
    unsafe {
        let table = memory.add(blocks_bytes).cast::<Table>();
        memory.add(blocks_bytes).write_bytes(0, bytes - blocks_bytes);
        table.write(Table { refused_count: 0, owns_descriptor: is_owned });
        let mut free = null_mut();
        for index in (0..num_blocks).rev() {
            let block = memory.add(index * shape.block_bytes()).cast::<MicrouscBlock>();
            block.write(MicrouscBlock { next: free });
            free = block.as_ptr();
        }
        pool.write(MicrouscPool {
            memory_free: free,
            memory: memory.as_ptr().cast(),
            block_size: shape.block_bytes(),
            num_blocks,
            free_blocks: num_blocks,
            table: table.as_ptr(),
        });
    }
    true
}

impl MicrouscPool {
    /// The number of the block that starts at `addr`.
    fn index_of(&self, addr: usize) -> Option<usize> {
        let offset = addr.wrapping_sub(self.memory.addr());
        let is_start =
            offset < self.block_size * self.num_blocks && offset.is_multiple_of(self.block_size);
        is_start.then(|| offset / self.block_size)
    }

    /// The bits of a block: where, and which.
    ///
    /// # Safety
    /// The pool is live, and has a block of this number.
    unsafe fn bit_of(&self, index: usize) -> (*mut u8, u8) {
        // SAFETY: as promised; the bits are behind the table.
        (unsafe { self.table.add(1).cast::<u8>().add(index / 8) }, 1 << (index % 8))
    }

    /// # Safety
    /// The pool is live and locked.
    unsafe fn take(&mut self) -> *mut c_void {
        let block = self.memory_free;
        let Some(index) = self.index_of(block.addr()).filter(|_| !block.is_null()) else {
            // Nothing free, or somebody wrote to a free block: nothing that is left can be trusted.
            self.memory_free = null_mut();
            return null_mut();
        };
        // SAFETY: a block of the pool, free as the list says.
        unsafe {
            let (byte, bit) = self.bit_of(index);
            if *byte & bit != 0 {
                self.memory_free = null_mut();
                return null_mut();
            }
            *byte |= bit;
            self.memory_free = (*block).next;
        }
        self.free_blocks -= 1;
        block.cast()
    }

    /// # Safety
    /// The pool is live and locked; a block in use is the caller's to give back.
    unsafe fn give(&mut self, block: *mut c_void) {
        // SAFETY: the table is there as long as the pool is live; the bits are those of the block.
        unsafe {
            let Some(index) = self.index_of(block.addr()) else {
                return (*self.table).refused_count += 1;
            };
            let (byte, bit) = self.bit_of(index);
            if *byte & bit == 0 {
                return (*self.table).refused_count += 1;
            }
            *byte &= !bit;
            let block = block.cast::<MicrouscBlock>();
            block.write(MicrouscBlock { next: self.memory_free });
            self.memory_free = block;
        }
        self.free_blocks += 1;
    }
}

/// Runs `f` on a live pool, locked.
///
/// # Safety
/// `pool` is null or a descriptor of the caller's.
unsafe fn with<R>(pool: *mut MicrouscPool, f: impl FnOnce(&mut MicrouscPool) -> R) -> Option<R> {
    if pool.is_null() || !pool.is_aligned() {
        return None;
    }
    critical_section::with(|_| {
        // SAFETY: not null, and nobody else is at it while the section lasts.
        unsafe { is_live(pool).then(|| f(&mut *pool)) }
    })
}

/// `memory_pool_init`.
///
/// # Safety
/// `pool` is null or a descriptor of the caller's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn esparto_microusc_pool_init(
    pool: *mut MicrouscPool,
    block_size: usize,
    num_blocks: usize,
) -> bool {
    if pool.is_null() || !pool.is_aligned() {
        return false;
    }
    // SAFETY: passed on.
    unsafe { !is_live(pool) && init(pool, block_size, num_blocks, false) }
}

/// `memory_pool_malloc`.
#[unsafe(no_mangle)]
pub extern "C" fn esparto_microusc_pool_malloc(
    block_size: usize,
    num_blocks: usize,
) -> *mut MicrouscPool {
    let size = size_of::<MicrouscPool>();
    let Ok(place) = MEMORY.allocate_sized(size, align_of::<MicrouscPool>(), STORAGE) else {
        return null_mut();
    };
    let pool = place.cast::<MicrouscPool>().as_ptr();
    // SAFETY: just taken, and this long; goes back if there is no storage.
    unsafe {
        if init(pool, block_size, num_blocks, true) {
            return pool;
        }
        let _ = MEMORY.deallocate_sized(place);
    }
    null_mut()
}

/// `memory_pool_alloc`: O(1), last in first out.
///
/// # Safety
/// As for `memory_pool_init`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn esparto_microusc_pool_alloc(pool: *mut MicrouscPool) -> *mut c_void {
    // SAFETY: passed on; live and locked inside.
    unsafe { with(pool, |pool| pool.take()) }.unwrap_or(null_mut())
}

/// `memory_pool_free`: O(1); what is no block in use is refused and counted.
///
/// # Safety
/// As for `memory_pool_init`; a block in use is the caller's to give back.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn esparto_microusc_pool_free(pool: *mut MicrouscPool, block: *mut c_void) {
    if !block.is_null() {
        // SAFETY: passed on; live and locked inside.
        unsafe { with(pool, |pool| pool.give(block)) };
    }
}

/// Ends a pool: its storage goes back, and its descriptor if it came from the heap.
///
/// # Safety
/// As for `memory_pool_init`; nobody uses a block of it any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn esparto_microusc_pool_destroy(pool: *mut MicrouscPool) {
    // SAFETY: passed on.
    unsafe {
        let ended = with(pool, |pool| {
            let (memory, is_owned) = (pool.memory, (*pool.table).owns_descriptor);
            *pool = MicrouscPool {
                memory_free: null_mut(),
                memory: null_mut(),
                block_size: 0,
                num_blocks: 0,
                free_blocks: 0,
                table: null_mut(),
            };
            (memory, is_owned)
        });
        let Some((memory, is_owned)) = ended else { return };
        for (place, is_ours) in [(memory.cast::<u8>(), true), (pool.cast(), is_owned)] {
            if let Some(place) = NonNull::new(place).filter(|_| is_ours) {
                let _ = MEMORY.deallocate_sized(place);
            }
        }
    }
}

/// The figures of a pool as lines for a log. Returns the length of the whole text, as `snprintf` does; 0
/// for a pool that is not live.
///
/// # Safety
/// As for `memory_pool_init`; the title is null or text of `title_len` bytes, and `buffer` is null or
/// `size` bytes long.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn esparto_microusc_pool_describe(
    pool: *mut MicrouscPool,
    title: *const c_char,
    title_len: usize,
    buffer: *mut c_char,
    size: usize,
) -> usize {
    let figures = |pool: &mut MicrouscPool| PoolStats {
        block_bytes: pool.block_size,
        block_count: pool.num_blocks,
        used_count: pool.num_blocks.saturating_sub(pool.free_blocks),
        ..PoolStats::default()
    };
    // SAFETY: passed on; live and locked inside, and the name is used during the call alone.
    let (stats, title) = unsafe { (with(pool, figures), name(title, title_len)) };
    let (Some(stats), Ok(title)) = (stats, title) else { return 0 };
    // SAFETY: passed on.
    unsafe { Text::new(buffer, size) }.write(stats.titled(title))
}

/// How many blocks can have a record at once.
pub const ESPARTO_MICROUSC_RECORD_LIMIT: usize = 100;

/// Who took a block, and when.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct MicrouscRecord {
    /// The block; null in a place that is free.
    pub address: *mut c_void,
    /// The time, in any unit.
    pub timestamp: u32,
    /// The line.
    pub line: u32,
    /// The file, which lives for ever.
    pub file: *const c_char,
}

const VACANT: MicrouscRecord =
    MicrouscRecord { address: null_mut(), timestamp: 0, line: 0, file: core::ptr::null() };

struct Records([MicrouscRecord; ESPARTO_MICROUSC_RECORD_LIMIT]);

// SAFETY: the pointers are told and compared, never followed.
unsafe impl Send for Records {}

static RECORDS: Mutex<RefCell<Records>> =
    Mutex::new(RefCell::new(Records([VACANT; ESPARTO_MICROUSC_RECORD_LIMIT])));

/// Writes a record into the first place whose address is `at`.
fn replace(at: *mut c_void, with: MicrouscRecord) -> bool {
    critical_section::with(|cs| {
        let mut records = RECORDS.borrow(cs).borrow_mut();
        let place = records.0.iter_mut().find(|record| record.address == at);
        place.map(|place| *place = with).is_some()
    })
}

/// Notes who took a block. False when no place is left, or the block is null.
#[unsafe(no_mangle)]
pub extern "C" fn esparto_microusc_record(
    block: *mut c_void,
    timestamp: u32,
    line: u32,
    file: *const c_char,
) -> bool {
    let record = MicrouscRecord { address: block, timestamp, line, file };
    !block.is_null() && replace(null_mut(), record)
}

/// Forgets a block that is given back. False when it has no record.
#[unsafe(no_mangle)]
pub extern "C" fn esparto_microusc_forget(block: *mut c_void) -> bool {
    !block.is_null() && replace(block, VACANT)
}

/// The record of a place, below `ESPARTO_MICROUSC_RECORD_LIMIT`. False when there is none.
///
/// # Safety
/// `record` is null or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn esparto_microusc_record_at(
    place: usize,
    record: *mut MicrouscRecord,
) -> bool {
    let found = critical_section::with(|cs| RECORDS.borrow(cs).borrow().0.get(place).copied());
    let found = found.filter(|found| !found.address.is_null());
    // SAFETY: passed on.
    found.is_some_and(|found| unsafe { put(record, found).is_ok() })
}

/// How many pointers were refused when they were given back.
///
/// # Safety
/// As for `memory_pool_init`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn esparto_microusc_pool_refused_count(pool: *mut MicrouscPool) -> u32 {
    // SAFETY: passed on; the table of a live pool is there.
    unsafe { with(pool, |pool| (*pool.table).refused_count) }.unwrap_or(0)
}
