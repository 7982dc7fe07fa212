//! A received event.

use core::fmt;
use core::ops::Deref;
use core::ptr::NonNull;

use bytemuck::AnyBitPattern;

use super::envelope::Letter;
use super::{Carrier, EventType, Priority, ServiceId, ValueError};

/// A received event: its payload, shared with all who received it, and what is known about it. When
/// the last of them drops it, its memory is free again.
///
/// May be kept for as long as need be, past a stop of the bus too; it takes one of the bus's places
/// until then.
pub struct Message<'b, B: Carrier> {
    bus: &'b B,
    /// At the start of the event's place.
    letter: NonNull<Letter>,
    number: u16,
}

// SAFETY: the payload is plain bytes that nobody writes to any more; the bus locks itself.
unsafe impl<B: Carrier + Sync> Send for Message<'_, B> {}
// SAFETY: as above.
unsafe impl<B: Carrier + Sync> Sync for Message<'_, B> {}

impl<'b, B: Carrier> Message<'b, B> {
    /// # Safety
    /// The letter is that of place `number` of `bus`, which comes with one of the event's references.
    #[inline(always)]
    pub(super) const unsafe fn new(bus: &'b B, letter: NonNull<Letter>, number: u16) -> Self {
        Self { bus, letter, number }
    }

    #[inline(always)]
    const fn letter(&self) -> &Letter {
        // SAFETY: the reference keeps the event; its letter was written before it was posted, and is
        // not written to since.
        unsafe { self.letter.as_ref() }
    }

    /// What kind of event it is.
    #[must_use]
    pub const fn event_type(&self) -> EventType {
        self.letter().kind.event_type()
    }

    /// Who posted it.
    #[must_use]
    pub const fn sender(&self) -> ServiceId {
        self.letter().sender
    }

    /// How urgent it is.
    #[must_use]
    pub const fn priority(&self) -> Priority {
        self.letter().kind.priority()
    }

    /// The payload's bytes. Empty for an event without data.
    #[must_use]
    pub const fn bytes(&self) -> &[u8] {
        // SAFETY: the reference keeps the payload alive; it was written before it was posted, and
        // is not written to since.
        unsafe { self.letter().payload.as_slice() }
    }

    /// The value that was posted by [`Bus::post_value`](super::Bus::post_value).
    ///
    /// # Errors
    /// [`ValueError`] when the payload has not the size of one.
    pub fn value<T: AnyBitPattern>(&self) -> Result<T, ValueError> {
        let bytes = self.bytes();
        bytemuck::try_pod_read_unaligned(bytes)
            .map_err(|_| ValueError { expected_bytes: size_of::<T>(), actual_bytes: bytes.len() })
    }
}

impl<B: Carrier> Deref for Message<'_, B> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.bytes()
    }
}

impl<B: Carrier> Drop for Message<'_, B> {
    #[inline(always)]
    fn drop(&mut self) {
        // SAFETY: the reference that this value came with; the letter is not looked at any more.
        unsafe { self.bus.release(self.letter, self.number) };
    }
}

impl<B: Carrier> fmt::Debug for Message<'_, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("event_type", &self.event_type())
            .field("sender", &self.sender())
            .field("priority", &self.priority())
            .field("bytes", &self.bytes())
            .finish()
    }
}
