//! A guard around each block of a pool.

use core::ffi::{c_char, c_void};
use core::ptr::{NonNull, null_mut};

use esparto::Owner;
use esparto::guard::{GuardedPool, Ledger, Site};

use crate::handle::{Kind, Place, put};
use crate::leaks::show;
use crate::name::path;
use crate::pool::{self, PoolHandle};
use crate::text::Text;
use crate::{LeakVisitor, Status};

/// How many live blocks of a guarded pool have a record; what is beyond is counted.
pub const ESPARTO_GUARD_RECORD_LIMIT: usize = 32;

/// What a guard takes of each block of a pool: make the blocks larger by that.
pub const ESPARTO_GUARD_BYTES: usize = 24;

type Guards = GuardedPool<'static, ESPARTO_GUARD_RECORD_LIMIT>;

const _: () = assert!(ESPARTO_GUARD_BYTES == Guards::OVERHEAD_BYTES);

/// A guard over a pool. Zeroed, or of static duration, before it is set up; not to be copied.
#[repr(C)]
pub struct GuardedPoolHandle {
    /// Private.
    opaque: [usize; 400],
}

struct Guard {
    guards: Guards,
    /// Has to be live for as long as the guard is used.
    pool: *mut PoolHandle,
}

impl Kind for Guard {
    const SEAL: usize = 0x4775_6172;
}

/// # Safety
/// As for `Place::get`, and of the pool too.
unsafe fn get<'h>(guard: *mut GuardedPoolHandle) -> Result<&'h Guards, Status> {
    // SAFETY: passed on. A pool that was ended under its guard is not live any more.
    unsafe {
        let guard = Place::<Guard>::get(guard)?;
        pool::get(guard.pool)?;
        Ok(&guard.guards)
    }
}

/// Sets a guard up over a pool: canaries in front of and behind each block, fresh and freed blocks
/// filled, four freed ones kept in quarantine, and a record of who holds which block. The blocks of the
/// pool are to be `ESPARTO_GUARD_BYTES` larger than what is wanted of them; `ESPARTO_TOO_SMALL` when
/// nothing would be left.
///
/// Blocks that are taken from the pool directly are not guarded, and go back the same way.
///
/// # Safety
/// Both handles are the caller's, and stay where they are: the guard until it is ended, the pool for
/// longer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn esparto_guarded_pool_init(
    guard: *mut GuardedPoolHandle,
    pool: *mut PoolHandle,
) -> Status {
    // SAFETY: passed on; whoever ends the pool first has a guard that is not live any more.
    let set = unsafe {
        pool::get(pool).and_then(|blocks| {
            let guards = Guards::new(blocks, Ledger::new());
            if guards.usable_bytes() == 0 {
                return Err(Status::TooSmall);
            }
            Place::set(guard, |place| Ok(place.write(Guard { guards, pool })))
        })
    };
    Status::of(set)
}

/// Ends a guard; the pool stays. `ESPARTO_IN_USE`, and nothing is done, while one of its blocks is live.
///
/// # Safety
/// As for `esparto_guarded_pool_init`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn esparto_guarded_pool_deinit(guard: *mut GuardedPoolHandle) -> Status {
    // SAFETY: passed on.
    let done = unsafe {
        get(guard).and_then(|_| {
            Place::<Guard>::end(guard, |guard| {
                let live_count = guard
                    .guards
                    .with_ledger(|ledger| ledger.live().count() + ledger.unrecorded_live_count());
                if live_count != 0 {
                    return Err(Status::InUse);
                }
                guard.guards.settle();
                Ok(())
            })
        })
    };
    Status::of(done)
}

/// What may be written of each block; 0 for a bad handle.
///
/// # Safety
/// The handle is null or a handle that nobody sets up or ends meanwhile.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn esparto_guarded_pool_usable_bytes(guard: *mut GuardedPoolHandle) -> usize {
    // SAFETY: passed on.
    unsafe { get(guard) }.map_or(0, Guards::usable_bytes)
}

/// Takes a block for an owner, and records the file and the line. Null when there is none and for a bad
/// handle. A time in proportion to the block, the records and the quarantine.
///
/// # Safety
/// As for `esparto_guarded_pool_usable_bytes`. The file's name lives for ever, or is null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn esparto_guarded_pool_alloc_at(
    guard: *mut GuardedPoolHandle,
    owner: u16,
    file: *const c_char,
    file_len: usize,
    line: u32,
) -> *mut c_void {
    // SAFETY: passed on.
    let (guard, file) = unsafe { (get(guard), path(file, file_len)) };
    let Ok(guard) = guard else { return null_mut() };
    let site = Site { file: file.unwrap_or("?"), line };
    guard.allocate_at(site, Owner(owner)).map_or(null_mut(), |block| block.as_ptr().cast())
}

/// Gives a block back for an owner: looks at its canaries, fills it, and keeps it in quarantine. Null is
/// given back to nowhere; what is not a live block is refused by name, counted and left alone.
///
/// # Safety
/// As for `esparto_guarded_pool_usable_bytes`; a live block is the caller's to give back.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn esparto_guarded_pool_free(
    guard: *mut GuardedPoolHandle,
    block: *mut c_void,
    owner: u16,
) -> Status {
    // SAFETY: passed on.
    match (unsafe { get(guard) }, NonNull::new(block.cast())) {
        (Err(status), _) => status,
        (Ok(_), None) => Status::Ok,
        (Ok(guard), Some(block)) => {
            // SAFETY: passed on.
            let freed = unsafe { guard.deallocate(block, Owner(owner)) };
            Status::of(freed.map_err(Status::from))
        }
    }
}

/// Lets all freed blocks out of quarantine; what was written to them is found now.
///
/// # Safety
/// As for `esparto_guarded_pool_usable_bytes`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn esparto_guarded_pool_settle(guard: *mut GuardedPoolHandle) -> Status {
    // SAFETY: passed on.
    Status::of(unsafe { get(guard) }.map(Guards::settle))
}

/// How many freed blocks are in quarantine. They are in use for the pool.
///
/// # Safety
/// As for `esparto_guarded_pool_usable_bytes`; `count` is null or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn esparto_guarded_pool_held_count(
    guard: *mut GuardedPoolHandle,
    count: *mut usize,
) -> Status {
    // SAFETY: passed on.
    Status::of(unsafe { get(guard).and_then(|guard| put(count, guard.held_count())) })
}

/// Shows the live blocks of a guarded pool, by line and owner, outside of any lock. Returns how many live
/// blocks have no record; 0 for a bad handle.
///
/// # Safety
/// As for `esparto_guarded_pool_usable_bytes`; `visit` is null or can be called with `context`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn esparto_guarded_pool_leaks_visit(
    guard: *mut GuardedPoolHandle,
    visit: LeakVisitor,
    context: *mut c_void,
) -> usize {
    // SAFETY: passed on.
    let Ok(guard) = (unsafe { get(guard) }) else { return 0 };
    for place in 0..ESPARTO_GUARD_RECORD_LIMIT {
        let leak = guard.with_ledger(|ledger| ledger.site_leak(place));
        // SAFETY: passed on.
        unsafe { show(leak, visit, context) };
    }
    guard.with_ledger(|ledger| ledger.unrecorded_live_count())
}

/// The live blocks of a guarded pool by line and owner, as lines for a log. Returns the length of the
/// whole text, as `snprintf` does; 0 for a bad handle.
///
/// # Safety
/// As for `esparto_guarded_pool_usable_bytes`; `buffer` is null or `size` bytes long.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn esparto_guarded_pool_describe(
    guard: *mut GuardedPoolHandle,
    buffer: *mut c_char,
    size: usize,
) -> usize {
    // SAFETY: passed on.
    let Ok(guard) = (unsafe { get(guard) }) else { return 0 };
    // SAFETY: passed on.
    unsafe { Text::new(buffer, size) }.write(guard)
}
