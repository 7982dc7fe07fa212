//! The figures of a heap, and whether they are good ones.

use core::fmt;

use super::size::Size;
use crate::{Caps, Memory, RegionStats, Sink, fragmentation_percent};

/// The figures of a region, or of all regions that have a set of capabilities, at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HeapStats {
    /// The length.
    pub total_bytes: usize,
    /// Bytes that requests could get.
    pub free_bytes: usize,
    /// Bytes in live blocks.
    pub allocated_bytes: usize,
    /// The largest request that would succeed now.
    pub largest_free_bytes: usize,
    /// The least that was ever free. Of several regions, the sum of their own minima: these may be
    /// of different moments, so that it is never above the true one.
    pub min_free_bytes: usize,
    /// Requests that ended without a block.
    pub failure_count: usize,
}

impl HeapStats {
    /// Fragmentation in percent, see [`fragmentation_percent`].
    #[must_use]
    pub fn fragmentation_percent(&self) -> u8 {
        fragmentation_percent(self.free_bytes, self.largest_free_bytes)
    }

    /// Is all well?
    ///
    /// # Errors
    /// The first thing that is [`Unhealthy`].
    pub fn health(&self, thresholds: &Thresholds) -> Result<(), Unhealthy> {
        let (percent, limit_percent) =
            (self.fragmentation_percent(), thresholds.fragmentation_percent);
        let (free_bytes, min_bytes) = (self.free_bytes, thresholds.free_bytes);
        if free_bytes < min_bytes {
            return Err(Unhealthy::LowFree { free_bytes, min_bytes });
        }
        if percent >= limit_percent {
            return Err(Unhealthy::Fragmented { percent, limit_percent });
        }
        Ok(())
    }

    /// The figures as a block of lines for a log, with a verdict.
    #[must_use]
    pub fn log(&self, thresholds: &Thresholds) -> impl fmt::Display {
        HeapLog { stats: *self, is_healthy: self.health(thresholds).is_ok() }
    }

    fn add(&mut self, region: &Self) {
        self.total_bytes += region.total_bytes;
        self.free_bytes += region.free_bytes;
        self.allocated_bytes += region.allocated_bytes;
        // A block never spans two regions.
        self.largest_free_bytes = self.largest_free_bytes.max(region.largest_free_bytes);
        self.min_free_bytes += region.min_free_bytes;
        self.failure_count += region.failure_count;
    }
}

impl From<&RegionStats> for HeapStats {
    fn from(region: &RegionStats) -> Self {
        let room_bytes = region.size_bytes - region.bookkeeping_bytes;
        Self {
            total_bytes: region.size_bytes,
            free_bytes: region.free_bytes,
            allocated_bytes: region.live_bytes,
            largest_free_bytes: region.largest_free_bytes,
            // Bookkeeping may have grown after the peak.
            min_free_bytes: room_bytes.saturating_sub(region.peak_bytes),
            failure_count: region.failure_count,
        }
    }
}

impl<const N: usize, S: Sink> Memory<N, S> {
    /// The figures of all regions that have `caps`; `None` when there is none. One lock a region.
    pub fn heap_stats(&self, caps: Caps) -> Option<HeapStats> {
        let mut stats = None;
        for region in self.regions_with(caps).filter_map(|id| self.region_stats(id)) {
            stats.get_or_insert(HeapStats::default()).add(&HeapStats::from(&region));
        }
        stats
    }

    /// The figures of each region. One lock a region.
    pub(super) fn regions(&self) -> impl Iterator<Item = RegionStats> {
        (0..self.region_count() as u8).filter_map(|id| self.region_stats(crate::RegionId(id)))
    }
}

/// From where on something is trouble.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Thresholds {
    /// Fragmentation is too high from here on, in percent.
    pub fragmentation_percent: u8,
    /// Too little is free below this.
    pub free_bytes: usize,
    /// Too little of a stack was never used below this.
    pub stack_bytes: usize,
}

impl Thresholds {
    /// 30 % fragmentation, 10,240 bytes free, 128 bytes of stack.
    pub const DEFAULT: Self =
        Self { fragmentation_percent: 30, free_bytes: 10_240, stack_bytes: 128 };

    /// The same for a heap of `total_bytes`: no more has to be free than a quarter of it. A small
    /// region (RTC memory) would never be healthy otherwise.
    #[must_use]
    pub const fn scaled_to(self, total_bytes: usize) -> Self {
        let quarter = total_bytes / 4;
        let free_bytes = if self.free_bytes < quarter { self.free_bytes } else { quarter };
        Self { free_bytes, ..self }
    }
}

impl Default for Thresholds {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// What is wrong with a heap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unhealthy {
    /// Too little is free.
    LowFree {
        /// What is free.
        free_bytes: usize,
        /// What should be.
        min_bytes: usize,
    },
    /// What is free is in too many pieces.
    Fragmented {
        /// The fragmentation.
        percent: u8,
        /// From where on it is too high.
        limit_percent: u8,
    },
}

impl fmt::Display for Unhealthy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::LowFree { free_bytes, min_bytes } => {
                write!(f, "{free_bytes} bytes are free, expected {min_bytes} at least")
            }
            Self::Fragmented { percent, limit_percent } => {
                write!(f, "fragmentation is {percent} %, expected less than {limit_percent} %")
            }
        }
    }
}

impl core::error::Error for Unhealthy {}

struct HeapLog {
    stats: HeapStats,
    is_healthy: bool,
}

impl fmt::Display for HeapLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stats = &self.stats;
        f.write_str("Heap Fragmentation:")?;
        write!(f, "\n  Total: {}", Size(stats.total_bytes))?;
        write!(f, "\n  Free: {}", Size(stats.free_bytes))?;
        write!(f, "\n  Largest block: {}", Size(stats.largest_free_bytes))?;
        let verdict = if self.is_healthy { "HEALTHY" } else { "WARNING" };
        write!(f, "\n  Fragmentation: {}% {verdict}", stats.fragmentation_percent())
    }
}
