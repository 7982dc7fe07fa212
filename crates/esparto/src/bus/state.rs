//! What the lock of a bus protects. Calls nothing that is not ours: no allocator, no waker.

use core::task::Waker;

use super::envelope::{Envelope, Kind, Letter, Payload};
use super::error::{LifeError, PostError, ReceiveError, ServiceError};
use super::queue::{NIL, Service};
use super::quota::Bucket;
use super::stats::{BusStats, RefusedPosts, ServiceStats};
use super::subscribers::Subscribers;
use super::{Overflow, Priority, ServiceId, Settings};

/// What came of a post.
#[derive(Clone, Copy, Debug)]
pub(super) struct Posted {
    pub(super) receiver_count: usize,
    /// What is left to do outside the lock: the services to wake, a bit each, and [`Self::REAP`].
    pub(super) rest: u32,
}

impl Posted {
    /// Events made room that nobody holds any more: `reap` them.
    pub(super) const REAP: u32 = 1 << 31;
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Life {
    Stopped,
    Started,
    Stopping,
}

#[derive(Debug)]
pub(super) struct State<const SERVICES: usize, const EVENTS: usize> {
    life: Life,
    pub(super) now_ms: u32,
    services: [Service; SERVICES],
    envelopes: [Envelope<SERVICES>; EVENTS],
    /// The places given back.
    free: u16,
    /// The places from here on were never used: so many were alive at once at the most.
    fresh: u16,
    /// The places of events that made room.
    dropped: u16,
    /// The services whose receiver, or whose poster, wants to be woken.
    receiving: u32,
    posting: u32,
    receivers: [Option<Waker>; SERVICES],
    posters: [Option<Waker>; SERVICES],
    /// Events posted that nobody had subscribed to.
    unheard_count: u32,
    /// Events queued, and events whose place was given back since: the rest is alive.
    queued_count: u32,
    vacated_count: u32,
    delivered_count: u32,
    dropped_count: u32,
    refused: RefusedPosts,
}

impl<const SERVICES: usize, const EVENTS: usize> State<SERVICES, EVENTS> {
    pub(super) const fn new() -> Self {
        Self {
            life: Life::Stopped,
            now_ms: 0,
            services: [const { Service::VACANT }; SERVICES],
            envelopes: [const { Envelope::EMPTY }; EVENTS],
            free: NIL,
            fresh: 0,
            dropped: NIL,
            receiving: 0,
            posting: 0,
            receivers: [const { None }; SERVICES],
            posters: [const { None }; SERVICES],
            unheard_count: 0,
            queued_count: 0,
            vacated_count: 0,
            delivered_count: 0,
            dropped_count: 0,
            refused: RefusedPosts { counts: [0; PostError::COUNT] },
        }
    }

    // --- Life ---

    pub(super) fn start(&mut self) -> Result<(), LifeError> {
        match self.life {
            Life::Started => return Err(LifeError::Started),
            Life::Stopping => return Err(LifeError::Stopping),
            Life::Stopped => self.life = Life::Started,
        }
        let now_ms = self.now_ms;
        for service in &mut self.services {
            service.bucket = service.quota.map(|quota| Bucket::full(quota, now_ms));
        }
        Ok(())
    }

    /// From here on nothing is posted or received, and `drain` empties the queues.
    pub(super) fn begin_stop(&mut self) -> Result<(), LifeError> {
        match self.life {
            Life::Stopped => return Err(LifeError::NotStarted),
            Life::Stopping => return Err(LifeError::Stopping),
            Life::Started => self.life = Life::Stopping,
        }
        Ok(())
    }

    pub(super) fn end_stop(&mut self) {
        self.life = Life::Stopped;
    }

    // --- Services ---

    fn service(&self, id: ServiceId) -> Option<&Service> {
        self.services.get(id.index()).filter(|service| service.id == id)
    }

    fn service_mut(&mut self, id: ServiceId) -> Option<&mut Service> {
        self.services.get_mut(id.index()).filter(|service| service.id == id)
    }

    pub(super) fn register(
        &mut self,
        name: &'static str,
        settings: &Settings,
    ) -> Result<ServiceId, ServiceError> {
        let now_ms = self.now_ms;
        let vacant = self.services.iter_mut().enumerate().find(|(_, service)| service.is_vacant());
        let Some((index, service)) = vacant else {
            return Err(ServiceError::TooMany { service_count: SERVICES });
        };
        let id = ServiceId::new(index, service.registration);
        service.open(id, name, settings, now_ms);
        Ok(id)
    }

    /// From here on the service posts and gets nothing, and `drain` empties its queues.
    pub(super) fn begin_leave(&mut self, id: ServiceId) -> Result<(), ServiceError> {
        let Some(service) = self.service_mut(id) else {
            return Err(ServiceError::UnknownService { service: id });
        };
        service.id = ServiceId::NOBODY;
        Ok(())
    }

    /// The place may be used again.
    pub(super) fn end_leave(&mut self, index: usize) {
        self.services[index].close();
    }

    pub(super) fn is_registered(&self, id: ServiceId) -> bool {
        self.service(id).is_some()
    }

    // --- Posting ---

    /// Could `sender` post something?
    pub(super) fn validate(&self, sender: ServiceId) -> Result<(), PostError> {
        if self.life != Life::Started {
            return Err(PostError::NotStarted);
        }
        self.service(sender).map(|_| ()).ok_or(PostError::UnknownSender { sender })
    }

    /// Lets `sender` post once, out of its quota.
    #[inline(always)]
    fn admit(&mut self, sender: ServiceId) -> Result<(), PostError> {
        if self.life != Life::Started {
            return Err(PostError::NotStarted);
        }
        let now_ms = self.now_ms;
        let Some(service) = self.service_mut(sender) else {
            return Err(PostError::UnknownSender { sender });
        };
        if let Some(bucket) = &mut service.bucket {
            bucket
                .take(now_ms)
                .map_err(|retry_after_ms| PostError::Quota { sender, retry_after_ms })?;
        }
        Ok(())
    }

    /// Posts an event that nobody would get. O(1).
    pub(super) fn post_to_none(&mut self, sender: ServiceId) -> Result<(), PostError> {
        self.admit(sender)?;
        self.unheard_count = self.unheard_count.wrapping_add(1);
        Ok(())
    }

    /// Queues an event for its subscribers. Theirs is the payload then; if they are
    /// none, or on error, it stays the caller's. O(subscribers).
    #[inline(always)]
    pub(super) fn post(
        &mut self,
        sender: ServiceId,
        kind: Kind,
        payload: Payload,
        subscribers: Subscribers,
    ) -> Result<Posted, PostError> {
        self.admit(sender)?;
        // One that has a single queue to go to needs no look at it before.
        let at = subscribers.only();
        if at >= SERVICES {
            return self.post_to_many(sender, kind, payload, subscribers.mask());
        }
        // `NIL` is no place of any bus.
        if usize::from(self.free) >= EVENTS && !self.freshen() {
            return Err(self.refuse(sender, kind.priority, subscribers.mask()));
        }
        let index = self.free;
        let envelope = &mut self.envelopes[usize::from(index)];
        let priority = kind.priority as usize;
        let mut rest = (self.receiving >> at & 1) << at;
        let next_free = envelope.next[0];
        envelope.payload = payload;
        envelope.sender = sender;
        envelope.kind = kind;
        envelope.ref_count = 1;
        envelope.age = self.queued_count;
        if self.services[at].queues[priority].room_count == 0 {
            match self.make_room(at, priority) {
                Some(reap) => rest |= reap,
                None => return Err(self.refuse(sender, kind.priority, subscribers.mask())),
            }
        }
        self.free = next_free;
        self.queued_count = self.queued_count.wrapping_add(1);
        self.link(at, priority, index);
        Ok(Posted { receiver_count: 1, rest })
    }

    /// Adds a place that was never used to the list of free ones, which is empty.
    #[cold]
    #[inline(never)]
    fn freshen(&mut self) -> bool {
        let is_there = usize::from(self.fresh) < EVENTS;
        if is_there {
            self.free = self.fresh;
            self.fresh += 1;
        }
        is_there
    }

    /// The same for any number of subscribers.
    #[inline(never)]
    fn post_to_many(
        &mut self,
        sender: ServiceId,
        kind: Kind,
        payload: Payload,
        subscribers: u32,
    ) -> Result<Posted, PostError> {
        let priority = kind.priority as usize;
        if subscribers == 0 {
            self.unheard_count = self.unheard_count.wrapping_add(1);
            return Ok(Posted { receiver_count: 0, rest: 0 });
        }
        let is_room = usize::from(self.free) < EVENTS || self.freshen();
        if !is_room || self.full_queue(subscribers, priority).is_some() {
            return Err(self.refuse(sender, kind.priority, subscribers));
        }
        let (index, age) = (self.free, self.queued_count);
        self.free = self.envelopes[usize::from(index)].next[0];
        self.queued_count = age.wrapping_add(1);
        let (mut receiver_count, mut rest) = (0, subscribers & self.receiving);
        for at in (0..SERVICES).filter(|at| subscribers & (1 << at) != 0) {
            if self.services[at].queues[priority].room_count == 0 {
                rest |= self.make_room(at, priority).unwrap_or_default();
            }
            self.link(at, priority, index);
            receiver_count += 1;
        }
        let envelope = &mut self.envelopes[usize::from(index)];
        (envelope.payload, envelope.sender, envelope.kind) = (payload, sender, kind);
        (envelope.age, envelope.ref_count) = (age, receiver_count);
        Ok(Posted { receiver_count: usize::from(receiver_count), rest })
    }

    /// The first of these services with a queue that is full and refuses.
    fn full_queue(&self, subscribers: u32, priority: usize) -> Option<&Service> {
        let services = self.services.iter().enumerate();
        services.filter(|(at, _)| subscribers & (1 << at) != 0).map(|(_, it)| it).find(|service| {
            let queue = &service.queues[priority];
            queue.room_count == 0 && queue.overflow == Overflow::Refuse
        })
    }

    /// Says why there is no room, and gives the quota back.
    #[cold]
    #[inline(never)]
    fn refuse(&mut self, sender: ServiceId, priority: Priority, subscribers: u32) -> PostError {
        if let Some(bucket) = self.service_mut(sender).and_then(|service| service.bucket.as_mut()) {
            bucket.refund();
        }
        match self.full_queue(subscribers, priority as usize) {
            Some(service) => {
                let depth = service.queues[priority as usize].depth;
                PostError::QueueFull { service: service.id, priority, depth }
            }
            None => PostError::TooManyEvents { event_count: EVENTS },
        }
    }

    /// Frees the place of the oldest LOW event, if all who wait for it would drop it and nobody
    /// looks at it; its payload comes out. O(services).
    pub(super) fn evict(&mut self) -> Option<Payload> {
        const LOW: usize = Priority::Low as usize;
        // The oldest event is at the head of every queue that it is in.
        let heads = self.services.iter().filter(|service| service.is_ready(LOW));
        let (index, _) = heads
            .map(|service| {
                let head = service.queues[LOW].head;
                (head, self.queued_count.wrapping_sub(self.envelopes[usize::from(head)].age))
            })
            .max_by_key(|&(_, age)| age)?;
        let has_it = |service: &Service| service.is_ready(LOW) && service.queues[LOW].head == index;
        let mut ref_count = 0;
        for service in self.services.iter().filter(|service| has_it(service)) {
            if service.queues[LOW].overflow == Overflow::Refuse {
                return None;
            }
            ref_count += 1;
        }
        if ref_count != self.envelopes[usize::from(index)].ref_count {
            return None;
        }
        for at in 0..SERVICES {
            if has_it(&self.services[at]) {
                self.unlink(at, LOW);
                self.count_drop(at);
            }
        }
        Some(self.vacate(index))
    }

    /// Lets the oldest event of a full queue go, if it may: what is left to do then.
    #[cold]
    #[inline(never)]
    fn make_room(&mut self, at: usize, priority: usize) -> Option<u32> {
        if self.services[at].queues[priority].overflow == Overflow::Refuse {
            return None;
        }
        let index = self.unlink(at, priority);
        self.count_drop(at);
        let envelope = &mut self.envelopes[usize::from(index)];
        envelope.ref_count -= 1;
        if envelope.ref_count != 0 {
            return Some(0);
        }
        envelope.next[0] = self.dropped;
        self.dropped = index;
        Some(Posted::REAP)
    }

    /// Gives back the place of an event that made room; its payload comes out.
    pub(super) fn reap(&mut self) -> Option<Payload> {
        let index = self.dropped;
        self.dropped = self.envelopes.get(usize::from(index))?.next[0];
        Some(self.vacate(index))
    }

    fn count_drop(&mut self, at: usize) {
        self.dropped_count = self.dropped_count.wrapping_add(1);
        self.services[at].dropped_count = self.services[at].dropped_count.wrapping_add(1);
    }

    // --- Receiving ---

    /// Takes the next event of a service off its queues. O(1).
    #[inline(always)]
    pub(super) fn receive(&mut self, id: ServiceId) -> Result<Letter, ReceiveError> {
        let Some(service) = self.service_mut(id) else {
            return Err(ReceiveError::UnknownService { service: id });
        };
        let ready = service.ready;
        if self.life != Life::Started {
            return Err(ReceiveError::NotStarted);
        }
        let Some(priority) = most_urgent(ready) else { return Err(ReceiveError::Empty) };
        let index = self.unlink(id.index(), priority);
        self.delivered_count = self.delivered_count.wrapping_add(1);
        let envelope = &self.envelopes[usize::from(index)];
        Ok(Letter {
            index,
            kind: envelope.kind,
            sender: envelope.sender,
            payload: envelope.payload,
        })
    }

    /// Lets go of an event. The payload of one that nobody holds any more comes out. O(1).
    #[inline(always)]
    pub(super) fn release(&mut self, index: u16) -> Option<Payload> {
        let envelope = &mut self.envelopes[usize::from(index)];
        envelope.ref_count -= 1;
        if envelope.ref_count != 0 {
            return None;
        }
        Some(self.vacate(index))
    }

    /// Throws one event of a service away that stops or leaves: `None` when there was none, else
    /// the payload if it has to go back. O(1).
    pub(super) fn drain(&mut self, at: usize) -> Option<Option<Payload>> {
        let priority = most_urgent(self.services.get(at)?.ready)?;
        let index = self.unlink(at, priority);
        self.count_drop(at);
        Some(self.release(index))
    }

    // --- Places and queues ---

    #[inline(always)]
    fn vacate(&mut self, index: u16) -> Payload {
        let envelope = &mut self.envelopes[usize::from(index)];
        envelope.next[0] = self.free;
        self.free = index;
        self.vacated_count = self.vacated_count.wrapping_add(1);
        envelope.payload
    }

    /// Puts an event at the end of a queue that has room.
    #[inline(always)]
    fn link(&mut self, at: usize, priority: usize, index: u16) {
        let service = &mut self.services[at];
        let queue = &mut service.queues[priority];
        let bit = 1 << priority;
        if service.ready & bit == 0 {
            service.ready |= bit;
            queue.head = index;
        } else {
            self.envelopes[usize::from(queue.tail)].next[at] = index;
        }
        queue.tail = index;
        queue.room_count -= 1;
        if queue.room_count < queue.least_room_count {
            queue.least_room_count = queue.room_count;
        }
    }

    /// Takes the first event off a queue that has one.
    #[inline(always)]
    fn unlink(&mut self, at: usize, priority: usize) -> u16 {
        let service = &mut self.services[at];
        let queue = &mut service.queues[priority];
        let index = queue.head;
        queue.head = self.envelopes[usize::from(index)].next[at];
        if index == queue.tail {
            service.ready &= !(1 << priority);
        }
        queue.room_count += 1;
        index
    }

    // --- Waiting ---

    /// The services with a poster that wants to be woken, a bit each.
    #[inline(always)]
    pub(super) const fn posting(&self) -> u32 {
        self.posting
    }

    /// Will the receiver of a service be woken by just this waker?
    pub(super) fn is_receiver(&self, id: ServiceId, waker: &Waker) -> bool {
        let known = self.receivers.get(id.index()).and_then(Option::as_ref);
        known.is_some_and(|known| known.will_wake(waker))
    }

    /// Sets or clears who is woken when something comes for a service. What is not needed comes out,
    /// to be dropped outside the lock.
    pub(super) fn set_receiver(&mut self, id: ServiceId, waker: Option<Waker>) -> Option<Waker> {
        if self.service(id).is_none() {
            return waker;
        }
        set_waker(&mut self.receivers, &mut self.receiving, id.index(), waker)
    }

    /// Sets or clears who is woken when there may be room for what a service posts.
    pub(super) fn set_poster(&mut self, id: ServiceId, waker: Option<Waker>) -> Option<Waker> {
        if self.service(id).is_none() {
            return waker;
        }
        set_waker(&mut self.posters, &mut self.posting, id.index(), waker)
    }

    pub(super) fn take_receiver(&mut self, at: usize) -> Option<Waker> {
        set_waker(&mut self.receivers, &mut self.receiving, at, None)
    }

    pub(super) fn take_poster(&mut self, at: usize) -> Option<Waker> {
        set_waker(&mut self.posters, &mut self.posting, at, None)
    }

    // --- Figures ---

    pub(super) fn count_refused(&mut self, error: &PostError) {
        let count = &mut self.refused.counts[error.kind()];
        *count = count.wrapping_add(1);
    }

    pub(super) fn stats(&self) -> BusStats {
        BusStats {
            is_started: self.life == Life::Started,
            posted_count: self.queued_count.wrapping_add(self.unheard_count),
            delivered_count: self.delivered_count,
            dropped_count: self.dropped_count,
            refused: self.refused,
            alive_count: self.queued_count.wrapping_sub(self.vacated_count) as usize,
            peak_count: usize::from(self.fresh),
            event_count: EVENTS,
            service_count: self.services.iter().filter(|service| !service.is_vacant()).count(),
        }
    }

    pub(super) fn service_stats(&self, id: ServiceId) -> Option<ServiceStats> {
        self.service(id).map(Service::stats)
    }

    /// The service of that place, if it is registered.
    pub(super) fn service_at(&self, at: usize) -> Option<ServiceId> {
        self.services.get(at).map(|service| service.id).filter(|&id| id != ServiceId::NOBODY)
    }
}

fn set_waker(
    wakers: &mut [Option<Waker>],
    mask: &mut u32,
    at: usize,
    waker: Option<Waker>,
) -> Option<Waker> {
    *mask = if waker.is_some() { *mask | 1 << at } else { *mask & !(1 << at) };
    core::mem::replace(&mut wakers[at], waker)
}

/// The highest bit set.
#[inline(always)]
const fn most_urgent(ready: u8) -> Option<usize> {
    // Not every target has an instruction for it, and there are four bits.
    match ready {
        0 => None,
        8.. => Some(3),
        4.. => Some(2),
        2.. => Some(1),
        1.. => Some(0),
    }
}
