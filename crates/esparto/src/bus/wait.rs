//! How a task waits.

use core::task::Waker;

/// How a task of the user's system waits: what blocking calls are made of.
///
/// Everything here runs outside of locks.
pub trait Wait {
    /// The time, in milliseconds from anywhere; it may wrap.
    fn now_ms(&self) -> u32;

    /// Waits until [`waker`](Self::waker) is woken, or for `limit_ms`. Must return at once if it was
    /// woken since the last wait was over; may return early for any reason.
    fn wait(&self, limit_ms: u32);

    /// Wakes this task: from a task or an interrupt handler, during the wait or before it. A system
    /// without such a thing leaves this alone and waits for a little while each time.
    fn waker(&self) -> Waker {
        Waker::noop().clone()
    }
}
