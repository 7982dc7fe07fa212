//! A memory with a ledger: requests that say where they come from, and answers about blocks.

use core::alloc::Layout;
use core::fmt;
use core::ptr::NonNull;

use super::{LeakReport, Ledger, OwnerHeap, Record, Site, Violation};
use crate::{AllocError, Memory, Owner, Policy, Sink};

impl<const N: usize, const RECORDS: usize, S: Sink> Memory<N, Ledger<RECORDS, S>> {
    /// Allocates, and records the caller's file and line.
    ///
    /// # Errors
    /// As for [`allocate`](Self::allocate).
    #[track_caller]
    pub fn allocate_here(
        &self,
        layout: Layout,
        policy: impl Into<Policy>,
    ) -> Result<NonNull<u8>, AllocError> {
        self.allocate_at(Site::here(), layout, policy)
    }

    /// Allocates, and records `site`.
    ///
    /// # Errors
    /// As for [`allocate`](Self::allocate).
    pub fn allocate_at(
        &self,
        site: Site,
        layout: Layout,
        policy: impl Into<Policy>,
    ) -> Result<NonNull<u8>, AllocError> {
        // One critical section, so that no interrupt's request gets this site.
        critical_section::with(|_| {
            let before = self.set_site(Some(site));
            let block = self.allocate(layout, policy);
            self.set_site(before);
            block
        })
    }

    /// Does `work`, and records the caller's file and line for everything that is asked for
    /// meanwhile, by collections as well; also by interrupt handlers and other tasks, if there are
    /// any then.
    #[track_caller]
    pub fn here<R>(&self, work: impl FnOnce() -> R) -> R {
        let before = self.set_site(Some(Site::here()));
        let result = work();
        self.set_site(before);
        result
    }

    fn set_site(&self, site: Option<Site>) -> Option<Site> {
        self.with_sink_mut(|ledger| ledger.set_site(site)).flatten()
    }

    /// The live blocks by the place that asked for them.
    pub const fn leaks(&self) -> LeakReport<'_, N, RECORDS, S> {
        LeakReport::new(self)
    }

    /// The live blocks of an owner that have a record.
    pub fn owner_heap(&self, owner: Owner) -> OwnerHeap {
        self.with_sink_mut(|ledger| ledger.owner_heap(owner)).unwrap_or_default()
    }

    /// What is known of the block at this address: see [`Ledger::record_of`].
    pub fn record_of(&self, addr: usize) -> Option<Record> {
        self.with_sink_mut(|ledger| ledger.record_of(addr).copied()).flatten()
    }

    /// Names the owner of the block that a violation is about, and the place that asked for it.
    /// Ask soon: once the address is used again, its record is that of the later block.
    pub fn name_violation(&self, violation: Violation) -> NamedViolation {
        let record = self.record_of(violation.block_addr());
        NamedViolation { violation, record }
    }
}

/// A violation, with what is known of the block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NamedViolation {
    /// What was found.
    pub violation: Violation,
    /// The block's record, if it has one (still).
    pub record: Option<Record>,
}

impl fmt::Display for NamedViolation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.violation.fmt(f)?;
        match self.record {
            Some(record) => write!(f, "; the block: {record}"),
            None => f.write_str("; there is no record of the block"),
        }
    }
}
