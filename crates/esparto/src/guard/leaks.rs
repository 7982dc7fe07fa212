//! Live blocks by the place that asked for them.

use core::fmt;

use super::{Ledger, Record, Site};
use crate::{Memory, Owner, Sink};

/// The live blocks that one owner asked for in one place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SiteLeak {
    /// Where they were asked for, if that was said.
    pub site: Option<Site>,
    /// For whom.
    pub owner: Owner,
    /// How many there are.
    pub live_count: usize,
    /// Their bytes as asked for.
    pub live_bytes: usize,
    /// When the oldest was asked for.
    pub oldest_time: u32,
    /// When the newest was.
    pub newest_time: u32,
}

/// Writes `src/main.rs:10: 3 blocks, 12288 bytes of owner 1, from 100 to 300`.
impl fmt::Display for SiteLeak {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.site {
            Some(site) => write!(f, "{site}: ")?,
            None => f.write_str("somewhere: ")?,
        }
        let plural = if self.live_count == 1 { "" } else { "s" };
        write!(
            f,
            "{} block{plural}, {} bytes of owner {}, from {} to {}",
            self.live_count, self.live_bytes, self.owner.0, self.oldest_time, self.newest_time
        )
    }
}

impl<const RECORDS: usize, S: Sink> Ledger<RECORDS, S> {
    /// The live blocks of the site and the owner whose first record is at `place`; `None` if an
    /// earlier place has one of them, or it has no live block. O(RECORDS).
    pub fn site_leak(&self, place: usize) -> Option<SiteLeak> {
        let is_live = |record: &&Record| record.freed.is_none();
        let record = |place: &Option<Record>| place.as_ref().filter(is_live).copied();
        let first = record(self.records().get(place)?)?;
        let mut leak = SiteLeak {
            site: first.site,
            owner: first.owner,
            live_count: 0,
            live_bytes: 0,
            oldest_time: first.time,
            newest_time: first.time,
        };
        for (index, other) in self.records().iter().enumerate() {
            let Some(other) = record(other) else { continue };
            if other.site != first.site || other.owner != first.owner {
                continue;
            }
            if index < place {
                return None;
            }
            leak.live_count += 1;
            leak.live_bytes += other.size_bytes;
            leak.oldest_time = leak.oldest_time.min(other.time);
            leak.newest_time = leak.newest_time.max(other.time);
        }
        Some(leak)
    }

    /// The live blocks by site and owner, in the order in which the sites came. O(RECORDS²).
    pub fn site_leaks(&self) -> impl Iterator<Item = SiteLeak> {
        (0..RECORDS).filter_map(|place| self.site_leak(place))
    }
}

/// Writes a line a site, in the order in which they came.
impl<const RECORDS: usize, S: Sink> fmt::Display for Ledger<RECORDS, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_report(f, self.site_leaks(), || self.unrecorded_live_count())
    }
}

/// The form of every report of leaks.
pub(super) fn write_report(
    f: &mut fmt::Formatter<'_>,
    mut sites: impl Iterator<Item = SiteLeak>,
    unrecorded_live_count: impl FnOnce() -> usize,
) -> fmt::Result {
    f.write_str("Live blocks by site:")?;
    let mut site_count = 0;
    sites.try_for_each(|leak| {
        site_count += 1;
        write!(f, "\n  {leak}")
    })?;
    match (unrecorded_live_count(), site_count) {
        (0, 0) => f.write_str(" none"),
        (0, _) => Ok(()),
        (count, _) => write!(f, "\n  {count} more have no record: make the ledger larger"),
    }
}

/// The live blocks of a memory by site: [`Display`](fmt::Display) writes a line each. The lock is
/// taken for one site at a time, and never while writing.
#[derive(Debug)]
pub struct LeakReport<'m, const N: usize, const RECORDS: usize, S: Sink> {
    memory: &'m Memory<N, Ledger<RECORDS, S>>,
}

impl<'m, const N: usize, const RECORDS: usize, S: Sink> LeakReport<'m, N, RECORDS, S> {
    pub(super) const fn new(memory: &'m Memory<N, Ledger<RECORDS, S>>) -> Self {
        Self { memory }
    }

    /// The live blocks by site and owner. O(RECORDS) inside the lock for each.
    pub fn sites(&self) -> impl Iterator<Item = SiteLeak> + use<'m, N, RECORDS, S> {
        let memory = self.memory;
        (0..RECORDS).filter_map(move |place| {
            memory.with_sink_mut(|ledger| ledger.site_leak(place)).flatten()
        })
    }
}

impl<const N: usize, const RECORDS: usize, S: Sink> fmt::Display for LeakReport<'_, N, RECORDS, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_report(f, self.sites(), || {
            self.memory.with_sink_mut(|ledger| ledger.unrecorded_live_count()).unwrap_or(0)
        })
    }
}
