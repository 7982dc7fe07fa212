//! Posting.

use core::fmt;
use core::mem::ManuallyDrop;
use core::ops::{Deref, DerefMut};
use core::ptr::NonNull;
use core::task::Waker;

use bytemuck::NoUninit;

use super::envelope::{Kind, Letter, Payload};
use super::events::Posted;
use super::state::State;
use super::{
    Bus, Carrier, EventType, PayloadError, Payloads, PostError, Priority, ServiceId, Ticket, Wait,
    copy,
};

/// Who asks for memory.
#[derive(Clone, Copy)]
enum Context {
    Task,
    Isr,
}

/// What becomes of a refusal: those who wait count only the one that they end with.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Refusal {
    Counted,
    Uncounted,
}

/// What an event is, but for its payload.
#[derive(Clone, Copy, Debug)]
pub struct Label {
    sender: ServiceId,
    kind: Kind,
}

impl Label {
    const fn new(sender: ServiceId, event_type: EventType, priority: Priority) -> Self {
        Self { sender, kind: Kind::new(event_type, priority) }
    }
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
        let label = Label::new(sender, event_type, priority);
        self.post_as(label, payload, Context::Task, Refusal::Counted)
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
        let label = Label::new(sender, event_type, priority);
        self.post_as(label, payload, Context::Isr, Refusal::Counted)
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
    /// and not at all when there is no memory.
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
    /// [`PostError`] for a want of memory; everything else is seen when it is posted.
    pub fn draft(
        &self,
        sender: ServiceId,
        event_type: EventType,
        len_bytes: usize,
        priority: Priority,
    ) -> Result<Draft<'_, Self>, PostError> {
        let label = Label::new(sender, event_type, priority);
        let payload = self
            .validate(label)
            .and_then(|()| self.allocate(label, len_bytes, Context::Task))
            .map_err(|error| self.refuse(error))?;
        // SAFETY: the block is the draft's own, and this long.
        unsafe { payload.ptr.write_bytes(0, len_bytes) };
        Ok(Draft { bus: self, label, payload })
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
        let label = Label::new(sender, event_type, priority);
        let post = || self.post_as(label, payload, Context::Task, Refusal::Uncounted);
        match post() {
            Err(error) if error.is_want_of_room() => {
                let mine = waker.clone();
                let old = self.locked(|state| {
                    let is_for_memory = matches!(error, PostError::NoMemory { .. });
                    state.set_poster(sender, Some(mine), is_for_memory)
                });
                drop(old);
                // Room that came in between woke nobody.
                post()
            }
            result => result,
        }
    }

    pub(super) fn forget_poster(&self, sender: ServiceId) {
        let old = self.locked(|state| state.set_poster(sender, None, false));
        drop(old);
    }

    // All that is rare is left to a last call, after which there is nothing to do: so the way of
    // nearly every post saves no registers.
    #[inline(always)]
    fn post_as(
        &self,
        label: Label,
        bytes: &[u8],
        context: Context,
        refusal: Refusal,
    ) -> Result<usize, PostError> {
        let Label { sender, kind } = label;
        let subscribers = match self.subscribers.get(usize::from(kind.event_type().0)) {
            Some(subscribers) if !subscribers.load().is_none() => subscribers,
            _ => return self.post_to_none(label, refusal),
        };
        let is_easy = !bytes.is_empty() && copy::is_aligned(bytes);
        let take = || self.payloads.take(bytes.len(), matches!(context, Context::Isr));
        let taken = if is_easy { take() } else { None };
        let Some((ptr, ticket)) = taken else {
            return self.post_slowly(label, bytes, context, refusal);
        };
        // SAFETY: the block is this post's own, aligned and this long; the bytes are aligned.
        unsafe { copy::by_words(bytes, ptr) };
        let payload = Payload { ptr, len_bytes: bytes.len(), ticket: Some(ticket) };
        let letter = Letter { payload, sender, kind };
        let posted = {
            let inside = self.lock();
            inside.state.post_to_one(inside.places, letter, subscribers.load())
        };
        match posted {
            Some(0) => Ok(1),
            Some(rest) => self.finish_one(rest),
            None => self.publish_block(label, ptr, bytes.len(), Some(ticket), refusal),
        }
    }

    /// The same for an event without data, with data that lies on no word, or with memory that is not
    /// had in a few instructions.
    #[inline(never)]
    fn post_slowly(
        &self,
        label: Label,
        bytes: &[u8],
        context: Context,
        refusal: Refusal,
    ) -> Result<usize, PostError> {
        match self.allocate(label, bytes.len(), context) {
            Ok(Payload { ptr, len_bytes, ticket }) => {
                // SAFETY: the block is this post's own, aligned and this long.
                unsafe { ptr.copy_from_nonoverlapping(NonNull::from(bytes).cast(), len_bytes) };
                self.publish_block(label, ptr, len_bytes, ticket, refusal)
            }
            Err(error) => Err(self.count(error, refusal)),
        }
    }

    /// Posts what nobody has subscribed to, and says what is wrong with it if anything is.
    #[cold]
    #[inline(never)]
    fn post_to_none(&self, label: Label, refusal: Refusal) -> Result<usize, PostError> {
        let posted = self
            .validate(label)
            .and_then(|()| self.locked(|state| state.post_to_none(label.sender)));
        match posted {
            Ok(()) => Ok(0),
            Err(error) => Err(self.count(error, refusal)),
        }
    }

    /// What is wrong with a post before anything is done for it.
    fn validate(&self, label: Label) -> Result<(), PostError> {
        let event_type = label.kind.event_type();
        self.locked(|state| state.validate(label.sender))?;
        if usize::from(event_type.0) >= TYPES {
            return Err(PostError::UnknownType { event_type, type_count: TYPES });
        }
        Ok(())
    }

    fn allocate(
        &self,
        label: Label,
        len_bytes: usize,
        context: Context,
    ) -> Result<Payload, PostError> {
        if len_bytes == 0 {
            return Ok(Payload::NONE);
        }
        if let Some((ptr, ticket)) = self.payloads.take(len_bytes, matches!(context, Context::Isr))
        {
            return Ok(Payload { ptr, len_bytes, ticket: Some(ticket) });
        }
        let block = match context {
            Context::Task => self.payloads.allocate(len_bytes),
            Context::Isr => self.payloads.allocate_in_isr(len_bytes),
        };
        match block {
            Ok(ptr) => Ok(Payload { ptr, len_bytes, ticket: None }),
            Err(error) => Err(self.explain(label, len_bytes, error)),
        }
    }

    /// What is wrong with a post that got no memory: memory comes last.
    fn explain(&self, label: Label, size_bytes: usize, error: PayloadError) -> PostError {
        if let Err(error) = self.validate(label) {
            return error;
        }
        match error {
            PayloadError::TooLarge { limit_bytes } => {
                PostError::TooLarge { size_bytes, limit_bytes }
            }
            PayloadError::NoMemory => PostError::NoMemory { size_bytes },
        }
    }

    /// Queues an event, or frees its memory.
    pub(super) fn publish(&self, label: Label, payload: Payload) -> Result<usize, PostError> {
        let Payload { ptr, len_bytes, ticket } = payload;
        self.publish_block(label, ptr, len_bytes, ticket, Refusal::Counted)
    }

    /// The same, with all in registers.
    #[inline(never)]
    fn publish_block(
        &self,
        label: Label,
        ptr: NonNull<u8>,
        len_bytes: usize,
        ticket: Option<Ticket>,
        refusal: Refusal,
    ) -> Result<usize, PostError> {
        let Label { sender, kind } = label;
        let payload = Payload { ptr, len_bytes, ticket };
        let letter = Letter { payload, sender, kind };
        let mut may_evict = true;
        let result = loop {
            let Some(subscribers) = self.subscribers.get(usize::from(kind.event_type().0)) else {
                let event_type = kind.event_type();
                break Err(PostError::UnknownType { event_type, type_count: TYPES });
            };
            let post = |state: &mut State<SERVICES, EVENTS>| {
                state.post(&self.places, letter, subscribers.load().mask())
            };
            match self.locked(post) {
                Ok(posted) => {
                    if posted.rest != 0 {
                        self.finish(posted.rest);
                    }
                    if posted.receiver_count == 0 {
                        self.give_back(payload);
                    }
                    return Ok(posted.receiver_count);
                }
                Err(PostError::TooManyEvents { .. }) if may_evict && self.evict() => {
                    may_evict = false;
                }
                Err(error) => break Err(error),
            }
        };
        self.give_back(payload);
        result.map_err(|error| self.count(error, refusal))
    }

    fn count(&self, error: PostError, refusal: Refusal) -> PostError {
        match refusal {
            Refusal::Counted => self.refuse(error),
            Refusal::Uncounted => error,
        }
    }

    #[cold]
    #[inline(never)]
    fn finish_one(&self, rest: u32) -> Result<usize, PostError> {
        self.finish(rest);
        Ok(1)
    }

    /// What is left to do after a post: free what made room, wake who waits.
    #[cold]
    fn finish(&self, rest: u32) {
        if rest & Posted::REAP != 0 {
            while let Some(payload) = self.locked(|state| state.reap(&self.places)) {
                self.free(payload);
                self.wake_posters(u32::MAX);
            }
        }
        self.wake_receivers(rest & !Posted::REAP);
    }

    /// Lets the oldest LOW event make room.
    #[cold]
    #[inline(never)]
    fn evict(&self) -> bool {
        let payload = self.locked(|state| state.evict(&self.places));
        if let Some(payload) = payload {
            self.free(payload);
        }
        payload.is_some()
    }

    #[cold]
    #[inline(never)]
    pub(super) fn refuse(&self, error: PostError) -> PostError {
        self.locked(|state| state.count_refused(&error));
        error
    }

    /// Frees the memory that a post got and does not need. It is there again for those who found
    /// none; to the others it is no news: woken by each other's refusals, they would never sleep.
    #[cold]
    #[inline(never)]
    pub(super) fn give_back(&self, payload: Payload) {
        self.free(payload);
        let starving = self.locked(|state| state.starving);
        self.wake_posters(starving);
    }
}

/// An event that is being built: its bytes, where they stay. Dropped without
/// [`post`](Self::post), it is gone and its memory is free.
pub struct Draft<'b, B: Carrier> {
    bus: &'b B,
    label: Label,
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
    /// As for [`Bus::post`]; it is gone then.
    pub fn post(self) -> Result<usize, PostError> {
        let this = ManuallyDrop::new(self);
        this.bus.publish(this.label, this.payload)
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
        let Payload { ptr, len_bytes, .. } = self.payload;
        // SAFETY: the block is live, this long, initialised, and borrowed by nobody else.
        unsafe { core::slice::from_raw_parts_mut(ptr.as_ptr(), len_bytes) }
    }
}

impl<B: Carrier> Drop for Draft<'_, B> {
    fn drop(&mut self) {
        self.bus.give_back(self.payload);
    }
}

impl<B: Carrier> fmt::Debug for Draft<'_, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Draft({} bytes)", self.len())
    }
}
