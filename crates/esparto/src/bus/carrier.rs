//! What messages, drafts and services need of a bus, whatever its size.

use core::ptr::NonNull;
use core::task::Waker;

use super::envelope::{Letter, Payload};
use super::post::Label;
use super::{Bus, Message, Payloads, PostError, ReceiveError, ServiceId};

/// A [`Bus`] of any size: what its messages, drafts and services refer to.
pub trait Carrier: sealed::Carrier {}

impl<B: sealed::Carrier> Carrier for B {}

pub(super) mod sealed {
    use super::{
        Label, Letter, Message, NonNull, Payload, PostError, ReceiveError, ServiceId, Waker,
    };

    pub trait Carrier: Sized {
        /// Queues the event, or frees it.
        fn publish(&self, label: Label, payload: Payload) -> Result<usize, PostError>;
        /// Frees memory that no event was made of.
        fn give_back(&self, payload: Payload);
        /// Lets go of a received event.
        ///
        /// # Safety
        /// It was received from here with this letter and number, and is let go of once.
        unsafe fn release(&self, letter: NonNull<Letter>, number: u16);
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
        Bus::publish(self, label, payload)
    }

    fn give_back(&self, payload: Payload) {
        Bus::give_back(self, payload);
    }

    // A call with all in registers; what is rare is left to a last call of its own.
    #[inline(never)]
    unsafe fn release(&self, letter: NonNull<Letter>, number: u16) {
        // A letter is the first thing in its place.
        let envelope = letter.as_ptr().cast();
        let (unused, posting) = {
            let inside = self.lock();
            // SAFETY: passed on; only the reference is given up here.
            (unsafe { inside.state.release(envelope, number) }, inside.state.posting)
        };
        match unused {
            None => {}
            // SAFETY: taken there with this ticket, and the state gives it out once.
            Some(Payload { ptr, ticket: Some(ticket), .. }) if posting == 0 => unsafe {
                self.payloads.give(ptr, ticket);
            },
            Some(Payload { ptr, len_bytes, ticket }) => {
                self.free_and_wake(ptr, len_bytes, ticket, posting);
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
