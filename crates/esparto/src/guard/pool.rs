//! A pool with a ledger.

use core::cell::RefCell;
use core::fmt;
use core::ptr::NonNull;

use critical_section::Mutex;

use super::leaks::write_report;
use super::{Ledger, Site};
use crate::Owner;
use crate::pool::{BlockPool, FreeError, Shared, TakeError};

/// A pool whose live blocks are on record: address, time, file and line. The pool itself refuses
/// wrong frees already; this finds its leaks.
///
/// Blocks that are taken from the pool directly are not on record, and should go back the same way.
#[derive(Debug)]
pub struct TrackedPool<'p, A: Shared, const RECORDS: usize> {
    pool: &'p BlockPool<A>,
    ledger: Mutex<RefCell<Ledger<RECORDS>>>,
}

impl<'p, A: Shared, const RECORDS: usize> TrackedPool<'p, A, RECORDS> {
    /// The pool, with an empty ledger.
    #[must_use]
    pub const fn new(pool: &'p BlockPool<A>, ledger: Ledger<RECORDS>) -> Self {
        Self { pool, ledger: Mutex::new(RefCell::new(ledger)) }
    }

    /// Takes a block for `owner`, and records the caller's file and line.
    ///
    /// # Errors
    /// As for [`BlockPool::allocate`].
    #[track_caller]
    pub fn allocate(&self, owner: Owner) -> Result<NonNull<u8>, TakeError> {
        self.allocate_at(Site::here(), owner)
    }

    /// Takes a block for `owner`, and records `site`.
    ///
    /// # Errors
    /// As for [`BlockPool::allocate`].
    pub fn allocate_at(&self, site: Site, owner: Owner) -> Result<NonNull<u8>, TakeError> {
        let block = self.pool.allocate()?;
        let size_bytes = self.pool.stats().block_bytes;
        self.with_ledger(|ledger| ledger.enter(block.addr().get(), size_bytes, owner, Some(site)));
        Ok(block)
    }

    /// Gives a block back for `owner`, and removes its record.
    ///
    /// # Errors
    /// As for [`BlockPool::deallocate`]; the record stays then.
    pub fn deallocate(&self, block: NonNull<u8>, owner: Owner) -> Result<(), FreeError> {
        // In one, or the next to take the block would be on record twice for a moment.
        critical_section::with(|_| {
            self.pool.deallocate(block)?;
            self.with_ledger(|ledger| ledger.strike(block.addr().get(), owner));
            Ok(())
        })
    }

    /// Runs `f` on the ledger, inside a critical section.
    pub fn with_ledger<R>(&self, f: impl FnOnce(&mut Ledger<RECORDS>) -> R) -> R {
        critical_section::with(|cs| f(&mut self.ledger.borrow_ref_mut(cs)))
    }
}

/// Writes the live blocks, a line a site. The lock is taken for one site at a time.
impl<A: Shared, const RECORDS: usize> fmt::Display for TrackedPool<'_, A, RECORDS> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sites =
            (0..RECORDS).filter_map(|place| self.with_ledger(|ledger| ledger.site_leak(place)));
        write_report(f, sites, || self.with_ledger(|ledger| ledger.unrecorded_live_count()))
    }
}
