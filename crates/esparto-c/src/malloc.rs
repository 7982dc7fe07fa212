//! `malloc` and its relatives, by capability.

use core::ffi::c_void;
use core::ptr::{NonNull, null_mut};

use esparto::{Caps, Policy, SizedError, Use};

use crate::Status;
use crate::caps::caps;
use crate::guard::REFUSED;
use crate::handle::put;
use crate::system::MEMORY;

/// What blocks are aligned to that ask for nothing else: the word, as on ESP-IDF. What wants more
/// (SIMD, DMA, caches) says so.
/// cbindgen:ignore
pub const ESPARTO_ALIGN_BYTES: usize = size_of::<usize>();

const ALIGN: usize = ESPARTO_ALIGN_BYTES;
/// What plain requests get: anything with bytes, internal memory first.
const PLAIN: Policy = Policy::ANY.and_prefer(Caps::INTERNAL);

/// At least the word; what is no power of two is refused further on.
fn aligned(align: usize) -> usize {
    if align.is_power_of_two() { align.max(ALIGN) } else { align }
}

/// What a request by capabilities gets, and with none of them a plain one.
pub(crate) fn policy_of(bits: u16) -> Result<Policy, Status> {
    if bits == 0 { Ok(PLAIN) } else { requiring(bits) }
}

fn requiring(bits: u16) -> Result<Policy, Status> {
    // What C puts into memory is bytes, unless it is given out by the word.
    Ok(Policy::require(caps(bits)? | Caps::BYTE))
}

/// One copy for all that are not the plain ones.
#[inline(never)]
fn allocate(size: usize, align: usize, policy: Policy) -> *mut c_void {
    MEMORY
        .allocate_sized_apart(size, align, policy)
        .map_or(null_mut(), |block| block.as_ptr().cast())
}

fn allocate_zeroed(count: usize, size: usize, policy: Policy) -> *mut c_void {
    let Some(bytes) = count.checked_mul(size) else { return null_mut() };
    let block = allocate(bytes, ALIGN, policy);
    if !block.is_null() {
        // SAFETY: just allocated, and this long.
        unsafe { block.cast::<u8>().write_bytes(0, bytes) };
    }
    block
}

/// # Safety
/// As for [`esparto_realloc`].
unsafe fn reallocate(block: *mut c_void, size: usize, policy: Policy) -> *mut c_void {
    let Some(ptr) = NonNull::new(block.cast::<u8>()) else { return allocate(size, ALIGN, policy) };
    if size == 0 {
        // SAFETY: passed on.
        unsafe { esparto_free(block) };
        return null_mut();
    }
    // SAFETY: passed on; anything else than a live block is refused.
    match unsafe { MEMORY.resize_sized(ptr, size, policy) } {
        Ok(block) => block.as_ptr().cast(),
        Err(error) => {
            if matches!(error, SizedError::NotABlock { .. }) {
                tell_refused(ptr);
            }
            null_mut()
        }
    }
}

/// `malloc`: a block of `size` bytes, from internal memory while there is any. Null for a size of 0
/// and when there is none; `esparto_last_failure` says why.
#[unsafe(no_mangle)]
pub extern "C" fn esparto_malloc(size: usize) -> *mut c_void {
    // Not `allocate`: with everything known but the size it is half as many instructions.
    MEMORY.allocate_sized(size, ALIGN, PLAIN).map_or(null_mut(), |block| block.as_ptr().cast())
}

/// `calloc`: zeroed; null too when the product is more than the address space.
#[unsafe(no_mangle)]
pub extern "C" fn esparto_calloc(count: usize, size: usize) -> *mut c_void {
    allocate_zeroed(count, size, PLAIN)
}

/// `realloc`: resizes in place, or moves. Null, and the block as it was, when there is no memory or
/// `block` is no live block; a size of 0 frees, a null block allocates.
///
/// # Safety
/// The block is the caller's; its old address is dead unless the same one is returned.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn esparto_realloc(block: *mut c_void, size: usize) -> *mut c_void {
    // SAFETY: passed on.
    unsafe { reallocate(block, size, PLAIN) }
}

/// `aligned_alloc`: null too for an alignment that is no power of two. Freed as any other block.
#[unsafe(no_mangle)]
pub extern "C" fn esparto_aligned_alloc(align: usize, size: usize) -> *mut c_void {
    allocate(size, aligned(align), PLAIN)
}

/// As `esparto_malloc`, from memory that has all of `caps`.
#[unsafe(no_mangle)]
pub extern "C" fn esparto_malloc_caps(size: usize, caps: u16) -> *mut c_void {
    requiring(caps).map_or(null_mut(), |policy| allocate(size, ALIGN, policy))
}

/// As `esparto_calloc`, from memory that has all of `caps`.
#[unsafe(no_mangle)]
pub extern "C" fn esparto_calloc_caps(count: usize, size: usize, caps: u16) -> *mut c_void {
    requiring(caps).map_or(null_mut(), |policy| allocate_zeroed(count, size, policy))
}

/// As `esparto_realloc`; where the block moves, it goes to memory that has all of `caps`.
///
/// # Safety
/// As for `esparto_realloc`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn esparto_realloc_caps(
    block: *mut c_void,
    size: usize,
    caps: u16,
) -> *mut c_void {
    // SAFETY: passed on.
    requiring(caps).map_or(null_mut(), |policy| unsafe { reallocate(block, size, policy) })
}

/// As `esparto_aligned_alloc`, from memory that has all of `caps`.
#[unsafe(no_mangle)]
pub extern "C" fn esparto_aligned_alloc_caps(align: usize, size: usize, caps: u16) -> *mut c_void {
    requiring(caps).map_or(null_mut(), |policy| allocate(size, aligned(align), policy))
}

/// A block from memory that has all of `require`, and of that where `prefer` is had too while there
/// is any.
#[unsafe(no_mangle)]
pub extern "C" fn esparto_malloc_prefer(size: usize, require: u16, prefer: u16) -> *mut c_void {
    match (requiring(require), caps(prefer)) {
        (Ok(policy), Ok(prefer)) => allocate(size, ALIGN, policy.and_prefer(prefer)),
        _ => null_mut(),
    }
}

/// Payloads of events: internal memory, within reach of interrupt handlers.
pub const ESPARTO_USE_EVENT: u8 = 0;
/// Data of system services: internal memory first, always with atomics.
pub const ESPARTO_USE_SYSTEM: u8 = 1;
/// Data of the application: internal when small, external from `ESPARTO_LARGE_FROM_BYTES` on, either
/// when the other is full.
pub const ESPARTO_USE_APPLICATION: u8 = 2;
/// Buffers of DMA: internal, whatever the size.
pub const ESPARTO_USE_DMA: u8 = 3;
/// What interrupt handlers touch: never external memory.
pub const ESPARTO_USE_ISR: u8 = 4;
/// What is large to `esparto_malloc_for`.
pub const ESPARTO_LARGE_FROM_BYTES: usize = 4096;

const _: () = assert!(ESPARTO_LARGE_FROM_BYTES == Policy::LARGE_FROM_BYTES);

/// A block where what it is used for belongs, by the decision tree: one of `ESPARTO_USE_`. Null for
/// any other number too.
#[unsafe(no_mangle)]
pub extern "C" fn esparto_malloc_for(size: usize, used_for: u8) -> *mut c_void {
    let kind = match used_for {
        ESPARTO_USE_EVENT => Use::Event,
        ESPARTO_USE_SYSTEM => Use::System,
        ESPARTO_USE_APPLICATION => Use::Application,
        ESPARTO_USE_DMA => Use::Dma,
        ESPARTO_USE_ISR => Use::Isr,
        _ => return null_mut(),
    };
    allocate(size, ALIGN, Policy::for_use(kind))
}

/// As `esparto_malloc_prefer` at an alignment, with the reason when there is none.
///
/// # Safety
/// `block` is null or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn esparto_allocate(
    size: usize,
    align: usize,
    require: u16,
    prefer: u16,
    block: *mut *mut c_void,
) -> Status {
    let allocate = || {
        if block.is_null() {
            return Err(Status::NullPointer);
        }
        if !align.is_power_of_two() {
            return Err(Status::BadAlign);
        }
        let policy = requiring(require)?.and_prefer(caps(prefer)?);
        let ptr = MEMORY.allocate_sized(size, aligned(align), policy)?;
        // SAFETY: passed on.
        unsafe { put(block, ptr.as_ptr().cast()) }
    };
    Status::of(allocate())
}

/// `free`. Null is given back to nowhere; what is no live block is refused, counted and left alone.
///
/// # Safety
/// A live block is the caller's to give back.
// Once, also for `reallocate`.
#[inline(never)]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn esparto_free(block: *mut c_void) {
    if let Some(ptr) = NonNull::new(block.cast::<u8>()) {
        // SAFETY: passed on; anything else than a live block is refused.
        if unsafe { MEMORY.deallocate_sized(ptr) }.is_err() {
            tell_refused(ptr);
        }
    }
}

/// Tells whoever guards blocks of a free that was refused.
#[cold]
fn tell_refused(ptr: NonNull<u8>) {
    if let Some(tell) = REFUSED.get() {
        tell(ptr);
    }
}

/// As `esparto_free`, and says `ESPARTO_NOT_A_BLOCK` when it was refused.
///
/// # Safety
/// As for `esparto_free`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn esparto_free_checked(block: *mut c_void) -> Status {
    let Some(ptr) = NonNull::new(block.cast::<u8>()) else { return Status::Ok };
    // SAFETY: passed on; anything else than a live block is refused.
    let freed = unsafe { MEMORY.deallocate_sized_apart(ptr) };
    if freed.is_err() {
        tell_refused(ptr);
    }
    Status::of(freed.map_err(Status::from))
}

/// The size of a live block as asked for; 0 for anything else.
#[unsafe(no_mangle)]
pub extern "C" fn esparto_size_of(block: *const c_void) -> usize {
    NonNull::new(block.cast_mut().cast::<u8>())
        .and_then(|ptr| MEMORY.sized_len_bytes(ptr))
        .unwrap_or(0)
}

/// How many frees and reallocations named no live block.
#[unsafe(no_mangle)]
pub extern "C" fn esparto_refused_free_count() -> usize {
    MEMORY.refused_free_count()
}

/// Says for whom requests are made from now on; returns for whom they were until now. A switch of
/// tasks is the place to call it.
#[unsafe(no_mangle)]
pub extern "C" fn esparto_set_owner(owner: u16) -> u16 {
    MEMORY.set_owner(esparto::Owner(owner)).0
}
