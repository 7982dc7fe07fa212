//! The ring that the heap writes to.

use core::marker::PhantomData;

use esparto::{Event, Owner, PoolEvent, Sink};

use crate::Slot;
use crate::wire::MAX_FRAMES;

/// What a recorder asks of its surroundings.
pub trait Probe {
    /// The clock: ticks that count up and wrap at 2^32. Called inside the lock of the memory, once
    /// per event, so it should be a single read of a counter.
    fn now() -> u32;

    /// Fills `frames` with the return addresses of the call under way, innermost first; what it
    /// leaves alone stays 0 and is not recorded. Called only when the recorder has frames.
    #[inline(always)]
    fn frames(frames: &mut [usize]) {
        let _ = frames;
    }
}

/// A ring of `SLOTS` events, each with up to `FRAMES` return addresses.
///
/// It is the [`Sink`] of a [`Memory`](esparto::Memory) and does as little as can be done inside
/// its lock: about thirty instructions per event, whatever the state. `SLOTS` is a power of two,
/// checked when the program is built. Memory: 24 bytes per slot on a 32-bit target, and 4 per
/// frame.
///
/// A full ring drops the newest event and counts it. The count takes its place in the stream as
/// [`Entry::Lost`](crate::Entry::Lost) where the events are missing.
// The counters come first, where one load with a small offset reaches them.
#[derive(Debug)]
#[repr(C)]
pub struct Recorder<P, const SLOTS: usize, const FRAMES: usize = 0> {
    /// Events ever stored. Counters wrap; `SLOTS` divides 2^32, so their masks stay right.
    write: u32,
    /// `write` may not pass this: events ever taken out, plus `SLOTS`.
    limit: u32,
    lost_count: u32,
    /// When the first of the lost ones came.
    lost_time: u32,
    lost_total_count: u32,
    slots: [Slot<FRAMES>; SLOTS],
    probe: PhantomData<fn() -> P>,
}

impl<P: Probe, const SLOTS: usize, const FRAMES: usize> Recorder<P, SLOTS, FRAMES> {
    const CHECKED: () = {
        assert!(SLOTS.is_power_of_two(), "SLOTS must be a power of two");
        assert!(SLOTS <= 1 << 20, "SLOTS must be at most 2^20");
        assert!(FRAMES <= MAX_FRAMES, "FRAMES must be at most MAX_FRAMES");
    };

    /// An empty ring, for a static.
    #[must_use]
    pub const fn new() -> Self {
        const { Self::CHECKED };
        Self {
            write: 0,
            limit: SLOTS as u32,
            lost_count: 0,
            lost_time: 0,
            lost_total_count: 0,
            slots: [Slot::EMPTY; SLOTS],
            probe: PhantomData,
        }
    }

    /// Forgets everything that waits, and what was lost.
    pub fn clear(&mut self) {
        (self.write, self.limit) = (0, SLOTS as u32);
        (self.lost_count, self.lost_total_count) = (0, 0);
    }

    /// Events that wait to be taken out.
    #[must_use]
    pub const fn pending_count(&self) -> usize {
        (SLOTS as u32 - self.limit.wrapping_sub(self.write)) as usize
    }

    /// Events ever lost (stops at 2^32 − 1).
    #[must_use]
    pub const fn lost_total_count(&self) -> u32 {
        self.lost_total_count
    }

    /// Moves the oldest events to the start of `out` and says how many; 0 when there are none.
    ///
    /// Meant to be called inside the lock (`memory.with_sink_mut(|r| r.drain(&mut slots))`), so the
    /// caller bounds the time by the length of `out`. O(moved).
    pub fn drain(&mut self, out: &mut [Slot<FRAMES>]) -> usize {
        let moved = self.pending_count().min(out.len());
        let read = self.limit.wrapping_sub(SLOTS as u32);
        for (k, to) in out.iter_mut().take(moved).enumerate() {
            *to = self.slots[read.wrapping_add(k as u32) as usize & (SLOTS - 1)];
        }
        self.limit = self.limit.wrapping_add(moved as u32);
        // What was lost was lost after everything that is in the ring now, and there is room
        // again: the loss takes its place before the next event can.
        if self.lost_count != 0 && moved != 0 {
            self.slots[self.write as usize & (SLOTS - 1)]
                .store_lost(self.lost_time, self.lost_count);
            self.write = self.write.wrapping_add(1);
            self.lost_count = 0;
        }
        moved
    }

    #[cold]
    #[inline(never)]
    fn lose(&mut self) {
        if self.lost_count == 0 {
            self.lost_time = P::now();
        }
        self.lost_count = self.lost_count.saturating_add(1);
        self.lost_total_count = self.lost_total_count.saturating_add(1);
    }
}

impl<P: Probe, const SLOTS: usize, const FRAMES: usize> Default for Recorder<P, SLOTS, FRAMES> {
    fn default() -> Self {
        Self::new()
    }
}

impl<P: Probe, const SLOTS: usize, const FRAMES: usize> Sink for Recorder<P, SLOTS, FRAMES> {
    // Inlined so that the kind of event, known at each call, leaves no branch behind.
    #[inline(always)]
    fn record(&mut self, owner: Owner, event: Event) {
        let write = self.write;
        if write == self.limit {
            return self.lose();
        }
        let slot = &mut self.slots[write as usize & (SLOTS - 1)];
        slot.store(P::now(), owner, event);
        if FRAMES > 0 {
            slot.frames = [0; FRAMES];
            P::frames(&mut slot.frames);
        }
        self.write = write.wrapping_add(1);
    }

    #[inline(always)]
    fn record_pool(&mut self, event: PoolEvent) {
        let write = self.write;
        if write == self.limit {
            return self.lose();
        }
        self.slots[write as usize & (SLOTS - 1)].store_pool(P::now(), event);
        self.write = write.wrapping_add(1);
    }
}
