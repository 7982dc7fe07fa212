//! What a service may have waiting, and how much it may post.

use super::Priority;

/// What becomes of an event for a queue that is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overflow {
    /// The post is refused, for all subscribers; the poster may wait.
    Refuse,
    /// The oldest event of that priority makes room.
    DropOldest,
}

/// How much a service may post: `burst_count` events at once, and one more each `interval_ms`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    pub(super) burst_count: u16,
    pub(super) interval_ms: u32,
}

impl Quota {
    /// At most `burst_count` events at once; one more each `interval_ms`.
    ///
    /// An interval of 0 is no limit; a burst of 0 is nothing ever.
    #[must_use]
    pub const fn new(burst_count: u16, interval_ms: u32) -> Self {
        Self { burst_count, interval_ms }
    }
}

/// How a service takes part: the bounds of its queues, what happens when they are full, and how
/// much it may post.
///
/// ```
/// use esparto::bus::{Overflow, Priority, Quota, Settings};
///
/// // A display that wants the newest values only, and posts ten events a second at the most.
/// const DISPLAY: Settings = Settings::new()
///     .depth(Priority::Normal, 4)
///     .overflow(Priority::Normal, Overflow::DropOldest)
///     .quota(Quota::new(10, 100));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    pub(super) depths: [u16; Priority::COUNT],
    pub(super) overflows: [Overflow; Priority::COUNT],
    pub(super) quota: Option<Quota>,
}

impl Settings {
    /// Events of one priority that may wait for a service, if nothing else is said.
    pub const DEPTH: u16 = 16;

    /// [`Self::DEPTH`] events of each priority; of LOW the oldest is dropped when there are more,
    /// the others are refused. No quota.
    #[must_use]
    pub const fn new() -> Self {
        use Overflow::{DropOldest, Refuse};
        Self {
            depths: [Self::DEPTH; Priority::COUNT],
            overflows: [DropOldest, Refuse, Refuse, Refuse],
            quota: None,
        }
    }

    /// At most `count` events of this priority wait.
    #[must_use]
    pub const fn depth(mut self, priority: Priority, count: u16) -> Self {
        self.depths[priority as usize] = count;
        self
    }

    /// What becomes of more than that.
    #[must_use]
    pub const fn overflow(mut self, priority: Priority, overflow: Overflow) -> Self {
        self.overflows[priority as usize] = overflow;
        self
    }

    /// How much the service may post.
    #[must_use]
    pub const fn quota(mut self, quota: Quota) -> Self {
        self.quota = Some(quota);
        self
    }

    /// A priority whose queue could hold nothing.
    pub(super) fn shallow(&self) -> Option<Priority> {
        Priority::ALL.into_iter().find(|&priority| self.depths[priority as usize] == 0)
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self::new()
    }
}
