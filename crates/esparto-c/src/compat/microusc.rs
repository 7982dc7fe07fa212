//! Pools whose descriptor is the user's to read: five fields in a fixed order, and a list of free
//! blocks that can be walked.

use core::ffi::c_void;
use core::ptr::{NonNull, null_mut};

use esparto::Caps;
use esparto::pool::Shape;

use crate::system::MEMORY;

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

/// How many pointers were refused when they were given back.
///
/// # Safety
/// As for `memory_pool_init`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn esparto_microusc_pool_refused_count(pool: *mut MicrouscPool) -> u32 {
    // SAFETY: passed on; the table of a live pool is there.
    unsafe { with(pool, |pool| (*pool.table).refused_count) }.unwrap_or(0)
}
