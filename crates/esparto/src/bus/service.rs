//! A service of a bus, as a value that leaves when it is dropped.

use core::fmt;
use core::future::poll_fn;
use core::mem::ManuallyDrop;
use core::task::Poll;

use bytemuck::NoUninit;

use super::{
    Bus, Carrier, Draft, EventType, Message, Payloads, PostError, Priority, Receive, ReceiveError,
    ServiceError, ServiceId, Wait,
};

/// A registered service: it subscribes, posts and receives. Dropped, it is unregistered, and what
/// waits for it is freed.
///
/// [`Bus`] has all of this by [`ServiceId`], too, for those who post for a service from elsewhere,
/// such as its interrupt handler.
pub struct Service<'b, B: Carrier> {
    bus: &'b B,
    id: ServiceId,
}

impl<'b, B: Carrier> Service<'b, B> {
    pub(super) const fn new(bus: &'b B, id: ServiceId) -> Self {
        Self { bus, id }
    }

    /// Its number, for posts from elsewhere.
    #[must_use]
    pub const fn id(&self) -> ServiceId {
        self.id
    }

    /// Lets go of it: it stays registered until [`Bus::unregister`].
    pub const fn into_id(self) -> ServiceId {
        let id = self.id;
        let _ = ManuallyDrop::new(self);
        id
    }
}

impl<'b, P: Payloads, const SERVICES: usize, const TYPES: usize, const EVENTS: usize>
    Service<'b, Bus<P, SERVICES, TYPES, EVENTS>>
{
    /// Gets events of this type from now on.
    ///
    /// # Errors
    /// [`ServiceError::UnknownType`].
    pub fn subscribe(&self, event_type: EventType) -> Result<(), ServiceError> {
        self.bus.subscribe(self.id, event_type)
    }

    /// Gets no more events of this type. Those that wait already stay.
    ///
    /// # Errors
    /// [`ServiceError::UnknownType`].
    pub fn unsubscribe(&self, event_type: EventType) -> Result<(), ServiceError> {
        self.bus.unsubscribe(self.id, event_type)
    }

    /// Posts: see [`Bus::post`].
    ///
    /// # Errors
    /// As for [`Bus::post`].
    #[inline]
    pub fn post(
        &self,
        event_type: EventType,
        payload: &[u8],
        priority: Priority,
    ) -> Result<usize, PostError> {
        self.bus.post(self.id, event_type, payload, priority)
    }

    /// Posts a value: see [`Bus::post_value`].
    ///
    /// # Errors
    /// As for [`Bus::post`].
    pub fn post_value<T: NoUninit>(
        &self,
        event_type: EventType,
        value: &T,
        priority: Priority,
    ) -> Result<usize, PostError> {
        self.bus.post_value(self.id, event_type, value, priority)
    }

    /// Posts what `build` writes: see [`Bus::post_with`].
    ///
    /// # Errors
    /// As for [`Bus::post`].
    pub fn post_with(
        &self,
        event_type: EventType,
        len_bytes: usize,
        priority: Priority,
        build: impl FnOnce(&mut [u8]),
    ) -> Result<usize, PostError> {
        self.bus.post_with(self.id, event_type, len_bytes, priority, build)
    }

    /// Starts an event that is built step by step: see [`Bus::draft`].
    ///
    /// # Errors
    /// As for [`Bus::draft`].
    pub fn draft(
        &self,
        event_type: EventType,
        len_bytes: usize,
        priority: Priority,
    ) -> Result<Draft<'b, Bus<P, SERVICES, TYPES, EVENTS>>, PostError> {
        self.bus.draft(self.id, event_type, len_bytes, priority)
    }

    /// Posts, and waits for room: see [`Bus::post_timeout`].
    ///
    /// # Errors
    /// As for [`Bus::post_timeout`].
    pub fn post_timeout(
        &self,
        event_type: EventType,
        payload: &[u8],
        priority: Priority,
        wait: &impl Wait,
        timeout_ms: u32,
    ) -> Result<usize, PostError> {
        self.bus.post_timeout(self.id, event_type, payload, priority, wait, timeout_ms)
    }

    /// Posts when there is room: queues, places and memory. A quota that is used up is an error at
    /// once, because it takes time, not room.
    ///
    /// # Errors
    /// As for [`Bus::post`], but for a want of room.
    pub async fn post_when_room(
        &mut self,
        event_type: EventType,
        payload: &[u8],
        priority: Priority,
    ) -> Result<usize, PostError> {
        let (bus, id) = (self.bus, self.id);
        let result = poll_fn(|context| {
            match bus.post_or_register(id, event_type, payload, priority, context.waker()) {
                Err(error) if error.is_want_of_room() => Poll::Pending,
                result => Poll::Ready(result),
            }
        })
        .await;
        bus.forget_poster(id);
        result.map_err(|error| bus.refuse(error))
    }

    /// Takes the next event, if there is one: see [`Bus::try_receive`].
    ///
    /// # Errors
    /// As for [`Bus::try_receive`].
    #[inline]
    pub fn try_receive(
        &self,
    ) -> Result<Message<'b, Bus<P, SERVICES, TYPES, EVENTS>>, ReceiveError> {
        self.bus.try_receive(self.id)
    }

    /// Takes the next event, and waits for one: see [`Bus::receive_timeout`].
    ///
    /// # Errors
    /// As for [`Bus::receive_timeout`].
    pub fn receive_timeout(
        &mut self,
        wait: &impl Wait,
        timeout_ms: Option<u32>,
    ) -> Result<Message<'b, Bus<P, SERVICES, TYPES, EVENTS>>, ReceiveError> {
        self.bus.receive_timeout(self.id, wait, timeout_ms)
    }

    /// Becomes the next event, under any executor. Dropped before that, it has taken nothing.
    pub const fn receive(&mut self) -> Receive<'b, Bus<P, SERVICES, TYPES, EVENTS>> {
        Receive::new(self.bus, self.id)
    }
}

impl<B: Carrier> Drop for Service<'_, B> {
    fn drop(&mut self) {
        self.bus.leave(self.id);
    }
}

impl<B: Carrier> fmt::Debug for Service<'_, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Service({})", self.id)
    }
}
