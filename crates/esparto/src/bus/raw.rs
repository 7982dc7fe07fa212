//! Posting as C does it: pointers and plain numbers, distrusted.

use core::ptr::NonNull;

use super::{Bus, EventType, Payloads, PostError, Priority, ServiceId, Wait};

/// An event as C has it.
#[derive(Clone, Copy, Debug)]
pub struct RawEvent {
    /// Who posts it.
    pub sender: ServiceId,
    /// What kind of event it is.
    pub event_type: EventType,
    /// Its bytes; null with a size of 0 is an event without data.
    pub data: *const u8,
    /// How many they are.
    pub size_bytes: usize,
    /// How urgent it is, of [`Priority`].
    pub priority: u8,
}

/// For arguments that Rust would not let pass: refusals of them are counted as any other.
impl<P: Payloads, const SERVICES: usize, const TYPES: usize, const EVENTS: usize>
    Bus<P, SERVICES, TYPES, EVENTS>
{
    /// Posts as [`post`](Self::post) does.
    ///
    /// # Errors
    /// As for [`post`](Self::post), [`PostError::NullData`] and [`PostError::UnknownPriority`].
    ///
    /// # Safety
    /// `data` is null, or valid for reads of `size_bytes` that are initialised and nobody writes to
    /// meanwhile.
    pub unsafe fn post_raw(&self, event: &RawEvent) -> Result<usize, PostError> {
        // SAFETY: passed on.
        let (payload, priority) = unsafe { self.admitted(event)? };
        self.post(event.sender, event.event_type, payload, priority)
    }

    /// Posts as [`post_from_isr`](Self::post_from_isr) does.
    ///
    /// # Errors
    /// As for [`post_raw`](Self::post_raw).
    ///
    /// # Safety
    /// As for [`post_raw`](Self::post_raw).
    pub unsafe fn post_raw_from_isr(&self, event: &RawEvent) -> Result<usize, PostError> {
        // SAFETY: passed on.
        let (payload, priority) = unsafe { self.admitted(event)? };
        self.post_from_isr(event.sender, event.event_type, payload, priority)
    }

    /// Posts as [`post_timeout`](Self::post_timeout) does.
    ///
    /// # Errors
    /// As for [`post_raw`](Self::post_raw) and [`post_timeout`](Self::post_timeout).
    ///
    /// # Safety
    /// As for [`post_raw`](Self::post_raw).
    pub unsafe fn post_raw_timeout(
        &self,
        event: &RawEvent,
        wait: &impl Wait,
        timeout_ms: u32,
    ) -> Result<usize, PostError> {
        // SAFETY: passed on.
        let (payload, priority) = unsafe { self.admitted(event)? };
        self.post_timeout(event.sender, event.event_type, payload, priority, wait, timeout_ms)
    }

    /// The payload and the priority, if they are such.
    ///
    /// # Safety
    /// As for [`post_raw`](Self::post_raw).
    unsafe fn admitted<'d>(&self, event: &RawEvent) -> Result<(&'d [u8], Priority), PostError> {
        let RawEvent { data, size_bytes, priority, .. } = *event;
        let Some(priority) = Priority::from_raw(priority) else {
            return Err(self.refuse(PostError::UnknownPriority { priority }));
        };
        let data = match NonNull::new(data.cast_mut()) {
            Some(data) => data,
            None if size_bytes == 0 => NonNull::dangling(),
            None => return Err(self.refuse(PostError::NullData { size_bytes })),
        };
        // SAFETY: as promised by the caller; nothing at a dangling pointer is nothing.
        Ok((unsafe { core::slice::from_raw_parts(data.as_ptr(), size_bytes) }, priority))
    }
}
