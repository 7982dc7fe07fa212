//! Events on their way: what is done with them inside the lock, but for the ways that nearly all of
//! them take.

use super::envelope::{Letter, NIL, Payload, Places};
use super::error::{PostError, ReceiveError};
use super::queue::Service;
use super::state::{Life, State};
use super::{Overflow, Priority, ServiceId};

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

impl<const SERVICES: usize, const EVENTS: usize> State<SERVICES, EVENTS> {
    // --- Posting ---

    /// Could `sender` post something?
    pub(super) fn validate(&self, sender: ServiceId) -> Result<(), PostError> {
        if self.life != Life::Started {
            return Err(PostError::NotStarted);
        }
        self.service(sender).map(|_| ()).ok_or(PostError::UnknownSender { sender })
    }

    /// Lets `sender` post once, out of its quota.
    fn admit_post(&mut self, sender: ServiceId) -> Result<(), PostError> {
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
        self.admit_post(sender)?;
        self.unheard_count = self.unheard_count.wrapping_add(1);
        Ok(())
    }

    /// Adds a place that was never used to the list of free ones, which is empty.
    #[cold]
    #[inline(never)]
    fn freshen(&mut self) -> bool {
        let is_there = usize::from(self.fresh) < EVENTS;
        if is_there {
            self.fresh += 1;
            self.free = self.fresh;
        }
        is_there
    }

    /// Queues an event for its subscribers, whoever posts and however many they are. Theirs is the
    /// payload then; if they are none, or on error, it stays the caller's. O(subscribers).
    pub(super) fn post(
        &mut self,
        places: &Places<SERVICES, EVENTS>,
        letter: Letter,
        subscribers: u32,
    ) -> Result<Posted, PostError> {
        let Letter { sender, kind, .. } = letter;
        self.admit_post(sender)?;
        let priority = kind.priority() as usize;
        if subscribers == 0 {
            self.unheard_count = self.unheard_count.wrapping_add(1);
            return Ok(Posted { receiver_count: 0, rest: 0 });
        }
        let is_room = self.free != NIL || self.freshen();
        if !is_room || self.full_queue(subscribers, priority).is_some() {
            return Err(self.refuse(sender, kind.priority(), subscribers));
        }
        let number = self.free;
        // SAFETY: a free place, whose other lists end here.
        let envelope = unsafe { &mut *places.at(number) };
        self.free = envelope.next[0];
        envelope.letter.write(letter);
        envelope.age = self.queued_count;
        self.queued_count = self.queued_count.wrapping_add(1);
        let (mut receiver_count, mut rest) = (0, subscribers & self.receiving);
        for at in (0..SERVICES).filter(|at| subscribers & (1 << at) != 0) {
            if self.services[at].queues[priority].room_count == 0 {
                rest |= self.make_room(places, at, priority);
            }
            self.link(places, at, priority, number);
            receiver_count += 1;
        }
        // SAFETY: still a place; another one was used meanwhile, if any.
        unsafe { (*places.at(number)).ref_count = receiver_count };
        Ok(Posted { receiver_count: usize::from(receiver_count), rest })
    }

    /// The first of these services with a queue that is full and refuses.
    fn full_queue(&self, subscribers: u32, priority: usize) -> Option<&Service> {
        let services = self.services.iter().enumerate();
        services.filter(|(at, _)| subscribers & (1 << at) != 0).map(|(_, it)| it).find(|service| {
            service.queues[priority].room_count == 0
                && service.bounds[priority].overflow == Overflow::Refuse
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
                let depth = service.bounds[priority as usize].depth;
                PostError::QueueFull { service: service.id, priority, depth }
            }
            None => PostError::TooManyEvents { event_count: EVENTS },
        }
    }

    /// Frees the place of the oldest LOW event, if all who wait for it would drop it and nobody
    /// looks at it; its payload comes out. O(services).
    pub(super) fn evict(&mut self, places: &Places<SERVICES, EVENTS>) -> Option<Payload> {
        const LOW: usize = Priority::Low as usize;
        let is_ready = |service: &&Service| service.queues[LOW].is_ready();
        // The oldest event is at the head of every queue that it is in.
        let (number, _) = self
            .services
            .iter()
            .filter(is_ready)
            .map(|service| {
                let head = service.queues[LOW].head;
                // SAFETY: a head is a place.
                (head, self.queued_count.wrapping_sub(unsafe { (*places.at(head)).age }))
            })
            .max_by_key(|&(_, age)| age)?;
        let has_it = |service: &Service| service.queues[LOW].head == number;
        let mut ref_count = 0;
        for service in self.services.iter().filter(|service| has_it(service)) {
            if service.bounds[LOW].overflow == Overflow::Refuse {
                return None;
            }
            ref_count += 1;
        }
        // SAFETY: a head is a place.
        if ref_count != unsafe { (*places.at(number)).ref_count } {
            return None;
        }
        for at in 0..SERVICES {
            if has_it(&self.services[at]) {
                self.unlink(places, at, LOW);
                self.count_drop(at);
            }
        }
        // SAFETY: it is in no queue any more, and nobody looks at it.
        Some(unsafe { self.vacate(places.at(number), number) })
    }

    /// Lets the oldest event of a full queue go, which may: what is left to do then.
    fn make_room(&mut self, places: &Places<SERVICES, EVENTS>, at: usize, priority: usize) -> u32 {
        let number = self.unlink(places, at, priority);
        self.count_drop(at);
        // SAFETY: it was in a queue.
        let envelope = unsafe { places.at(number) };
        // SAFETY: as above.
        unsafe { (*envelope).ref_count -= 1 };
        // SAFETY: as above.
        if unsafe { (*envelope).ref_count } != 0 {
            return 0;
        }
        // SAFETY: as above; it is in no queue any more.
        unsafe { (*envelope).next[0] = self.dropped };
        self.dropped = number;
        Posted::REAP
    }

    /// Gives back the place of an event that made room; its payload comes out.
    pub(super) fn reap(&mut self, places: &Places<SERVICES, EVENTS>) -> Option<Payload> {
        let number = self.dropped;
        if number == NIL {
            return None;
        }
        // SAFETY: it is in the list.
        self.dropped = unsafe { (*places.at(number)).next[0] };
        // SAFETY: as above, and not any more.
        Some(unsafe { self.vacate(places.at(number), number) })
    }

    fn count_drop(&mut self, at: usize) {
        self.dropped_count = self.dropped_count.wrapping_add(1);
        self.services[at].dropped_count = self.services[at].dropped_count.wrapping_add(1);
    }

    // --- Receiving ---

    /// Why there is nothing to receive.
    pub(super) fn explain_receive(&self, id: ServiceId) -> ReceiveError {
        match self.service(id) {
            None => ReceiveError::UnknownService { service: id },
            Some(_) if self.life != Life::Started => ReceiveError::NotStarted,
            Some(_) => ReceiveError::Empty,
        }
    }

    /// Throws one event of a service away that stops or leaves: `None` when there was none, else
    /// the payload if it has to go back. O(1).
    pub(super) fn drain(
        &mut self,
        places: &Places<SERVICES, EVENTS>,
        at: usize,
    ) -> Option<Option<Payload>> {
        let priority = self.services.get(at)?.most_urgent()?;
        let number = self.unlink(places, at, priority);
        self.count_drop(at);
        // SAFETY: it was in a queue, whose reference this was.
        Some(unsafe { self.release(places.at(number), number) })
    }
}
