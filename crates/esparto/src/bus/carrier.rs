//! What messages, drafts and services need of a bus, whatever its size.

use core::task::Waker;

use super::envelope::Payload;
use super::post::Label;
use super::{Bus, Message, Payloads, PostError, ReceiveError, ServiceId};

/// A [`Bus`] of any size: what its messages, drafts and services refer to.
pub trait Carrier: sealed::Carrier {}

impl<B: sealed::Carrier> Carrier for B {}

pub(super) mod sealed {
    use super::{Label, Message, Payload, PostError, ReceiveError, ServiceId, Waker};

    pub trait Carrier: Sized {
        /// Queues the event, or frees it.
        fn publish(&self, label: Label, payload: Payload) -> Result<usize, PostError>;
        /// Frees memory that no event was made of.
        fn give_back(&self, payload: Payload);
        /// Lets go of a received event.
        ///
        /// # Safety
        /// It was received from here, and is let go of once.
        unsafe fn release(&self, number: u16);
        /// Unregisters a service, if it still is.
        fn leave(&self, service: ServiceId);
        /// Takes the next event, or says whom to wake.
        fn receive_or_register(
            &self,
            service: ServiceId,
            waker: &Waker,
        ) -> Result<Message<'_, Self>, ReceiveError>;
        /// Nobody is to be woken any more.
        fn forget_receiver(&self, service: ServiceId);
    }
}

impl<P: Payloads, const SERVICES: usize, const TYPES: usize, const EVENTS: usize> sealed::Carrier
    for Bus<P, SERVICES, TYPES, EVENTS>
{
    fn publish(&self, label: Label, payload: Payload) -> Result<usize, PostError> {
        Bus::publish(self, label, payload).map_err(|error| self.refuse(error))
    }

    fn give_back(&self, payload: Payload) {
        Bus::give_back(self, payload);
    }

    #[inline]
    unsafe fn release(&self, number: u16) {
        let inside = self.lock();
        // SAFETY: passed on.
        let unused = unsafe { inside.state.release(inside.places, number) };
        let posting = inside.state.posting;
        drop(inside);
        if let Some(payload) = unused {
            self.free(payload);
            if posting != 0 {
                self.wake_posters(posting);
            }
        }
    }

    fn leave(&self, service: ServiceId) {
        // An error means that somebody unregistered it by its number.
        let _ = self.unregister(service);
    }

    fn receive_or_register(
        &self,
        service: ServiceId,
        waker: &Waker,
    ) -> Result<Message<'_, Self>, ReceiveError> {
        Bus::receive_or_register(self, service, waker)
    }

    fn forget_receiver(&self, service: ServiceId) {
        Bus::forget_receiver(self, service);
    }
}
