//! How a task waits, as the bus wants it.

use core::task::{RawWaker, RawWakerVTable, Waker};

use esparto::bus::Wait;

use super::{entry, scheduler};
use crate::timer;

/// Waits as a task of a [`Crew`](super::Crew). Not inside of a critical section.
#[derive(Clone, Copy, Debug, Default)]
pub struct Blocking;

impl Wait for Blocking {
    fn now_ms(&self) -> u32 {
        timer::now_ms()
    }

    fn wait(&self, limit_ms: u32) {
        // For ever, to the bus.
        let limit_ms = (limit_ms != u32::MAX).then_some(limit_ms);
        scheduler::with(|scheduler| scheduler.set_limit(limit_ms));
        entry::call();
    }

    fn waker(&self) -> Waker {
        let current = scheduler::with(|scheduler| scheduler.current());
        match current {
            // SAFETY: the functions take the number of a task for what it is, and share nothing.
            Some(index) => unsafe { Waker::from_raw(raw(index)) },
            None => Waker::noop().clone(),
        }
    }
}

/// The number of a task is all there is to it.
fn raw(index: usize) -> RawWaker {
    const TABLE: RawWakerVTable = RawWakerVTable::new(|data| raw(data.addr()), wake, wake, |_| ());
    RawWaker::new(core::ptr::without_provenance(index), &TABLE)
}

fn wake(data: *const ()) {
    scheduler::with(|scheduler| scheduler.wake(data.addr()));
}
