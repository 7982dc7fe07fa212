//! A service's own part of a bus: its queues and its quota.

use super::quota::Bucket;
use super::stats::ServiceStats;
use super::{Overflow, Priority, Quota, ServiceId, Settings};

/// No event.
pub(super) const NIL: u16 = u16::MAX;

/// The events of one priority that wait for one service. The links are in the envelopes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Queue {
    pub(super) head: u16,
    pub(super) tail: u16,
    /// How many more may wait.
    pub(super) room_count: u16,
    /// The least room there ever was.
    pub(super) least_room_count: u16,
    pub(super) depth: u16,
    pub(super) overflow: Overflow,
}

impl Queue {
    const NONE: Self = Self {
        head: NIL,
        tail: NIL,
        room_count: 0,
        least_room_count: 0,
        depth: 0,
        overflow: Overflow::Refuse,
    };
}

/// A place for a service: vacant, registered, or leaving (while its queues are emptied).
#[derive(Debug)]
pub(super) struct Service {
    /// `NOBODY` while it is not registered.
    pub(super) id: ServiceId,
    /// Counts those who had this place.
    pub(super) registration: u32,
    /// The priorities of which something waits, a bit each.
    pub(super) ready: u8,
    pub(super) queues: [Queue; Priority::COUNT],
    pub(super) quota: Option<Quota>,
    pub(super) bucket: Option<Bucket>,
    pub(super) dropped_count: u32,
    name: Option<&'static str>,
}

impl Service {
    pub(super) const VACANT: Self = Self {
        id: ServiceId::NOBODY,
        registration: 0,
        ready: 0,
        queues: [Queue::NONE; Priority::COUNT],
        quota: None,
        bucket: None,
        dropped_count: 0,
        name: None,
    };

    pub(super) const fn is_vacant(&self) -> bool {
        self.name.is_none()
    }

    /// Does anything of this priority wait?
    pub(super) const fn is_ready(&self, priority: usize) -> bool {
        self.ready & (1 << priority) != 0
    }

    pub(super) fn open(
        &mut self,
        id: ServiceId,
        name: &'static str,
        settings: &Settings,
        now_ms: u32,
    ) {
        self.id = id;
        self.name = Some(name);
        self.quota = settings.quota;
        self.bucket = settings.quota.map(|quota| Bucket::full(quota, now_ms));
        self.dropped_count = 0;
        for (at, queue) in self.queues.iter_mut().enumerate() {
            let (depth, overflow) = (settings.depths[at], settings.overflows[at]);
            *queue = Queue {
                depth,
                overflow,
                room_count: depth,
                least_room_count: depth,
                ..Queue::NONE
            };
        }
    }

    pub(super) fn close(&mut self) {
        *self = Self { registration: self.registration.wrapping_add(1), ..Self::VACANT };
    }

    pub(super) fn stats(&self) -> ServiceStats {
        ServiceStats {
            id: self.id,
            name: self.name.unwrap_or_default(),
            queued_counts: self.queues.map(|queue| queue.depth - queue.room_count),
            peak_counts: self.queues.map(|queue| queue.depth - queue.least_room_count),
            depths: self.queues.map(|queue| queue.depth),
            dropped_count: self.dropped_count,
        }
    }
}
