//! Posting.

use core::fmt;
use core::mem::ManuallyDrop;
use core::ops::{Deref, DerefMut};
use core::ptr::NonNull;
use core::task::Waker;

use bytemuck::NoUninit;

use super::queue::NIL;
use super::state::{Payload, Posted};
use super::{
    Bus, Carrier, EventType, PayloadError, Payloads, PostError, Priority, ServiceId, Wait,
};

/// Who asks for memory.
#[derive(Clone, Copy)]
enum Context {
    Task,
    Isr,
}

impl<P: Payloads, const SERVICES: usize, const TYPES: usize, const EVENTS: usize>
    Bus<P, SERVICES, TYPES, EVENTS>
{
    /// Posts an event: copies `payload` once, into memory that all subscribers share, and puts it
    /// into the queue of each. Returns how many they are; the last one that lets go of the event
    /// frees its memory. If nobody has subscribed, nothing is copied.
    ///
    /// Never waits. Queueing is O(subscribers), with short locks before and after the copy; memory
    /// takes as long as [`Payloads`] says, the heap behind tiers included.
    ///
    /// # Errors
    /// [`PostError`]: nobody got it then, and nothing is kept.
    #[inline]
    pub fn post(
        &self,
        sender: ServiceId,
        event_type: EventType,
        payload: &[u8],
        priority: Priority,
    ) -> Result<usize, PostError> {
        self.post_uncounted(sender, event_type, payload, priority, Context::Task)
            .map_err(|error| self.refuse(error))
    }

    /// Posts from an interrupt handler: as [`post`](Self::post), in bounded time, from memory that
    /// interrupt handlers may use at any time, never from external memory.
    ///
    /// # Errors
    /// As for [`post`](Self::post).
    #[inline]
    pub fn post_from_isr(
        &self,
        sender: ServiceId,
        event_type: EventType,
        payload: &[u8],
        priority: Priority,
    ) -> Result<usize, PostError> {
        self.post_uncounted(sender, event_type, payload, priority, Context::Isr)
            .map_err(|error| self.refuse(error))
    }

    /// Posts a value. [`Message::value`](super::Message::value) gets it back.
    ///
    /// # Errors
    /// As for [`post`](Self::post).
    pub fn post_value<T: NoUninit>(
        &self,
        sender: ServiceId,
        event_type: EventType,
        value: &T,
        priority: Priority,
    ) -> Result<usize, PostError> {
        self.post(sender, event_type, bytemuck::bytes_of(value), priority)
    }

    /// Posts an event that `build` writes where it stays, into zeros. `build` runs outside the lock,
    /// and not at all when the post is refused before it.
    ///
    /// # Errors
    /// As for [`post`](Self::post).
    pub fn post_with(
        &self,
        sender: ServiceId,
        event_type: EventType,
        len_bytes: usize,
        priority: Priority,
        build: impl FnOnce(&mut [u8]),
    ) -> Result<usize, PostError> {
        let mut draft = self.draft(sender, event_type, len_bytes, priority)?;
        build(&mut draft);
        draft.post()
    }

    /// Takes memory for an event that is built step by step, zeroed.
    ///
    /// # Errors
    /// As for [`post`](Self::post), but for what only queues can say.
    pub fn draft(
        &self,
        sender: ServiceId,
        event_type: EventType,
        len_bytes: usize,
        priority: Priority,
    ) -> Result<Draft<'_, Self>, PostError> {
        let draft = self
            .reserve(sender, event_type, len_bytes, priority, true, Context::Task)
            .map_err(|error| self.refuse(error))?;
        // Never `None`: it was asked for even if nobody listens.
        let draft = draft.ok_or(PostError::NotStarted)?;
        // SAFETY: the block is the draft's own, and this long.
        unsafe { draft.payload.ptr.write_bytes(0, len_bytes) };
        Ok(draft)
    }

    /// Posts, and waits for room for at most `timeout_ms`: for queues, places, memory, or the
    /// sender's quota.
    ///
    /// # Errors
    /// [`PostError::TimedOut`], or at once what no waiting mends. Of a service with several tasks
    /// that wait at once, one is woken when there is room; the others find out when their time is
    /// over.
    pub fn post_timeout(
        &self,
        sender: ServiceId,
        event_type: EventType,
        payload: &[u8],
        priority: Priority,
        wait: &impl Wait,
        timeout_ms: u32,
    ) -> Result<usize, PostError> {
        let start_ms = wait.now_ms();
        self.set_time(start_ms);
        let result = loop {
            let mut error =
                match self.post_or_register(sender, event_type, payload, priority, &wait.waker()) {
                    Ok(count) => break Ok(count),
                    Err(error) => error,
                };
            let now_ms = wait.now_ms();
            self.set_time(now_ms);
            let left_ms = timeout_ms.saturating_sub(now_ms.wrapping_sub(start_ms));
            if left_ms == 0 && (error.is_want_of_room() || matches!(error, PostError::Quota { .. }))
            {
                error = PostError::TimedOut { timeout_ms };
            }
            match error {
                PostError::Quota { retry_after_ms, .. } => wait.wait(left_ms.min(retry_after_ms)),
                error if error.is_want_of_room() => wait.wait(left_ms),
                error => break Err(self.refuse(error)),
            }
        };
        self.forget_poster(sender);
        result
    }

    /// Posts; if there is no room, says whom to wake when there may be, and tries again.
    pub(super) fn post_or_register(
        &self,
        sender: ServiceId,
        event_type: EventType,
        payload: &[u8],
        priority: Priority,
        waker: &Waker,
    ) -> Result<usize, PostError> {
        let post = || self.post_uncounted(sender, event_type, payload, priority, Context::Task);
        match post() {
            Err(error) if error.is_want_of_room() => {
                let mine = waker.clone();
                let old = self.locked(|state| state.set_poster(sender, Some(mine)));
                drop(old);
                // Room that came in between woke nobody.
                post()
            }
            result => result,
        }
    }

    pub(super) fn forget_poster(&self, sender: ServiceId) {
        let old = self.locked(|state| state.set_poster(sender, None));
        drop(old);
    }

    #[inline(always)]
    fn post_uncounted(
        &self,
        sender: ServiceId,
        event_type: EventType,
        payload: &[u8],
        priority: Priority,
        context: Context,
    ) -> Result<usize, PostError> {
        let draft = self.reserve(sender, event_type, payload.len(), priority, false, context)?;
        let Some(draft) = draft else { return Ok(0) };
        // SAFETY: the block is the draft's own and this long; the source is somebody else's.
        unsafe {
            draft.payload.ptr.copy_from_nonoverlapping(NonNull::from(payload).cast(), payload.len())
        };
        draft.publish()
    }

    /// A place and memory for an event; `None` if nobody would get it and it is not wanted then.
    #[inline(always)]
    fn reserve(
        &self,
        sender: ServiceId,
        event_type: EventType,
        len_bytes: usize,
        priority: Priority,
        is_wanted_anyway: bool,
        context: Context,
    ) -> Result<Option<Draft<'_, Self>>, PostError> {
        let reserved =
            self.locked(|state| state.reserve(sender, event_type, priority, is_wanted_anyway))?;
        let Some((index, unused)) = reserved else { return Ok(None) };
        self.free(unused);
        if len_bytes == 0 {
            return Ok(Some(Draft { bus: self, index, payload: Payload::NONE }));
        }
        let block = match context {
            Context::Task => self.payloads.allocate(len_bytes),
            Context::Isr => self.payloads.allocate_in_isr(len_bytes),
        };
        match block {
            Ok(ptr) => Ok(Some(Draft { bus: self, index, payload: Payload { ptr, len_bytes } })),
            Err(error) => Err(self.give_up(index, len_bytes, error)),
        }
    }

    #[cold]
    #[inline(never)]
    fn give_up(&self, index: u16, size_bytes: usize, error: PayloadError) -> PostError {
        self.locked(|state| state.abandon(index));
        match error {
            PayloadError::TooLarge { limit_bytes } => {
                PostError::TooLarge { size_bytes, limit_bytes }
            }
            PayloadError::NoMemory => PostError::NoMemory { size_bytes },
        }
    }

    #[cold]
    #[inline(never)]
    pub(super) fn refuse(&self, error: PostError) -> PostError {
        self.locked(|state| state.count_refused(&error));
        error
    }

    #[inline(always)]
    pub(super) fn publish(&self, index: u16, payload: Payload) -> Result<usize, PostError> {
        match self.locked(|state| state.publish(index, payload)) {
            Ok(posted) => {
                if posted.receiver_count == 0 {
                    self.give_back(payload);
                }
                Ok(self.finish(posted))
            }
            Err(error) => {
                self.give_back(payload);
                Err(error)
            }
        }
    }

    /// What is left to do after a post: free what made room, wake who waits.
    #[inline(always)]
    fn finish(&self, posted: Posted) -> usize {
        if posted.dropped != NIL {
            self.reap(posted.dropped);
        }
        if posted.wake != 0 {
            self.wake_receivers(posted.wake);
        }
        posted.receiver_count
    }

    #[cold]
    #[inline(never)]
    fn reap(&self, mut dropped: u16) {
        while dropped != NIL {
            let payload = self.locked(|state| state.reap(&mut dropped));
            self.give_back(payload);
        }
    }

    /// Frees the memory of an event whose place is free already.
    #[cold]
    #[inline(never)]
    pub(super) fn give_back(&self, payload: Payload) {
        self.free(payload);
        self.wake_posters(u32::MAX);
    }
}

/// An event that is being built: its bytes, where they stay. Dropped without
/// [`post`](Self::post), it is gone and its memory is free.
pub struct Draft<'b, B: Carrier> {
    bus: &'b B,
    index: u16,
    payload: Payload,
}

// SAFETY: the payload is plain bytes that this value alone owns; the bus locks itself.
unsafe impl<B: Carrier + Sync> Send for Draft<'_, B> {}
// SAFETY: as above; shared references only read.
unsafe impl<B: Carrier + Sync> Sync for Draft<'_, B> {}

impl<B: Carrier> Draft<'_, B> {
    /// Posts it. Returns how many subscribers it went to.
    ///
    /// # Errors
    /// [`PostError::QueueFull`] and [`PostError::NotStarted`]; it is gone then.
    pub fn post(self) -> Result<usize, PostError> {
        let bus = self.bus;
        self.publish().map_err(|error| bus.refuse(error))
    }

    #[inline(always)]
    fn publish(self) -> Result<usize, PostError> {
        let this = ManuallyDrop::new(self);
        this.bus.publish(this.index, this.payload)
    }
}

impl<B: Carrier> Deref for Draft<'_, B> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: the block is live and this long, and initialised: zeroed or written by the user.
        unsafe { self.payload.as_slice() }
    }
}

impl<B: Carrier> DerefMut for Draft<'_, B> {
    fn deref_mut(&mut self) -> &mut [u8] {
        let Payload { ptr, len_bytes } = self.payload;
        // SAFETY: the block is live, this long, initialised, and borrowed by nobody else.
        unsafe { core::slice::from_raw_parts_mut(ptr.as_ptr(), len_bytes) }
    }
}

impl<B: Carrier> Drop for Draft<'_, B> {
    fn drop(&mut self) {
        self.bus.abandon(self.index, self.payload);
    }
}

impl<B: Carrier> fmt::Debug for Draft<'_, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Draft({} bytes)", self.len())
    }
}
