//! A place for an event, and what an event is.

use core::ptr::NonNull;

use super::queue::NIL;
use super::{EventType, Priority, ServiceId};

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

/// What an event is. Three bytes, which are moved as one word.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kind {
    pub(super) event_type: EventType,
    pub(super) priority: Priority,
}

/// A place for an event. It is in exactly one of: the list of free places, a list for `reap`, or the
/// queues and hands of receivers, one reference each.
#[derive(Debug)]
pub(super) struct Envelope<const SERVICES: usize> {
    pub(super) payload: Payload,
    /// Counts posts, so that the oldest can be told.
    pub(super) age: u32,
    pub(super) sender: ServiceId,
    pub(super) kind: Kind,
    pub(super) ref_count: u8,
    /// The next event in the queue of each service. The first is the link of all other lists.
    pub(super) next: [u16; SERVICES],
}

impl<const SERVICES: usize> Envelope<SERVICES> {
    pub(super) const EMPTY: Self = Self {
        payload: Payload::NONE,
        age: 0,
        sender: ServiceId::NOBODY,
        kind: Kind { event_type: EventType(0), priority: Priority::Normal },
        ref_count: 0,
        next: [NIL; SERVICES],
    };
}

// SAFETY: the payload is memory that belongs to the envelope, whoever holds that.
unsafe impl<const SERVICES: usize> Send for Envelope<SERVICES> {}

/// What an event is, for whoever receives it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Letter {
    pub(super) index: u16,
    pub(super) kind: Kind,
    pub(super) sender: ServiceId,
    pub(super) payload: Payload,
}
