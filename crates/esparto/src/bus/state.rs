//! What the lock of a bus protects. Calls nothing that is not ours: no allocator, no waker.

use core::ptr::NonNull;
use core::task::Waker;

use super::error::{LifeError, PostError, ReceiveError, ServiceError};
use super::queue::{NIL, Service};
use super::quota::Bucket;
use super::stats::{BusStats, RefusedPosts, ServiceStats};
use super::{EventType, Overflow, Priority, ServiceId, Settings};

/// Where a payload is. One of no bytes is nowhere.
#[derive(Clone, Copy, Debug)]
pub struct Payload {
    pub(super) ptr: NonNull<u8>,
    pub(super) len_bytes: usize,
}

impl Payload {
    pub(super) const NONE: Self = Self { ptr: NonNull::dangling(), len_bytes: 0 };

    /// # Safety
    /// The memory is live and initialised, and nobody writes to it while the slice is used.
    pub(super) const unsafe fn as_slice(&self) -> &[u8] {
        // SAFETY: passed on; `NONE` is a slice of nothing.
        unsafe { core::slice::from_raw_parts(self.ptr.as_ptr(), self.len_bytes) }
    }
}

/// A place for an event. It is in exactly one of: the list of free places, the hands of a poster
/// (no references yet), or the queues and hands of receivers, one reference each.
#[derive(Debug)]
struct Envelope<const SERVICES: usize> {
    payload: Payload,
    /// Counts posts, so that the oldest can be told.
    age: u32,
    sender: ServiceId,
    event_type: EventType,
    priority: Priority,
    ref_count: u8,
    /// The next event in the queue of each service. The first is the link of all other lists.
    next: [u16; SERVICES],
}

// SAFETY: the payload is memory that belongs to the envelope, whoever holds that.
unsafe impl<const SERVICES: usize> Send for Envelope<SERVICES> {}

/// What an event is, for whoever receives it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Letter {
    pub(super) index: u16,
    pub(super) event_type: EventType,
    pub(super) priority: Priority,
    pub(super) sender: ServiceId,
    pub(super) payload: Payload,
}

/// What is left to do outside the lock after a post.
#[derive(Clone, Copy, Debug)]
pub(super) struct Posted {
    pub(super) receiver_count: usize,
    /// The services to wake.
    pub(super) wake: u32,
    /// The events that made room and that nobody holds any more: a list for `reap`.
    pub(super) dropped: u16,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Life {
    Stopped,
    Started,
    Stopping,
}

#[derive(Debug)]
pub(super) struct State<const SERVICES: usize, const TYPES: usize, const EVENTS: usize> {
    life: Life,
    pub(super) now_ms: u32,
    /// Who has subscribed, a bit each, by type.
    subscribers: [u32; TYPES],
    services: [Service; SERVICES],
    envelopes: [Envelope<SERVICES>; EVENTS],
    /// The places given back.
    free: u16,
    /// The places from here on were never used: so many were alive at once at the most.
    fresh: u16,
    alive_count: u16,
    /// The services whose queue of a priority is full and refuses, a bit each.
    refusing: [u32; Priority::COUNT],
    /// The services whose receiver, or whose poster, wants to be woken.
    receiving: u32,
    posting: u32,
    receivers: [Option<Waker>; SERVICES],
    posters: [Option<Waker>; SERVICES],
    posted_count: u32,
    delivered_count: u32,
    dropped_count: u32,
    refused: RefusedPosts,
}

impl<const SERVICES: usize, const TYPES: usize, const EVENTS: usize>
    State<SERVICES, TYPES, EVENTS>
{
    pub(super) const fn new() -> Self {
        Self {
            life: Life::Stopped,
            now_ms: 0,
            subscribers: [0; TYPES],
            services: [const { Service::VACANT }; SERVICES],
            envelopes: [const {
                Envelope {
                    payload: Payload::NONE,
                    age: 0,
                    sender: ServiceId::NOBODY,
                    event_type: EventType(0),
                    priority: Priority::Normal,
                    ref_count: 0,
                    next: [NIL; SERVICES],
                }
            }; EVENTS],
            free: NIL,
            fresh: 0,
            alive_count: 0,
            refusing: [0; Priority::COUNT],
            receiving: 0,
            posting: 0,
            receivers: [const { None }; SERVICES],
            posters: [const { None }; SERVICES],
            posted_count: 0,
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
        for subscribers in &mut self.subscribers {
            *subscribers &= !(1 << id.index());
        }
        Ok(())
    }

    /// The place may be used again.
    pub(super) fn end_leave(&mut self, index: usize) {
        self.services[index].close();
    }

    pub(super) fn subscribe(
        &mut self,
        id: ServiceId,
        event_type: EventType,
        is_wanted: bool,
    ) -> Result<(), ServiceError> {
        if self.service(id).is_none() {
            return Err(ServiceError::UnknownService { service: id });
        }
        let Some(subscribers) = self.subscribers.get_mut(usize::from(event_type.0)) else {
            return Err(ServiceError::UnknownType { event_type, type_count: TYPES });
        };
        let bit = 1 << id.index();
        *subscribers = if is_wanted { *subscribers | bit } else { *subscribers & !bit };
        Ok(())
    }

    // --- Posting ---

    /// Takes a place for an event; `None` if nobody would get it, and none is wanted then. O(1); if
    /// there is no place, O(services).
    ///
    /// A payload that has to go back comes with the place: that of the event that made room.
    #[inline(always)]
    pub(super) fn reserve(
        &mut self,
        sender: ServiceId,
        event_type: EventType,
        priority: Priority,
        is_wanted_anyway: bool,
    ) -> Result<Option<(u16, Payload)>, PostError> {
        if self.life != Life::Started {
            return Err(PostError::NotStarted);
        }
        let Some(&subscribers) = self.subscribers.get(usize::from(event_type.0)) else {
            return Err(PostError::UnknownType { event_type, type_count: TYPES });
        };
        let now_ms = self.now_ms;
        let Some(service) = self.service_mut(sender) else {
            return Err(PostError::UnknownSender { sender });
        };
        if let Some(bucket) = &mut service.bucket {
            bucket
                .take(now_ms)
                .map_err(|retry_after_ms| PostError::Quota { sender, retry_after_ms })?;
        }
        if subscribers == 0 && !is_wanted_anyway {
            self.posted_count = self.posted_count.wrapping_add(1);
            return Ok(None);
        }
        let mut unused = Payload::NONE;
        let index = if self.free != NIL {
            let index = self.free;
            self.free = self.envelopes[usize::from(index)].next[0];
            index
        } else if usize::from(self.fresh) < EVENTS {
            self.fresh += 1;
            self.fresh - 1
        } else if let Some((index, payload)) = self.evict() {
            unused = payload;
            index
        } else {
            self.refund(sender);
            return Err(PostError::TooManyEvents { event_count: EVENTS });
        };
        self.alive_count += 1;
        let envelope = &mut self.envelopes[usize::from(index)];
        envelope.sender = sender;
        envelope.event_type = event_type;
        envelope.priority = priority;
        envelope.payload = Payload::NONE;
        Ok(Some((index, unused)))
    }

    /// Frees the place of the oldest LOW event, if all who wait for it would drop it and nobody
    /// looks at it. O(services).
    #[cold]
    #[inline(never)]
    fn evict(&mut self) -> Option<(u16, Payload)> {
        const LOW: usize = Priority::Low as usize;
        // The oldest event is at the head of every queue that it is in.
        let mut oldest: Option<(u16, u32)> = None;
        for service in &self.services {
            let queue = &service.queues[LOW];
            if queue.count != 0 {
                let age =
                    self.posted_count.wrapping_sub(self.envelopes[usize::from(queue.head)].age);
                if oldest.is_none_or(|(_, most)| age > most) {
                    oldest = Some((queue.head, age));
                }
            }
        }
        let (index, _) = oldest?;
        let has_it = |service: &Service| {
            let queue = &service.queues[LOW];
            queue.count != 0 && queue.head == index
        };
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
        self.alive_count -= 1;
        Some((index, self.envelopes[usize::from(index)].payload))
    }

    /// Queues an event for all who have subscribed to it now, or gives its place back. O(subscribers).
    #[inline(always)]
    pub(super) fn publish(&mut self, index: u16, payload: Payload) -> Result<Posted, PostError> {
        let envelope = &mut self.envelopes[usize::from(index)];
        let (event_type, priority) = (envelope.event_type, envelope.priority);
        let mut left = self.subscribers[usize::from(event_type.0)];
        if self.life != Life::Started || left & self.refusing[priority as usize] != 0 || left == 0 {
            return self.publish_to_none(index, left);
        }
        envelope.payload = payload;
        envelope.age = self.posted_count;
        self.posted_count = self.posted_count.wrapping_add(1);
        let wake = left & self.receiving;
        let (mut receiver_count, mut dropped) = (0, NIL);
        while left != 0 {
            let at = left.trailing_zeros() as usize;
            left &= left - 1;
            receiver_count += 1;
            if self.services[at].queues[priority as usize].is_full() {
                self.drop_oldest(at, priority as usize, &mut dropped);
            }
            self.link(at, priority as usize, index);
        }
        self.envelopes[usize::from(index)].ref_count = receiver_count;
        Ok(Posted { receiver_count: usize::from(receiver_count), wake, dropped })
    }

    #[cold]
    #[inline(never)]
    fn publish_to_none(&mut self, index: u16, subscribers: u32) -> Result<Posted, PostError> {
        let envelope = &self.envelopes[usize::from(index)];
        let (sender, priority) = (envelope.sender, envelope.priority);
        if self.life == Life::Started && subscribers == 0 {
            self.vacate(index);
            self.posted_count = self.posted_count.wrapping_add(1);
            return Ok(Posted { receiver_count: 0, wake: 0, dropped: NIL });
        }
        self.abandon(index);
        if self.life != Life::Started {
            return Err(PostError::NotStarted);
        }
        let full = subscribers & self.refusing[priority as usize];
        let service = self.services.iter().enumerate().find(|(at, _)| full & (1 << at) != 0);
        let (service, depth) = service.map_or((sender, 0), |(_, service)| {
            (service.id, service.queues[priority as usize].depth)
        });
        Err(PostError::QueueFull { service, priority, depth })
    }

    /// Gives back the place of an event that is not posted after all.
    pub(super) fn abandon(&mut self, index: u16) {
        let sender = self.envelopes[usize::from(index)].sender;
        self.refund(sender);
        self.vacate(index);
    }

    fn refund(&mut self, sender: ServiceId) {
        if let Some(bucket) = self.service_mut(sender).and_then(|service| service.bucket.as_mut()) {
            bucket.refund();
        }
    }

    #[cold]
    #[inline(never)]
    fn drop_oldest(&mut self, at: usize, priority: usize, dropped: &mut u16) {
        let index = self.unlink(at, priority);
        self.count_drop(at);
        let envelope = &mut self.envelopes[usize::from(index)];
        envelope.ref_count -= 1;
        if envelope.ref_count == 0 {
            envelope.next[0] = *dropped;
            *dropped = index;
        }
    }

    /// Gives back the place of the first event of a list that a post dropped.
    pub(super) fn reap(&mut self, dropped: &mut u16) -> Payload {
        let index = *dropped;
        *dropped = self.envelopes[usize::from(index)].next[0];
        self.vacate(index)
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
            event_type: envelope.event_type,
            priority: envelope.priority,
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
        self.alive_count -= 1;
        envelope.payload
    }

    /// Puts an event at the end of a queue that has room.
    #[inline(always)]
    fn link(&mut self, at: usize, priority: usize, index: u16) {
        let service = &mut self.services[at];
        service.ready |= 1 << priority;
        let queue = &mut service.queues[priority];
        if queue.count == 0 {
            queue.head = index;
        } else {
            self.envelopes[usize::from(queue.tail)].next[at] = index;
        }
        queue.tail = index;
        queue.count += 1;
        queue.peak_count = queue.peak_count.max(queue.count);
        if queue.is_full() && queue.overflow == Overflow::Refuse {
            self.refusing[priority] |= 1 << at;
        }
    }

    /// Takes the first event off a queue that has one.
    #[inline(always)]
    fn unlink(&mut self, at: usize, priority: usize) -> u16 {
        let service = &mut self.services[at];
        let queue = &mut service.queues[priority];
        let index = queue.head;
        queue.head = self.envelopes[usize::from(index)].next[at];
        queue.count -= 1;
        if queue.count == 0 {
            service.ready &= !(1 << priority);
        }
        self.refusing[priority] &= !(1 << at);
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
            posted_count: self.posted_count,
            delivered_count: self.delivered_count,
            dropped_count: self.dropped_count,
            refused: self.refused,
            alive_count: usize::from(self.alive_count),
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
