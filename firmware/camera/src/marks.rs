//! Figures that must not grow.

use core::fmt;

use esparto::monitor::{Reading, Source};
use esparto::{RegionId, RegionStats};
use recording::RECORDED_REGIONS;

use crate::memory::MEMORY;

/// Rows of marks: one for each region, pool, stack and bus.
const ROWS: usize = 20;

/// The same blocks may count a little more or less: what is left beside a block and is too small for
/// another one is counted with it, and what is left depends on what was there before. Of their number
/// there may not be one more.
const ROUNDING_BYTES: usize = 256;

/// Fragmentation is rounded up to whole percents.
const ROUNDING_PERCENT: u8 = 1;

/// What of one thing must not grow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Mark {
    name: &'static str,
    /// Bytes, blocks or events in use.
    used: usize,
    /// The most that ever were.
    peak: usize,
    /// Rounding of those two.
    slack: usize,
    /// Blocks in use.
    block_count: usize,
    fragmentation_percent: u8,
    /// Requests that failed, and events that were lost.
    lost_count: u32,
}

impl Mark {
    fn of_region(stats: &RegionStats) -> Self {
        Self {
            name: stats.name,
            used: stats.live_bytes,
            peak: stats.peak_bytes,
            slack: ROUNDING_BYTES,
            block_count: stats.live_count,
            fragmentation_percent: stats.fragmentation_percent(),
            lost_count: stats.failure_count as u32,
        }
    }

    fn of(reading: &Reading) -> Option<Self> {
        let (used, peak, lost_count) = match reading {
            // There is more in the region's own figures.
            Reading::Heap { .. } => return None,
            Reading::Class(class) => (class.used_count, class.peak_count, class.failure_count),
            Reading::Pool { stats, .. } => {
                (stats.used_count, stats.peak_count, stats.failure_count)
            }
            Reading::Stack { usable_bytes, unused_bytes, .. } => {
                (0, usable_bytes - unused_bytes, 0)
            }
            Reading::Bus { stats, .. } => {
                let lost_count = stats.dropped_count + stats.refused.total();
                (stats.alive_count, stats.peak_count, lost_count)
            }
            other => panic!("nobody said what must not grow of {other}"),
        };
        let name = reading.name();
        Some(Self { name, used, peak, block_count: used, lost_count, ..Self::default() })
    }

    fn has_grown_since(&self, before: &Self) -> bool {
        self.used > before.used + before.slack
            || self.peak > before.peak + before.slack
            || self.block_count > before.block_count
            || self.fragmentation_percent > before.fragmentation_percent + ROUNDING_PERCENT
            || self.lost_count > before.lost_count
    }

    fn raise(&mut self, to: &Self) {
        self.used = self.used.max(to.used);
        self.peak = self.peak.max(to.peak);
        self.block_count = self.block_count.max(to.block_count);
        self.fragmentation_percent = self.fragmentation_percent.max(to.fragmentation_percent);
        self.lost_count = self.lost_count.max(to.lost_count);
    }
}

/// Of everything, at one moment or the most of several.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Marks {
    rows: [Option<Mark>; ROWS],
}

impl Marks {
    /// Looks at all regions, and at `sources`.
    pub(crate) fn take(sources: &[&dyn Source]) -> Self {
        let mut marks = Self::default();
        let mut free = marks.rows.iter_mut();
        let mut add = |mark| *free.next().expect("every reading has a row") = Some(mark);
        for region in (0..RECORDED_REGIONS as u8).map(RegionId) {
            let stats = MEMORY.region_stats(region).expect("all regions were added");
            add(Mark::of_region(&stats));
        }
        for source in sources {
            source.read(&mut |reading| {
                if let Some(mark) = Mark::of(&reading) {
                    add(mark);
                }
            });
        }
        marks
    }

    /// The more of both.
    pub(crate) fn raise(&mut self, to: &Self) {
        for (mark, to) in self.rows.iter_mut().zip(&to.rows) {
            match (mark, to) {
                (Some(mark), Some(to)) => mark.raise(to),
                (mark, to) => *mark = *to,
            }
        }
    }

    /// What is more now than in `before`, if anything.
    pub(crate) fn growth_since(&self, before: &Self) -> Option<&'static str> {
        let mut pairs = self.rows.iter().flatten().zip(before.rows.iter().flatten());
        pairs.find(|(now, before)| now.has_grown_since(before)).map(|(now, _)| now.name)
    }
}

impl fmt::Display for Marks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, mark) in self.rows.iter().flatten().enumerate() {
            let end = if index == 0 { "" } else { "\n" };
            let Mark { name, used, peak, block_count, fragmentation_percent, lost_count, .. } =
                mark;
            write!(
                f,
                "{end}mark {name} used={used} blocks={block_count} peak={peak} \
                 fragmentation={fragmentation_percent}% lost={lost_count}"
            )?;
        }
        Ok(())
    }
}
