//! A heap of one's own: one stretch of memory, and nothing else of Esparto.

use core::cell::UnsafeCell;
use core::ffi::c_void;
use core::ptr::{NonNull, null_mut};

use esparto::heap::sized::{Refused, SizedHeap};
use esparto::heap::{self, ExtentKind};
use esparto::{Heap, RawHeap, Region};

use crate::handle::{Kind, Place, put};
use crate::{Cursor, ESPARTO_ALIGN_BYTES, FreeBlocks, Status};

/// A heap of one's own. Zeroed, or of static duration, before it is set up; not to be copied.
#[repr(C)]
pub struct OwnHeapHandle {
    /// Private.
    opaque: [usize; 8],
}

struct Own {
    heap: UnsafeCell<SizedHeap<Heap>>,
}

impl Kind for Own {
    const SEAL: usize = 0x4865_6170;
}

/// Runs `f` on the heap, locked.
///
/// # Safety
/// As for `Place::get`; `f` calls nothing that comes back to the heap.
#[inline(always)]
unsafe fn with<R>(
    heap: *mut OwnHeapHandle,
    f: impl FnOnce(&mut SizedHeap<Heap>) -> R,
) -> Result<R, Status> {
    // SAFETY: passed on.
    let own = unsafe { Place::<Own>::get(heap)? };
    // SAFETY: nobody else is at it while the section lasts, and `f` does not come back.
    Ok(critical_section::with(|_| f(unsafe { &mut *own.heap.get() })))
}

/// Sets a heap up over the caller's memory: a bounded time for every call, and the smallest code of all
/// ways to have `malloc`. It knows no capabilities, owners, figures or trace; for those there are
/// regions.
///
/// # Safety
/// The handle is the caller's, and stays where it is until it is ended. The memory is readable and
/// writable, and the heap's alone until then.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn esparto_own_heap_init(
    heap: *mut OwnHeapHandle,
    memory: *mut c_void,
    len_bytes: usize,
) -> Status {
    let init = || {
        let start = NonNull::new(memory.cast::<u8>()).ok_or(Status::NullPointer)?;
        let addr = start.addr().get();
        let end_addr = addr.checked_add(len_bytes).ok_or(Status::Overflow)?;
        // Whole units, as of a region; with its own way of cutting, 52 bytes more would be in a firmware.
        let skip_bytes = addr.wrapping_neg() & (Region::ALIGN_BYTES - 1);
        let len_bytes = (end_addr & !(Region::ALIGN_BYTES - 1)).saturating_sub(addr + skip_bytes);
        if len_bytes == 0 {
            return Err(Status::TooSmall);
        }
        // SAFETY: inside the memory, which is longer than what is skipped.
        let memory = NonNull::slice_from_raw_parts(unsafe { start.add(skip_bytes) }, len_bytes);
        // SAFETY: passed on.
        unsafe {
            Place::set(heap, |place| {
                let heap = SizedHeap::init(memory).map_err(|error| match error {
                    heap::InitError::TooSmall { .. } => Status::TooSmall,
                    _ => Status::TooLarge,
                })?;
                Ok(place.write(Own { heap: UnsafeCell::new(heap) }))
            })
        }
    };
    Status::of(init())
}

/// Ends a heap; its memory is the caller's again, the blocks in it included.
///
/// # Safety
/// As for `esparto_own_heap_init`; nobody uses a block of it any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn esparto_own_heap_deinit(heap: *mut OwnHeapHandle) -> Status {
    // SAFETY: passed on.
    Status::of(unsafe { Place::<Own>::end(heap, |_| Ok(())) })
}

/// A block of `size` bytes. Null for a size of 0, when there is none, and for a bad handle.
///
/// # Safety
/// The handle is null or a handle that nobody sets up or ends meanwhile.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn esparto_own_heap_alloc(
    heap: *mut OwnHeapHandle,
    size: usize,
) -> *mut c_void {
    // SAFETY: passed on.
    unsafe { esparto_own_heap_aligned_alloc(heap, ESPARTO_ALIGN_BYTES, size) }
}

/// The same at an alignment: null too for one that is no power of two.
///
/// # Safety
/// As for `esparto_own_heap_alloc`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn esparto_own_heap_aligned_alloc(
    heap: *mut OwnHeapHandle,
    align: usize,
    size: usize,
) -> *mut c_void {
    // SAFETY: passed on; a heap calls nothing.
    match unsafe { with(heap, |heap| heap.allocate(size, align)) } {
        Ok(Some(block)) => block.as_ptr().cast(),
        _ => null_mut(),
    }
}

/// `realloc`: resizes in place, or moves. Null, and the block as it was, when there is no memory or
/// `block` is no live block; a size of 0 frees, a null block allocates.
///
/// # Safety
/// As for `esparto_own_heap_alloc`. The block is the caller's; its old address is dead unless the same
/// one is returned.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn esparto_own_heap_realloc(
    heap: *mut OwnHeapHandle,
    block: *mut c_void,
    size: usize,
) -> *mut c_void {
    // SAFETY: passed on; a heap calls nothing.
    unsafe {
        let Some(ptr) = NonNull::new(block.cast::<u8>()) else {
            return esparto_own_heap_alloc(heap, size);
        };
        if size == 0 {
            esparto_own_heap_free(heap, block);
            return null_mut();
        }
        match with(heap, |heap| heap.resize(ptr, size)) {
            Ok(Ok(block)) => block.as_ptr().cast(),
            _ => null_mut(),
        }
    }
}

/// Gives a block back. Null is given back to nowhere; `ESPARTO_NOT_A_BLOCK`, and nothing is done, when
/// it is no live block of this heap.
///
/// # Safety
/// As for `esparto_own_heap_alloc`; a live block is the caller's to give back.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn esparto_own_heap_free(
    heap: *mut OwnHeapHandle,
    block: *mut c_void,
) -> Status {
    let Some(ptr) = NonNull::new(block.cast::<u8>()) else { return Status::Ok };
    // SAFETY: passed on; anything else than a live block is refused.
    match unsafe { with(heap, |heap| heap.deallocate(ptr)) } {
        Ok(Ok(_)) => Status::Ok,
        Ok(Err(Refused::NotABlock { .. })) => Status::NotABlock,
        Ok(Err(_)) => Status::Other,
        Err(status) => status,
    }
}

/// The free blocks of a heap.
///
/// # Safety
/// As for `esparto_own_heap_alloc`; `blocks` is null or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn esparto_own_heap_free_blocks(
    heap: *mut OwnHeapHandle,
    blocks: *mut FreeBlocks,
) -> Status {
    // SAFETY: passed on; a heap calls nothing.
    let figures = unsafe {
        with(heap, |heap| {
            let mut figures = FreeBlocks::default();
            heap.walk(&mut |extent| {
                if extent.kind == ExtentKind::Free {
                    let smallest = figures.smallest_bytes.wrapping_sub(1);
                    figures.smallest_bytes = smallest.min(extent.len_bytes - 1) + 1;
                    figures.block_count += 1;
                }
            });
            // What lies in front of a block besides.
            let largest_bytes = RawHeap::largest_free(heap.heap(), ESPARTO_ALIGN_BYTES);
            figures.largest_bytes = largest_bytes.saturating_sub(<Heap as RawHeap>::lead_bytes());
            figures
        })
    };
    // SAFETY: passed on.
    Status::of(figures.and_then(|figures| unsafe { put(blocks, figures) }))
}

/// Checks at most `max_steps` free blocks, with nobody using the heap between two steps.
/// `ESPARTO_MORE` until all were seen, then `ESPARTO_OK`; `ESPARTO_CORRUPT` when bookkeeping was written
/// over.
///
/// # Safety
/// As for `esparto_own_heap_alloc`; `cursor` is null or the caller's, zeroed to begin with.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn esparto_own_heap_check(
    heap: *mut OwnHeapHandle,
    cursor: *mut Cursor,
    max_steps: usize,
) -> Status {
    // SAFETY: passed on; a heap calls nothing.
    let checked =
        unsafe { with(heap, |heap| Cursor::with(cursor, |cursor| heap.check(cursor, max_steps))) };
    Status::of(checked.and_then(|outcome| outcome))
}
