//! What the recorder asks of the core.

use core::sync::atomic::{AtomicU32, Ordering};

use board_virt::{counter, doorbell, frames};
use esparto_trace::Probe;

/// The core: its clock counts instructions and stands still while it waits, its frames are the chain of frame pointers.
#[derive(Clone, Copy, Debug)]
pub struct Core;

/// Events so far. One hart, and always inside the lock, so a load and a store will do.
static EVENT_COUNT: AtomicU32 = AtomicU32::new(0);

impl Core {
    /// After so many events the ring asks to be emptied: at most half of the smallest ring.
    pub(crate) const EVENTS_PER_RING: u32 = 64;

    /// Ticks a second in the header of a trace: a tick is one instruction, and so many of them
    /// make a second on an ESP32-C3 at full speed that retires one a cycle.
    pub(crate) const TICK_HZ: u32 = 160_000_000;
}

impl Probe for Core {
    #[inline(always)]
    fn now() -> u32 {
        let event_count = EVENT_COUNT.load(Ordering::Relaxed).wrapping_add(1);
        EVENT_COUNT.store(event_count, Ordering::Relaxed);
        if event_count.is_multiple_of(Self::EVENTS_PER_RING) {
            doorbell::ring();
        }
        counter::busy()
    }

    #[inline(always)]
    fn frames(frames: &mut [usize]) {
        frames::capture(frames);
    }
}
