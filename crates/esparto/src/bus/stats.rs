//! Figures of a bus at one moment.

use core::fmt;

use super::{PostError, Priority, ServiceId};

/// A bus at one moment. Counters start when the bus is made, and wrap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BusStats {
    /// Does it run?
    pub is_started: bool,
    /// Events posted, those that nobody had subscribed to included.
    pub posted_count: u32,
    /// Events received; one that several subscribers received counts for each.
    pub delivered_count: u32,
    /// Events that a subscriber lost: to newer ones, to a stop, or by leaving.
    pub dropped_count: u32,
    /// Posts refused.
    pub refused: RefusedPosts,
    /// Events alive: being built, waiting, or being looked at.
    pub alive_count: usize,
    /// The most that were ever alive at once.
    pub peak_count: usize,
    /// The places for events.
    pub event_count: usize,
    /// The services registered.
    pub service_count: usize,
}

/// Posts refused, by reason.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct RefusedPosts {
    pub(super) counts: [u32; PostError::COUNT],
}

impl RefusedPosts {
    /// The names of the reasons.
    pub const REASONS: [&'static str; PostError::COUNT] = PostError::KINDS;

    /// Every reason with its count, in the order of [`REASONS`](Self::REASONS).
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u32)> {
        Self::REASONS.into_iter().zip(self.counts)
    }

    /// How many were refused for the reason that `error` is an example of; its figures do not
    /// matter.
    #[must_use]
    pub const fn by(&self, error: PostError) -> u32 {
        self.counts[error.kind()]
    }

    /// How many were refused for any reason.
    #[must_use]
    pub fn total(&self) -> u32 {
        self.counts.iter().fold(0, |sum, &count| sum.wrapping_add(count))
    }
}

/// Writes the reasons that there were, with their counts.
impl fmt::Debug for RefusedPosts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter().filter(|&(_, count)| count != 0)).finish()
    }
}

/// A service at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServiceStats {
    /// Which service.
    pub id: ServiceId,
    /// Its name.
    pub name: &'static str,
    /// The events that wait, by priority.
    pub queued_counts: [u16; Priority::COUNT],
    /// The most that ever waited at once, by priority.
    pub peak_counts: [u16; Priority::COUNT],
    /// How many may wait, by priority.
    pub depths: [u16; Priority::COUNT],
    /// Events that it lost.
    pub dropped_count: u32,
}
