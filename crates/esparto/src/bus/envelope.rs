//! A place for an event, and what an event is.

use core::cell::UnsafeCell;
use core::mem::MaybeUninit;
use core::ptr::NonNull;

use super::payload::Ticket;
use super::{EventType, Priority, ServiceId};

/// Where a payload is. One of no bytes is nowhere.
#[derive(Clone, Copy, Debug)]
pub struct Payload {
    pub(super) ptr: NonNull<u8>,
    pub(super) len_bytes: usize,
    /// By what it goes back, if not by its address.
    pub(super) ticket: Option<Ticket>,
}

impl Payload {
    pub(super) const NONE: Self = Self { ptr: NonNull::dangling(), len_bytes: 0, ticket: None };

    /// # Safety
    /// The memory is live and initialised, and nobody writes to it while the slice is used.
    pub(super) const unsafe fn as_slice<'p>(&self) -> &'p [u8] {
        // SAFETY: passed on; `NONE` is a slice of nothing.
        unsafe { core::slice::from_raw_parts(self.ptr.as_ptr(), self.len_bytes) }
    }
}

/// What an event is: its type, and its priority on top. One word, which fits a register.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kind(u32);

impl Kind {
    #[inline(always)]
    pub(super) const fn new(event_type: EventType, priority: Priority) -> Self {
        Self(event_type.0 as u32 | (priority as u32) << u16::BITS)
    }

    #[inline(always)]
    pub(super) const fn event_type(self) -> EventType {
        EventType(self.0 as u16)
    }

    #[inline(always)]
    pub(super) const fn priority(self) -> Priority {
        match self.0 >> u16::BITS {
            0 => Priority::Low,
            1 => Priority::Normal,
            2 => Priority::High,
            _ => Priority::Critical,
        }
    }
}

/// An event, for whoever receives it: nothing of it changes while somebody holds the event.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Letter {
    pub(super) payload: Payload,
    pub(super) sender: ServiceId,
    pub(super) kind: Kind,
}

/// A place for an event. It is in exactly one of: the list of free places, a list for `reap`, or the
/// queues and hands of receivers, one reference each. A place that was never used is all zeros.
#[derive(Debug)]
#[repr(C)]
pub(super) struct Envelope<const SERVICES: usize> {
    pub(super) letter: MaybeUninit<Letter>,
    /// Counts posts, so that the oldest can be told.
    pub(super) age: u32,
    pub(super) ref_count: u16,
    /// The next event in the queue of each service. The first is the link of all other lists.
    pub(super) next: [u16; SERVICES],
}

/// The number of a place, from 1; 0 is none.
pub(super) const NIL: u16 = 0;

/// All places. Beside the state of the bus, because receivers read letters without the lock.
pub(super) struct Places<const SERVICES: usize, const EVENTS: usize>(
    [UnsafeCell<Envelope<SERVICES>>; EVENTS],
);

impl<const SERVICES: usize, const EVENTS: usize> Places<SERVICES, EVENTS> {
    pub(super) const fn new() -> Self {
        Self(
            [const {
                UnsafeCell::new(Envelope {
                    letter: MaybeUninit::zeroed(),
                    age: 0,
                    ref_count: 0,
                    next: [NIL; SERVICES],
                })
            }; EVENTS],
        )
    }

    /// The place of that number. Whoever has the lock may use all of it, but for letters that
    /// receivers hold: those are only read.
    ///
    /// # Safety
    /// There is such a place: the number came from a list or a queue of this bus.
    #[inline(always)]
    pub(super) unsafe fn at(&self, number: u16) -> *mut Envelope<SERVICES> {
        debug_assert!(number != NIL && usize::from(number) <= EVENTS);
        // The step in between leads nowhere that is used.
        UnsafeCell::raw_get(self.0.as_ptr().wrapping_sub(1).wrapping_add(usize::from(number)))
    }
}
