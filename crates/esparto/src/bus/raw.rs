//! Posting as C does it: pointers and plain numbers, distrusted.

use core::ptr::NonNull;

use super::{Bus, EventType, Payloads, PostError, Priority, ServiceId};

impl<P: Payloads, const SERVICES: usize, const TYPES: usize, const EVENTS: usize>
    Bus<P, SERVICES, TYPES, EVENTS>
{
    /// Posts as [`post`](Self::post) does. A null pointer with a size of 0 is an event without data.
    ///
    /// # Errors
    /// As for [`post`](Self::post), and [`PostError::NullData`] and [`PostError::UnknownPriority`]
    /// for arguments that Rust would not let pass.
    ///
    /// # Safety
    /// `data` is null, or valid for reads of `size_bytes` that are initialised and nobody writes to
    /// meanwhile.
    pub unsafe fn post_raw(
        &self,
        sender: ServiceId,
        event_type: EventType,
        data: *const u8,
        size_bytes: usize,
        priority: u8,
    ) -> Result<usize, PostError> {
        let Some(priority) = Priority::from_raw(priority) else {
            return Err(self.refuse(PostError::UnknownPriority { priority }));
        };
        let data = match NonNull::new(data.cast_mut()) {
            Some(data) => data,
            None if size_bytes == 0 => NonNull::dangling(),
            None => return Err(self.refuse(PostError::NullData { size_bytes })),
        };
        // SAFETY: as promised by the caller; nothing at a dangling pointer is nothing.
        let payload = unsafe { core::slice::from_raw_parts(data.as_ptr(), size_bytes) };
        self.post(sender, event_type, payload, priority)
    }
}
