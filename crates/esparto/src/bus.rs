//! The bus: services post events, and those who have subscribed receive them.
//!
//! ```text
//!   post ──▶ payload, copied once ──▶ ┌ envelope ┐ ──▶ queues of the subscribers ──▶ receive
//!            (tiers, heap behind)     │ 1 of N   │     LOW NORMAL HIGH CRITICAL        │
//!                 ▲                   └──────────┘                                     │
//!                 └──────────────── freed after the last of them ◀─────────────────────┘
//! ```
//!
//! - **Posting** copies the payload ([`Bus::post`]), or builds it where it stays
//!   ([`Bus::post_with`], [`Bus::draft`]), into memory of [`Payloads`]; from interrupt handlers
//!   with [`Bus::post_from_isr`]. All subscribers share that one copy.
//! - **Receiving** is polled ([`Bus::try_receive`]), blocking ([`Bus::receive_timeout`], with the
//!   user's [`Wait`]), or a future ([`Service::receive`]) for any executor.
//! - **Bounds**: each service has a queue of bounded depth for each [`Priority`]; when it is full,
//!   [`Overflow`] says whether the oldest makes room (LOW, if nothing else is said) or the post is
//!   refused. When all places for events are taken, the oldest LOW event makes room if it may.
//!   A [`Quota`] bounds what a service posts.
//! - **Locks** are critical sections of a few instructions. Payloads are allocated, copied and freed
//!   and wakers are woken outside of them. In the steady state there is no heap use: that is for
//!   payloads that no pool has room for.
//!
//! A service that never reads fills its own queues and no others; what it has subscribed to is
//! refused from then on, by name, unless its settings let the oldest go.

mod carrier;
mod copy;
mod envelope;
mod error;
mod events;
mod fast;
mod id;
mod message;
mod payload;
mod post;
mod queue;
mod quota;
mod raw;
mod receive;
mod service;
mod settings;
mod state;
mod stats;
mod subscribers;
mod wait;

use core::cell::UnsafeCell;
use core::fmt;
use core::ptr::NonNull;

use crate::lock::Section;
pub use crate::stores::PayloadBlock;

pub use carrier::Carrier;
pub use error::{LifeError, PostError, ReceiveError, ServiceError, ValueError};
pub use id::{EventType, Priority, ServiceId};
pub use message::Message;
pub use payload::{PayloadError, Payloads, Ticket};
pub use post::Draft;
pub use raw::RawEvent;
pub use receive::Receive;
pub use service::Service;
pub use settings::{Overflow, Quota, Settings};
pub use stats::{BusStats, RefusedPosts, ServiceStats};
pub use wait::Wait;

use envelope::{Payload, Places};
use state::State;
use subscribers::{Shared, Subscribers};

/// A bus for `SERVICES` services (at most 27), `TYPES` types of events and `EVENTS` events alive at
/// once (at most 65,534), with payloads in `P`.
///
/// Made for a `static`: it is const-constructible. Services may register before it is started; a
/// stop throws away what waits, and leaves them registered.
///
/// ```
/// use core::mem::MaybeUninit;
/// use esparto::bus::{Bus, EventType, Priority, Settings};
/// use esparto::pool::{BlockPool, Critical, Shape};
///
/// const BUTTON: EventType = EventType(0);
///
/// static PAYLOADS: BlockPool<Critical> = BlockPool::new();
/// static BUS: Bus<&BlockPool<Critical>, 4, 8, 32> = Bus::new(&PAYLOADS);
///
/// PAYLOADS.init_static(Box::leak(Box::new([MaybeUninit::uninit(); 4096])), Shape::new(64, 32)?)?;
/// BUS.start()?;
/// let keys = BUS.register("keys", Settings::new())?;
/// let display = BUS.register("display", Settings::new())?;
/// display.subscribe(BUTTON)?;
///
/// let receiver_count = keys.post(BUTTON, b"left", Priority::High)?;
/// assert_eq!(receiver_count, 1);
/// let message = display.try_receive()?;
/// assert_eq!((&message[..], message.sender()), (&b"left"[..], keys.id()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
// What is largest comes last: short offsets reach the rest.
#[repr(C)]
pub struct Bus<P: Payloads, const SERVICES: usize, const TYPES: usize, const EVENTS: usize> {
    state: UnsafeCell<State<SERVICES, EVENTS>>,
    /// Who has subscribed, by type.
    subscribers: [Shared; TYPES],
    payloads: P,
    places: Places<SERVICES, EVENTS>,
}

// SAFETY: state and places are used in critical sections alone, but for letters that receivers
// hold, which nobody writes to; wakers may be woken from anywhere, and payloads are plain bytes.
unsafe impl<P: Payloads + Sync, const SERVICES: usize, const TYPES: usize, const EVENTS: usize> Sync
    for Bus<P, SERVICES, TYPES, EVENTS>
{
}
// SAFETY: as above; what the pointers lead to belongs to the bus.
unsafe impl<P: Payloads + Send, const SERVICES: usize, const TYPES: usize, const EVENTS: usize> Send
    for Bus<P, SERVICES, TYPES, EVENTS>
{
}

/// The state of a bus while nobody else uses it.
///
/// Ends with its scope. Handed to a function (`drop` too), its reference would have to stay alone until
/// that returns, and the section ends before.
struct Inside<'b, const SERVICES: usize, const EVENTS: usize> {
    state: &'b mut State<SERVICES, EVENTS>,
    places: &'b Places<SERVICES, EVENTS>,
    _section: Section,
}

impl<P: Payloads, const SERVICES: usize, const TYPES: usize, const EVENTS: usize>
    Bus<P, SERVICES, TYPES, EVENTS>
{
    const _PLACES: () = {
        assert!(SERVICES >= 1 && SERVICES <= Subscribers::LIMIT, "a bus has 1 to 27 services");
        assert!(TYPES >= 1 && TYPES <= 1 << 16, "a bus has 1 to 65,536 types of events");
        assert!(EVENTS >= 1 && EVENTS < u16::MAX as usize, "a bus has 1 to 65,534 events");
    };

    /// A bus that is not started, with payloads in `payloads`.
    #[must_use]
    pub const fn new(payloads: P) -> Self {
        let () = Self::_PLACES;
        Self {
            state: UnsafeCell::new(State::new()),
            places: Places::new(),
            subscribers: [const { Shared::new() }; TYPES],
            payloads,
        }
    }

    /// Keeps everybody else out for as long as the result lives: a few instructions.
    #[inline(always)]
    fn lock(&self) -> Inside<'_, SERVICES, EVENTS> {
        let section = Section::enter();
        // SAFETY: the section keeps everybody else out, and this context is here once: what the
        // state does calls nothing of the user's, so nothing comes back to this bus.
        let state = unsafe { &mut *self.state.get() };
        Inside { state, places: &self.places, _section: section }
    }

    fn locked<R>(&self, f: impl FnOnce(&mut State<SERVICES, EVENTS>) -> R) -> R {
        f(self.lock().state)
    }

    /// Frees a payload. Outside the lock.
    #[inline(always)]
    fn free(&self, payload: Payload) {
        match payload.ticket {
            // SAFETY: the payload was taken there with this ticket, and the state gives it out once.
            Some(ticket) => unsafe { self.payloads.give(payload.ptr, ticket) },
            None => self.deallocate(payload),
        }
    }

    #[cold]
    #[inline(never)]
    fn deallocate(&self, payload: Payload) {
        if payload.len_bytes != 0 {
            // SAFETY: the payload was allocated there with this size, and the state gives it out
            // once.
            unsafe { self.payloads.deallocate(payload.ptr, payload.len_bytes) }
        }
    }

    /// Starts the bus: quotas are full, queues are empty.
    ///
    /// # Errors
    /// [`LifeError::Started`], or [`LifeError::Stopping`].
    pub fn start(&self) -> Result<(), LifeError> {
        self.locked(State::start)
    }

    /// Stops the bus: posts and receives are refused from now on, what waits is freed, and all who
    /// wait are woken. Services stay registered and subscribed. Messages that somebody still looks
    /// at stay valid, and are freed when they are dropped.
    ///
    /// One short lock for each event that waits.
    ///
    /// # Errors
    /// [`LifeError::NotStarted`], or [`LifeError::Stopping`].
    pub fn stop(&self) -> Result<(), LifeError> {
        self.locked(State::begin_stop)?;
        (0..SERVICES).for_each(|at| self.drain(at));
        self.locked(State::end_stop);
        self.wake_receivers(u32::MAX);
        self.wake_posters(u32::MAX);
        Ok(())
    }

    /// Says what time it is, in milliseconds from anywhere; it may wrap. Quotas refill by this time,
    /// so call it at least as often as they should, from a tick for example.
    pub fn set_time(&self, now_ms: u32) {
        self.locked(|state| state.now_ms = now_ms);
    }

    /// Registers a service. O(services).
    ///
    /// # Errors
    /// [`ServiceError::TooMany`] when all places are taken, [`ServiceError::NoDepth`] for a queue
    /// that could hold nothing.
    pub fn register(
        &self,
        name: &'static str,
        settings: Settings,
    ) -> Result<Service<'_, Self>, ServiceError> {
        if let Some(priority) = settings.shallow() {
            return Err(ServiceError::NoDepth { priority });
        }
        let id = self.locked(|state| state.register(name, &settings))?;
        Ok(Service::new(self, id))
    }

    /// Unregisters a service: it posts and gets nothing any more, and what waits for it is freed.
    /// O(types), and one short lock for each event that waits.
    ///
    /// # Errors
    /// [`ServiceError::UnknownService`].
    pub fn unregister(&self, service: ServiceId) -> Result<(), ServiceError> {
        let at = service.index();
        let wakers = self.locked(|state| {
            state.begin_leave(service)?;
            self.subscribers.iter().for_each(|subscribers| subscribers.set(at, false));
            Ok((state.take_receiver(at), state.take_poster(at)))
        })?;
        drop(wakers);
        self.drain(at);
        self.locked(|state| state.end_leave(at));
        // Posts to its full queues may go on.
        self.wake_posters(u32::MAX);
        Ok(())
    }

    /// Lets a service get events of this type from now on. O(1).
    ///
    /// # Errors
    /// [`ServiceError::UnknownService`], [`ServiceError::UnknownType`].
    pub fn subscribe(&self, service: ServiceId, event_type: EventType) -> Result<(), ServiceError> {
        self.set_subscribed(service, event_type, true)
    }

    /// Lets a service get no more events of this type. Those that wait already stay. O(1).
    ///
    /// # Errors
    /// As for [`subscribe`](Self::subscribe).
    pub fn unsubscribe(
        &self,
        service: ServiceId,
        event_type: EventType,
    ) -> Result<(), ServiceError> {
        self.set_subscribed(service, event_type, false)?;
        // Posts that were refused because of this service may go on.
        self.wake_posters(u32::MAX);
        Ok(())
    }

    fn set_subscribed(
        &self,
        service: ServiceId,
        event_type: EventType,
        is_wanted: bool,
    ) -> Result<(), ServiceError> {
        self.locked(|state| {
            if !state.is_registered(service) {
                return Err(ServiceError::UnknownService { service });
            }
            let Some(subscribers) = self.subscribers.get(usize::from(event_type.0)) else {
                return Err(ServiceError::UnknownType { event_type, type_count: TYPES });
            };
            subscribers.set(service.index(), is_wanted);
            Ok(())
        })
    }

    /// The bus's figures. O(services).
    pub fn stats(&self) -> BusStats {
        self.locked(|state| state.stats())
    }

    /// A service's figures. O(1).
    pub fn service_stats(&self, service: ServiceId) -> Option<ServiceStats> {
        self.locked(|state| state.service_stats(service))
    }

    /// The services registered, as they are when the iterator comes to them.
    pub fn services(&self) -> impl Iterator<Item = ServiceId> {
        (0..SERVICES).filter_map(|at| self.locked(|state| state.service_at(at)))
    }

    /// Where the payloads are.
    pub const fn payloads(&self) -> &P {
        &self.payloads
    }

    /// Frees all that waits for a service. Bounded: nothing is queued for it any more.
    fn drain(&self, at: usize) {
        while let Some(payload) = self.locked(|state| state.drain(&self.places, at)) {
            if let Some(payload) = payload {
                self.free(payload);
            }
        }
    }

    /// Frees a payload and wakes these posters. With all in registers.
    #[cold]
    #[inline(never)]
    fn free_and_wake(
        &self,
        ptr: NonNull<u8>,
        len_bytes: usize,
        ticket: Option<Ticket>,
        posting: u32,
    ) {
        self.free(Payload { ptr, len_bytes, ticket });
        self.wake_posters(posting);
    }

    #[cold]
    #[inline(never)]
    fn wake_receivers(&self, mask: u32) {
        for at in (0..SERVICES).filter(|at| mask & (1 << at) != 0) {
            if let Some(waker) = self.locked(|state| state.take_receiver(at)) {
                waker.wake();
            }
        }
    }

    /// There is more room now.
    #[cold]
    #[inline(never)]
    fn wake_posters(&self, mask: u32) {
        for at in (0..SERVICES).filter(|at| mask & (1 << at) != 0) {
            if let Some(waker) = self.locked(|state| state.take_poster(at)) {
                waker.wake();
            }
        }
    }
}

impl<P: Payloads, const SERVICES: usize, const TYPES: usize, const EVENTS: usize> Drop
    for Bus<P, SERVICES, TYPES, EVENTS>
{
    /// What still waits is freed.
    fn drop(&mut self) {
        (0..SERVICES).for_each(|at| self.drain(at));
    }
}

impl<P: Payloads, const SERVICES: usize, const TYPES: usize, const EVENTS: usize> fmt::Debug
    for Bus<P, SERVICES, TYPES, EVENTS>
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bus").field("stats", &self.stats()).finish_non_exhaustive()
    }
}
