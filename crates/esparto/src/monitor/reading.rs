//! What there is to be read.

use core::fmt;

use super::size::Size;
use super::{HeapStats, Source};
use crate::Caps;
use crate::bus::BusStats;
use crate::pool::PoolStats;
use crate::stack::StackBreach;
use crate::tiers::ClassStats;

/// The figures of one thing at one moment. [`Display`](fmt::Display) writes one line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reading {
    /// A region, or all regions with some capabilities.
    Heap {
        /// Its name.
        name: &'static str,
        /// What it has.
        caps: Caps,
        /// Its figures.
        stats: HeapStats,
    },
    /// A pool.
    Pool {
        /// Its name.
        name: &'static str,
        /// Its figures.
        stats: PoolStats,
    },
    /// A class of tiers.
    Class(ClassStats),
    /// A stack.
    Stack {
        /// The task that runs on it.
        name: &'static str,
        /// What it may use.
        usable_bytes: usize,
        /// What of that was never used.
        unused_bytes: usize,
        /// What is wrong with it.
        breach: Option<StackBreach>,
    },
    /// A bus.
    Bus {
        /// Its name.
        name: &'static str,
        /// Its figures.
        stats: BusStats,
    },
    /// A guard's log.
    Guard {
        /// Its name.
        name: &'static str,
        /// How many violations were found.
        violation_count: u32,
    },
}

impl Reading {
    /// The name of the thing.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match *self {
            Self::Heap { name, .. }
            | Self::Pool { name, .. }
            | Self::Class(ClassStats { name, .. })
            | Self::Stack { name, .. }
            | Self::Bus { name, .. }
            | Self::Guard { name, .. } => name,
        }
    }
}

impl fmt::Display for Reading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Heap { name, caps, stats } => write!(
                f,
                "heap {name} ({caps}): {} of {} free, min {}, largest {}, fragmentation {}%, {} failures",
                Size(stats.free_bytes),
                Size(stats.total_bytes),
                Size(stats.min_free_bytes),
                Size(stats.largest_free_bytes),
                stats.fragmentation_percent(),
                stats.failure_count
            ),
            Self::Pool { name, stats } => write!(
                f,
                "pool {name} ({}B): {}/{} used, peak {}, {} failures, {} frees refused",
                stats.block_bytes,
                stats.used_count,
                stats.block_count,
                stats.peak_count,
                stats.failure_count,
                stats.refused.total_count()
            ),
            Self::Class(class) => write!(
                f,
                "class {} ({}B): {}/{} used, peak {}, {} heap fallbacks, {} frees refused",
                class.name,
                class.block_bytes,
                class.used_count,
                class.block_count,
                class.peak_count,
                class.failure_count,
                class.refused.total_count()
            ),
            Self::Stack { name, usable_bytes, unused_bytes, breach } => {
                write!(f, "stack {name}: {unused_bytes} of {usable_bytes} bytes never used")?;
                breach.as_ref().map_or(Ok(()), |breach| write!(f, "; {breach}"))
            }
            Self::Bus { name, stats } => write!(
                f,
                "bus {name}: {} of {} events alive, peak {}, {} posted, {} delivered, {} dropped, {} refused",
                stats.alive_count,
                stats.event_count,
                stats.peak_count,
                stats.posted_count,
                stats.delivered_count,
                stats.dropped_count,
                stats.refused.total()
            ),
            Self::Guard { name, violation_count } => {
                write!(f, "guard {name}: {violation_count} violations")
            }
        }
    }
}

/// Everything at one moment: [`Display`](fmt::Display) writes a line for each reading. Each is
/// taken in a lock of its own, and no lock is held while writing.
pub struct Snapshot<'s>(pub &'s [&'s dyn Source]);

impl fmt::Display for Snapshot<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut outcome = f.write_str("Memory Snapshot:");
        for source in self.0 {
            source.read(&mut |reading| {
                if outcome.is_ok() {
                    outcome = write!(f, "\n  {reading}");
                }
            });
        }
        outcome
    }
}

impl fmt::Debug for Snapshot<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
