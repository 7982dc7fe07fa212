//! A service's own part of a bus: its queues and its quota.

use core::array::from_fn;

use super::envelope::NIL;
use super::quota::Bucket;
use super::stats::ServiceStats;
use super::{Overflow, Priority, Quota, ServiceId, Settings};

/// The events of one priority that wait for one service. The links are in the envelopes.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(8))]
pub(super) struct Queue {
    /// `NIL` if none waits.
    pub(super) head: u16,
    /// The last one, or the last there was; `NIL` if there never was one.
    pub(super) tail: u16,
    /// How many more may wait.
    pub(super) room_count: u16,
    /// The least room there ever was, but for that with a single event.
    pub(super) least_room_count: u16,
}

impl Queue {
    const NONE: Self = Self { head: NIL, tail: NIL, room_count: 0, least_room_count: 0 };

    pub(super) const fn is_ready(&self) -> bool {
        self.head != NIL
    }
}

/// How many events of one priority may wait for one service, and what becomes of more.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bound {
    pub(super) depth: u16,
    pub(super) overflow: Overflow,
}

/// A place for a service: vacant, registered, or leaving (while its queues are emptied). A vacant
/// one is all zeros, but for its count of registrations.
#[derive(Debug)]
#[repr(C)]
pub(super) struct Service {
    /// The id of who may post without a further look: the bus runs, and there is no quota.
    pub(super) poster: ServiceId,
    /// The id of who may receive: the bus runs.
    pub(super) receiver: ServiceId,
    pub(super) queues: [Queue; Priority::COUNT],
    /// `NOBODY` while it is not registered.
    pub(super) id: ServiceId,
    /// Counts those who had this place.
    registration: u32,
    pub(super) bounds: [Bound; Priority::COUNT],
    pub(super) quota: Option<Quota>,
    pub(super) bucket: Option<Bucket>,
    pub(super) dropped_count: u32,
    name: Option<&'static str>,
}

impl Service {
    pub(super) const VACANT: Self = Self {
        poster: ServiceId::NOBODY,
        receiver: ServiceId::NOBODY,
        queues: [Queue::NONE; Priority::COUNT],
        id: ServiceId::NOBODY,
        registration: 0,
        bounds: [Bound { depth: 0, overflow: Overflow::Refuse }; Priority::COUNT],
        quota: None,
        bucket: None,
        dropped_count: 0,
        name: None,
    };

    pub(super) const fn is_vacant(&self) -> bool {
        self.name.is_none()
    }

    /// The most urgent priority of which something waits.
    #[inline(always)]
    pub(super) fn most_urgent(&self) -> Option<usize> {
        (0..Priority::COUNT).rev().find(|&priority| self.queues[priority].is_ready())
    }

    /// Says whether the bus runs, or that the service is another one now.
    pub(super) fn admit(&mut self, does_run: bool) {
        let admitted = |is: bool| if is { self.id } else { ServiceId::NOBODY };
        let (receiver, poster) = (admitted(does_run), admitted(does_run && self.quota.is_none()));
        (self.receiver, self.poster) = (receiver, poster);
    }

    /// Registers a service at place `index`.
    pub(super) fn open(
        &mut self,
        index: usize,
        name: &'static str,
        settings: &Settings,
        now_ms: u32,
    ) -> ServiceId {
        self.registration = self.registration % ServiceId::LAST_REGISTRATION + 1;
        self.id = ServiceId::new(index, self.registration);
        self.name = Some(name);
        self.quota = settings.quota;
        self.bucket = settings.quota.map(|quota| Bucket::full(quota, now_ms));
        self.dropped_count = 0;
        for (at, queue) in self.queues.iter_mut().enumerate() {
            let (depth, overflow) = (settings.depths[at], settings.overflows[at]);
            self.bounds[at] = Bound { depth, overflow };
            *queue = Queue { room_count: depth, least_room_count: depth - 1, ..Queue::NONE };
        }
        self.id
    }

    pub(super) fn close(&mut self) {
        *self = Self { registration: self.registration, ..Self::VACANT };
    }

    pub(super) fn stats(&self) -> ServiceStats {
        ServiceStats {
            id: self.id,
            name: self.name.unwrap_or_default(),
            queued_counts: from_fn(|at| self.bounds[at].depth - self.queues[at].room_count),
            peak_counts: from_fn(|at| match self.queues[at] {
                Queue { tail: NIL, .. } => 0,
                queue => self.bounds[at].depth - queue.least_room_count,
            }),
            depths: self.bounds.map(|bound| bound.depth),
            dropped_count: self.dropped_count,
        }
    }
}
