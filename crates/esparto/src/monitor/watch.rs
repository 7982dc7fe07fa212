//! Who is told when something is wrong.

use core::fmt;

use super::{Diagnosis, Reading, Source, Thresholds, Unhealthy};
use crate::stack::StackBreach;

/// What is wrong with one thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Trouble {
    /// Too little of a heap is free, or in too many pieces.
    Heap(Unhealthy),
    /// Too little of a stack was never used.
    LowStack {
        /// What was never used.
        unused_bytes: usize,
        /// What should be left.
        min_bytes: usize,
    },
    /// A stack was run over.
    StackOverrun(StackBreach),
    /// Requests could not be met since the last look.
    Failures {
        /// How many.
        count: u32,
    },
    /// Pointers were refused since the last look.
    WrongFrees {
        /// How many.
        count: u32,
    },
    /// A free list was found written over, or a guard found violations, since the last look.
    Corrupt {
        /// How many times.
        count: u32,
    },
    /// Events were lost since the last look.
    LostEvents {
        /// How many.
        count: u32,
    },
}

impl Trouble {
    /// What kind it is.
    #[must_use]
    pub const fn diagnosis(&self) -> Diagnosis {
        match self {
            Self::Heap(Unhealthy::LowFree { .. }) => Diagnosis::LowFreeHeap,
            Self::Heap(Unhealthy::Fragmented { .. }) => Diagnosis::Fragmentation,
            Self::LowStack { .. } => Diagnosis::LowStack,
            Self::StackOverrun(_) => Diagnosis::StackOverrun,
            Self::Failures { .. } => Diagnosis::Exhaustion,
            Self::WrongFrees { .. } => Diagnosis::WrongUse,
            Self::Corrupt { .. } => Diagnosis::Corruption,
            Self::LostEvents { .. } => Diagnosis::LostEvents,
        }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Heap(unhealthy) => unhealthy.fmt(f),
            Self::LowStack { unused_bytes, min_bytes } => {
                write!(f, "{unused_bytes} bytes of stack were never used, expected {min_bytes}")
            }
            Self::StackOverrun(breach) => breach.fmt(f),
            Self::Failures { count } => write!(f, "{count} requests failed since the last look"),
            Self::WrongFrees { count } => write!(f, "{count} frees refused since the last look"),
            Self::Corrupt { count } => write!(f, "{count} times written over since the last look"),
            Self::LostEvents { count } => write!(f, "{count} events lost since the last look"),
        }
    }
}

/// Something that a monitor has to tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Finding {
    /// Something went wrong, or (of things that are counted) went wrong again.
    Began {
        /// The name of the thing.
        name: &'static str,
        /// What is wrong with it.
        trouble: Trouble,
    },
    /// It is well again.
    Over {
        /// The name of the thing.
        name: &'static str,
        /// What was wrong with it.
        diagnosis: Diagnosis,
    },
}

/// Writes `NAME: LOW_FREE_HEAP: figures` or `NAME: LOW_FREE_HEAP is over`.
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Began { name, trouble } => {
                write!(f, "{name}: {}: {trouble}", trouble.diagnosis().name())
            }
            Self::Over { name, diagnosis } => write!(f, "{name}: {} is over", diagnosis.name()),
        }
    }
}

/// What one look came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Polled {
    /// How many readings there were.
    pub reading_count: usize,
    /// How many things are in trouble, told of now or before.
    pub trouble_count: usize,
    /// How many readings were beyond the monitor's places: their trouble is told every time.
    pub beyond_count: usize,
}

/// Compares readings with [`Thresholds`], and remembers of up to `PLACES` of them what it told.
#[derive(Debug)]
pub struct Monitor<const PLACES: usize> {
    thresholds: Thresholds,
    places: [Place; PLACES],
}

/// What was seen of a reading at the last look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    low_free: bool,
    fragmented: bool,
    low_stack: bool,
    overrun: bool,
    counts: Counts,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Counts {
    failures: u32,
    wrong_frees: u32,
    corrupt: u32,
    lost_events: u32,
}

impl Place {
    const NEW: Self = Self {
        low_free: false,
        fragmented: false,
        low_stack: false,
        overrun: false,
        counts: Counts { failures: 0, wrong_frees: 0, corrupt: 0, lost_events: 0 },
    };

    const fn is_in_trouble(&self) -> bool {
        self.low_free || self.fragmented || self.low_stack || self.overrun
    }
}

impl<const PLACES: usize> Monitor<PLACES> {
    /// A monitor that told nothing yet.
    #[must_use]
    pub const fn new(thresholds: Thresholds) -> Self {
        Self { thresholds, places: [Place::NEW; PLACES] }
    }

    /// What it compares with.
    #[must_use]
    pub const fn thresholds(&self) -> &Thresholds {
        &self.thresholds
    }

    /// Changes what it compares with, from the next look on.
    pub const fn set_thresholds(&mut self, thresholds: Thresholds) {
        self.thresholds = thresholds;
    }

    /// Looks at everything, and calls `report` for what began and what is over since the last look.
    /// No lock is held meanwhile: `report` may allocate, post and log.
    ///
    /// Readings are told apart by their order, so `sources` should be the same every time.
    pub fn poll(&mut self, sources: &[&dyn Source], mut report: impl FnMut(Finding)) -> Polled {
        let mut polled = Polled::default();
        for source in sources {
            source.read(&mut |reading| {
                let mut beyond = Place::NEW;
                let place = self.places.get_mut(polled.reading_count).unwrap_or_else(|| {
                    polled.beyond_count += 1;
                    &mut beyond
                });
                polled.reading_count += 1;
                place.look(&reading, &self.thresholds, &mut report);
                polled.trouble_count += usize::from(place.is_in_trouble());
            });
        }
        polled
    }
}

impl Place {
    fn look(
        &mut self,
        reading: &Reading,
        thresholds: &Thresholds,
        report: &mut impl FnMut(Finding),
    ) {
        let name = reading.name();
        let mut level = |was: &mut bool, trouble: Option<Trouble>, diagnosis| {
            match (*was, trouble) {
                (false, Some(trouble)) => report(Finding::Began { name, trouble }),
                (true, None) => report(Finding::Over { name, diagnosis }),
                _ => {}
            }
            *was = trouble.is_some();
        };
        match *reading {
            Reading::Heap { stats, .. } => {
                let thresholds = thresholds.scaled_to(stats.total_bytes);
                // Each by itself: neither hides the other.
                let low_free = Thresholds { fragmentation_percent: u8::MAX, ..thresholds };
                let fragmented = Thresholds { free_bytes: 0, ..thresholds };
                let trouble = |thresholds| stats.health(&thresholds).err().map(Trouble::Heap);
                level(&mut self.low_free, trouble(low_free), Diagnosis::LowFreeHeap);
                level(&mut self.fragmented, trouble(fragmented), Diagnosis::Fragmentation);
            }
            Reading::Stack { unused_bytes, breach, .. } => {
                let min_bytes = thresholds.stack_bytes;
                let low = (unused_bytes < min_bytes)
                    .then_some(Trouble::LowStack { unused_bytes, min_bytes });
                level(&mut self.low_stack, low, Diagnosis::LowStack);
                let overrun = breach.map(Trouble::StackOverrun);
                level(&mut self.overrun, overrun, Diagnosis::StackOverrun);
            }
            Reading::Pool { .. }
            | Reading::Class(_)
            | Reading::Bus { .. }
            | Reading::Guard { .. } => {}
        }

        let (now, before) =
            (Counts::of(reading), core::mem::replace(&mut self.counts, Counts::of(reading)));
        for trouble in now.since(&before) {
            report(Finding::Began { name, trouble });
        }
    }
}

impl Counts {
    /// What was counted since `before`.
    fn since(&self, before: &Self) -> impl Iterator<Item = Trouble> {
        // Counters start over when they are reset.
        let since = |now: u32, before| now.checked_sub(before).unwrap_or(now);
        let count = since(self.failures, before.failures);
        let failures = (count != 0).then_some(Trouble::Failures { count });
        let count = since(self.wrong_frees, before.wrong_frees);
        let wrong_frees = (count != 0).then_some(Trouble::WrongFrees { count });
        let count = since(self.corrupt, before.corrupt);
        let corrupt = (count != 0).then_some(Trouble::Corrupt { count });
        let count = since(self.lost_events, before.lost_events);
        let lost_events = (count != 0).then_some(Trouble::LostEvents { count });
        [failures, wrong_frees, corrupt, lost_events].into_iter().flatten()
    }

    fn of(reading: &Reading) -> Self {
        let none = Place::NEW.counts;
        match reading {
            Reading::Heap { stats, .. } => Self { failures: stats.failure_count as u32, ..none },
            Reading::Pool { stats, .. } => Self {
                failures: stats.failure_count,
                wrong_frees: stats.refused.total_count(),
                corrupt: stats.corruption_count,
                ..none
            },
            Reading::Class(class) => Self {
                failures: class.failure_count,
                wrong_frees: class.refused.total_count(),
                corrupt: class.corruption_count,
                ..none
            },
            Reading::Bus { stats, .. } => {
                Self { failures: stats.refused.total(), lost_events: stats.dropped_count, ..none }
            }
            Reading::Guard { violation_count, .. } => Self { corrupt: *violation_count, ..none },
            Reading::Stack { .. } => none,
        }
    }
}
