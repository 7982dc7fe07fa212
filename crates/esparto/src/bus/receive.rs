//! Receiving: polled, blocking, and as a future.

use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::ptr::NonNull;
use core::task::{Context, Poll, Waker};

use super::{Bus, Carrier, Message, Payloads, ReceiveError, ServiceId, Wait};

impl<P: Payloads, const SERVICES: usize, const TYPES: usize, const EVENTS: usize>
    Bus<P, SERVICES, TYPES, EVENTS>
{
    /// Takes the next event of a service: the most urgent, and of those the one posted first. Never
    /// waits. O(1).
    ///
    /// # Errors
    /// [`ReceiveError`], [`Empty`](ReceiveError::Empty) when nothing waits.
    #[inline]
    pub fn try_receive(&self, service: ServiceId) -> Result<Message<'_, Self>, ReceiveError> {
        let (number, posting) = {
            let inside = self.lock();
            (inside.state.receive(inside.places, service), inside.state.posting)
        };
        let Some(number) = number else { return Err(self.explain_receive(service)) };
        if posting != 0 {
            self.wake_posters(posting);
        }
        // SAFETY: a place with an event, of which a reference was just received; its letter was
        // written before that, and is not until it is given up.
        unsafe {
            let place = NonNull::new_unchecked(self.places.at(number));
            Ok(Message::new(self, place.cast(), number))
        }
    }

    #[cold]
    #[inline(never)]
    fn explain_receive(&self, service: ServiceId) -> ReceiveError {
        self.locked(|state| state.explain_receive(service))
    }

    /// Takes the next event, and waits for one for at most `timeout_ms`, or for ever.
    ///
    /// # Errors
    /// [`ReceiveError`]; a stop of the bus ends the wait.
    pub fn receive_timeout(
        &self,
        service: ServiceId,
        wait: &impl Wait,
        timeout_ms: Option<u32>,
    ) -> Result<Message<'_, Self>, ReceiveError> {
        let start_ms = wait.now_ms();
        let result = loop {
            match self.receive_or_register(service, &wait.waker()) {
                Err(ReceiveError::Empty) => {}
                result => break result,
            }
            let left_ms = match timeout_ms {
                None => u32::MAX,
                Some(timeout_ms) => {
                    let left_ms = timeout_ms.saturating_sub(wait.now_ms().wrapping_sub(start_ms));
                    if left_ms == 0 {
                        break Err(ReceiveError::TimedOut { timeout_ms });
                    }
                    left_ms
                }
            };
            wait.wait(left_ms);
        };
        self.forget_receiver(service);
        result
    }

    /// Takes the next event; if there is none, says whom to wake when there is.
    pub(super) fn receive_or_register(
        &self,
        service: ServiceId,
        waker: &Waker,
    ) -> Result<Message<'_, Self>, ReceiveError> {
        let known = match self.try_receive(service) {
            Err(ReceiveError::Empty) => self.locked(|state| state.is_receiver(service, waker)),
            result => return result,
        };
        if !known {
            // Made and dropped outside the lock: both are the user's code.
            let mine = waker.clone();
            let old = self.locked(|state| state.set_receiver(service, Some(mine)));
            drop(old);
        }
        // What came in between woke nobody.
        self.try_receive(service)
    }

    pub(super) fn forget_receiver(&self, service: ServiceId) {
        let old = self.locked(|state| state.set_receiver(service, None));
        drop(old);
    }
}

/// Becomes the next event of a service: [`Service::receive`](super::Service::receive).
#[must_use = "futures do nothing unless they are polled"]
pub struct Receive<'a, B: Carrier> {
    bus: &'a B,
    service: ServiceId,
}

impl<'a, B: Carrier> Receive<'a, B> {
    pub(super) const fn new(bus: &'a B, service: ServiceId) -> Self {
        Self { bus, service }
    }
}

impl<'a, B: Carrier> Future for Receive<'a, B> {
    type Output = Result<Message<'a, B>, ReceiveError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let bus = self.bus;
        match bus.receive_or_register(self.service, context.waker()) {
            Err(ReceiveError::Empty) => Poll::Pending,
            result => Poll::Ready(result),
        }
    }
}

impl<B: Carrier> Drop for Receive<'_, B> {
    fn drop(&mut self) {
        self.bus.forget_receiver(self.service);
    }
}

impl<B: Carrier> fmt::Debug for Receive<'_, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Receive({})", self.service)
    }
}
