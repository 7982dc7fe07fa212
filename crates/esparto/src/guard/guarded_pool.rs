//! A pool that finds who writes where nothing is theirs, and who forgot what.

use core::alloc::Layout;
use core::cell::RefCell;
use core::fmt;
use core::marker::PhantomData;
use core::ptr::NonNull;

use critical_section::{CriticalSection, Mutex};

use super::block::{Block, FRONT_BYTES, GRANULE_BYTES, TAIL_BYTES};
use super::leaks::write_report;
use super::{Ledger, Rules, Site, Standard};
use crate::Owner;
use crate::pool::{BlockPool, Critical, FreeError, TakeError};

/// A pool with a guard around each block: canaries in front and behind, fresh and freed blocks
/// filled, up to `HELD` freed blocks in quarantine, and a record of who holds which block since when.
///
/// The guard takes [`OVERHEAD_BYTES`](Self::OVERHEAD_BYTES) of each block of the pool; make the blocks
/// larger by that. What it finds goes to the log of its [`Rules`]. Canaries are looked at when a block
/// is given back, poison when it leaves quarantine. Every operation costs a fill of the block, inside
/// a critical section, and a look through the quarantine.
///
/// Blocks that are taken from the pool directly are not guarded, and go back the same way.
pub struct GuardedPool<'p, const RECORDS: usize, R = Standard, const HELD: usize = 4> {
    pool: &'p BlockPool<Critical>,
    state: Mutex<RefCell<State<RECORDS, HELD>>>,
    rules: PhantomData<fn() -> R>,
}

struct State<const RECORDS: usize, const HELD: usize> {
    ledger: Ledger<RECORDS>,
    /// The blocks in quarantine: a ring, the oldest first.
    held: [Option<NonNull<u8>>; HELD],
    oldest: usize,
    held_count: usize,
}

// SAFETY: the pointers are to blocks that the guard alone holds.
unsafe impl<const RECORDS: usize, const HELD: usize> Send for State<RECORDS, HELD> {}

impl<'p, const RECORDS: usize, R: Rules, const HELD: usize> GuardedPool<'p, RECORDS, R, HELD> {
    /// What the guard takes of each block.
    pub const OVERHEAD_BYTES: usize = FRONT_BYTES + TAIL_BYTES;

    /// The pool, with an empty ledger.
    #[must_use]
    pub const fn new(pool: &'p BlockPool<Critical>, ledger: Ledger<RECORDS>) -> Self {
        let state = State { ledger, held: [None; HELD], oldest: 0, held_count: 0 };
        Self { pool, state: Mutex::new(RefCell::new(state)), rules: PhantomData }
    }

    /// What a user may write of each block; 0 when the pool is not live, or its blocks are too small
    /// for the guard.
    pub fn usable_bytes(&self) -> usize {
        self.pool
            .shape()
            .map_or(0, |shape| shape.block_bytes().saturating_sub(Self::OVERHEAD_BYTES))
    }

    /// How many freed blocks are in quarantine. They are in use for the pool.
    pub fn held_count(&self) -> usize {
        critical_section::with(|cs| self.state.borrow_ref(cs).held_count)
    }

    /// Takes a block for `owner`, and records the caller's file and line. It is filled with
    /// [`Rules::FRESH`].
    ///
    /// # Errors
    /// As for [`BlockPool::allocate`]; also [`TakeError::Exhausted`] for blocks that are too small.
    #[track_caller]
    pub fn allocate(&self, owner: Owner) -> Result<NonNull<u8>, TakeError> {
        self.allocate_at(Site::here(), owner)
    }

    /// Takes a block for `owner`, and records `site`.
    ///
    /// # Errors
    /// As for [`allocate`](Self::allocate).
    pub fn allocate_at(&self, site: Site, owner: Owner) -> Result<NonNull<u8>, TakeError> {
        let usable_bytes = self.usable_bytes();
        let layout = Layout::from_size_align(usable_bytes, GRANULE_BYTES);
        let (Ok(layout), 1..) = (layout, usable_bytes) else {
            // Also of a pool that is not live: it says so itself.
            return self.pool.allocate().and_then(|block| {
                let _ = self.pool.deallocate(block);
                Err(TakeError::Exhausted { block_count: 0 })
            });
        };
        critical_section::with(|cs| {
            let block = match self.pool.allocate() {
                Err(TakeError::Exhausted { .. }) if self.release(cs) => self.pool.allocate(),
                taken => taken,
            }?;
            // SAFETY: a block of the pool is longer than the guard's share, and aligned to 8 if its
            // size is; the canaries do not mind if it is not.
            let user = unsafe { block.add(FRONT_BYTES) };
            let guarded = self.block(user);
            // SAFETY: the block was just taken, and ends with the guard's tail.
            unsafe {
                guarded.surround(layout);
                guarded.fill(0, usable_bytes, R::FRESH);
            }
            let mut state = self.state.borrow_ref_mut(cs);
            state.ledger.enter(user.addr().get(), usable_bytes, owner, Some(site));
            Ok(user)
        })
    }

    /// Gives a block back for `owner`: looks at its canaries, fills it with [`Rules::POISON`], and
    /// holds it in quarantine.
    ///
    /// # Errors
    /// As for [`BlockPool::deallocate`], with the pointer as given; nothing changed then.
    ///
    /// # Safety
    /// If the block is live, it is the caller's to give back, and nobody uses it any more.
    pub unsafe fn deallocate(&self, user: NonNull<u8>, owner: Owner) -> Result<(), FreeError> {
        let addr = user.addr().get();
        let Some(block) = NonNull::new(user.as_ptr().wrapping_sub(FRONT_BYTES)) else {
            return Err(FreeError::Foreign { addr });
        };
        critical_section::with(|cs| {
            if self.state.borrow_ref(cs).held.contains(&Some(user)) {
                return Err(FreeError::Repeated { addr });
            }
            // The pool knows whether this is a block in use; inside the section it gives the same one
            // out again.
            self.pool.deallocate(block).map_err(|error| match error {
                FreeError::Foreign { .. } => FreeError::Foreign { addr },
                FreeError::Interior { offset_bytes, .. } => {
                    FreeError::Interior { addr, offset_bytes }
                }
                FreeError::Repeated { .. } => FreeError::Repeated { addr },
                other => other,
            })?;
            let again = self.pool.allocate();
            debug_assert_eq!(again, Ok(block), "a pool is last in first out");
            let usable_bytes = self.usable_bytes();
            let guarded = self.block(user);
            // SAFETY: a block that this guard surrounded; the pool wrote to the words in front of the
            // canary alone.
            if let Err(violation) = unsafe { guarded.check(usable_bytes) } {
                R::log().put(violation);
            }
            // SAFETY: the user's bytes, which are nobody's now.
            unsafe { guarded.fill(0, usable_bytes, R::POISON) };
            self.state.borrow_ref_mut(cs).ledger.strike(addr, owner);
            if HELD == 0 || (self.held_in(cs) == HELD && !self.release(cs)) {
                return self.pool.deallocate(block);
            }
            self.state.borrow_ref_mut(cs).hold(user);
            Ok(())
        })
    }

    /// Lets all freed blocks out of quarantine; what was written to them is found now.
    pub fn settle(&self) {
        while critical_section::with(|cs| self.release(cs)) {}
    }

    /// Runs `f` on the ledger, inside a critical section.
    pub fn with_ledger<T>(&self, f: impl FnOnce(&mut Ledger<RECORDS>) -> T) -> T {
        critical_section::with(|cs| f(&mut self.state.borrow_ref_mut(cs).ledger))
    }

    fn held_in(&self, cs: CriticalSection<'_>) -> usize {
        self.state.borrow_ref(cs).held_count
    }

    fn block(&self, user: NonNull<u8>) -> Block {
        // SAFETY: callers have a block of the pool with the guard's share in front.
        unsafe { Block::new(user) }
    }

    /// Gives the block that is longest in quarantine back to the pool; says whether there was one.
    fn release(&self, cs: CriticalSection<'_>) -> bool {
        let Some(user) = self.state.borrow_ref_mut(cs).let_go() else { return false };
        // SAFETY: filled with poison when it came, and nobody's since.
        let checked = unsafe { self.block(user).check_poison(self.usable_bytes(), R::POISON) };
        if let Err(violation) = checked {
            R::log().put(violation);
        }
        // SAFETY: the guard's share lies in front.
        let block = unsafe { user.sub(FRONT_BYTES) };
        self.pool.deallocate(block).is_ok()
    }
}

impl<const RECORDS: usize, const HELD: usize> State<RECORDS, HELD> {
    fn hold(&mut self, user: NonNull<u8>) {
        let place = (self.oldest + self.held_count) % HELD.max(1);
        if let Some(place) = self.held.get_mut(place) {
            *place = Some(user);
            self.held_count += 1;
        }
    }

    fn let_go(&mut self) -> Option<NonNull<u8>> {
        let user = self.held.get_mut(self.oldest)?.take()?;
        self.oldest = (self.oldest + 1) % HELD.max(1);
        self.held_count -= 1;
        Some(user)
    }
}

impl<const RECORDS: usize, R, const HELD: usize> fmt::Debug for GuardedPool<'_, RECORDS, R, HELD> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GuardedPool").field("pool", &self.pool).finish_non_exhaustive()
    }
}

/// Writes the live blocks, a line a site. The lock is taken for one site at a time.
impl<const RECORDS: usize, R: Rules, const HELD: usize> fmt::Display
    for GuardedPool<'_, RECORDS, R, HELD>
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sites =
            (0..RECORDS).filter_map(|place| self.with_ledger(|ledger| ledger.site_leak(place)));
        write_report(f, sites, || self.with_ledger(|ledger| ledger.unrecorded_live_count()))
    }
}
