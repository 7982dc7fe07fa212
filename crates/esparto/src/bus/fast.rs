//! The ways that nearly every event takes, inside the lock. They are inlined into their callers and
//! change nothing unless they can do it all; whatever is rarer, errors too, is left to `events`.

use super::ServiceId;
use super::envelope::{Envelope, Letter, NIL, Payload, Places};
use super::state::State;
use super::subscribers::Subscribers;

impl<const SERVICES: usize, const EVENTS: usize> State<SERVICES, EVENTS> {
    /// Queues an event for its only subscriber, and says whom to wake, a bit each. The bus has to
    /// run, the sender to have no quota, and both a place and the queue to be free. O(1).
    #[inline(always)]
    pub(super) fn post_to_one(
        &mut self,
        places: &Places<SERVICES, EVENTS>,
        letter: Letter,
        subscribers: Subscribers,
    ) -> Option<u32> {
        let at = subscribers.only()?;
        let sender = self.services.get(letter.sender.index())?;
        let is_admitted = sender.poster == letter.sender && letter.sender != ServiceId::NOBODY;
        let number = self.free;
        if !is_admitted || number == NIL {
            return None;
        }
        // SAFETY: sets of subscribers name services of this bus only.
        let service = unsafe { self.services.get_unchecked_mut(at) };
        let queue = &mut service.queues[letter.kind.priority() as usize];
        let room_count = queue.room_count;
        if room_count == 0 {
            return None;
        }
        // SAFETY: a free place is one.
        let envelope = unsafe { &mut *places.at(number) };
        self.free = envelope.next[0];
        envelope.letter.write(letter);
        envelope.ref_count = 1;
        envelope.age = self.queued_count;
        self.queued_count = envelope.age.wrapping_add(1);
        // SAFETY: as above.
        unsafe { *envelope.next.get_unchecked_mut(at) = NIL };
        queue.room_count = room_count - 1;
        let (head, tail) = (queue.head, queue.tail);
        queue.tail = number;
        if head == NIL {
            queue.head = number;
            // Whoever waits found nothing.
            return Some(self.receiving & 1 << at);
        }
        if room_count - 1 < queue.least_room_count {
            queue.least_room_count = room_count - 1;
        }
        // SAFETY: the last event of a queue that has one; not the new one, so not borrowed.
        unsafe { (*places.at(tail)).next[at] = number };
        Some(0)
    }

    /// Takes the next event of a service off its queues, if there is one that it may have. O(1).
    #[inline(always)]
    pub(super) fn receive(
        &mut self,
        places: &Places<SERVICES, EVENTS>,
        id: ServiceId,
    ) -> Option<u16> {
        let at = id.index();
        let service = self.services.get(at)?;
        if service.receiver != id || id == ServiceId::NOBODY {
            return None;
        }
        let priority = service.most_urgent()?;
        let number = self.unlink(places, at, priority);
        self.delivered_count = self.delivered_count.wrapping_add(1);
        Some(number)
    }

    /// Lets go of an event. The payload of one that nobody holds any more comes out. O(1).
    ///
    /// # Safety
    /// The place of that number is in use, and one of its references is the caller's to give up.
    #[inline(always)]
    pub(super) unsafe fn release(
        &mut self,
        envelope: *mut Envelope<SERVICES>,
        number: u16,
    ) -> Option<Payload> {
        // SAFETY: promised by the caller; only letters are looked at without the lock.
        let ref_count = unsafe { &mut (*envelope).ref_count };
        if *ref_count > 1 {
            *ref_count -= 1;
            return None;
        }
        // SAFETY: as above; it was the last reference.
        Some(unsafe { self.vacate(envelope, number) })
    }

    /// Gives a place back, whose payload comes out.
    ///
    /// # Safety
    /// The place of that number was in use, and nobody holds it any more.
    #[inline(always)]
    pub(super) unsafe fn vacate(
        &mut self,
        envelope: *mut Envelope<SERVICES>,
        number: u16,
    ) -> Payload {
        // SAFETY: promised by the caller.
        let envelope = unsafe { &mut *envelope };
        envelope.next[0] = self.free;
        self.free = number;
        self.vacated_count = self.vacated_count.wrapping_add(1);
        // SAFETY: written when the event was posted.
        unsafe { envelope.letter.assume_init_ref() }.payload
    }

    /// Puts an event at the end of a queue that has room.
    pub(super) fn link(
        &mut self,
        places: &Places<SERVICES, EVENTS>,
        at: usize,
        priority: usize,
        number: u16,
    ) {
        let queue = &mut self.services[at].queues[priority];
        // SAFETY: the place of an event on its way.
        unsafe { (*places.at(number)).next[at] = NIL };
        queue.room_count -= 1;
        if queue.head == NIL {
            queue.head = number;
        } else {
            queue.least_room_count = queue.least_room_count.min(queue.room_count);
            // SAFETY: the last event of a queue that has one.
            unsafe { (*places.at(queue.tail)).next[at] = number };
        }
        queue.tail = number;
    }

    /// Takes the first event off a queue that has one.
    #[inline(always)]
    pub(super) fn unlink(
        &mut self,
        places: &Places<SERVICES, EVENTS>,
        at: usize,
        priority: usize,
    ) -> u16 {
        let queue = &mut self.services[at].queues[priority];
        let number = queue.head;
        // SAFETY: the first event of a queue that has one; the service is one of this bus's.
        queue.head = unsafe { *(*places.at(number)).next.get_unchecked(at) };
        queue.room_count += 1;
        number
    }
}
