//! The sink that tells the simulator of blocks.

use core::ops::{Deref, DerefMut};

use esparto::{Caps, Event, Owner, PoolEvent, Sink};

use crate::hint;

/// Tells the simulator's memcheck of every event, and then `S`; elsewhere it costs a few instructions
/// and does nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Told<S>(pub S);

/// A class of pools is in a region that was told with its capabilities: it takes none of them away
/// and claims none of its own.
const OF_ITS_REGION: Caps = Caps::all().difference(Caps::EXTERNAL);

impl<S: Sink> Sink for Told<S> {
    #[inline(always)]
    fn record(&mut self, owner: Owner, event: Event) {
        match event {
            Event::Allocate { addr, size_bytes, .. } => hint::allocated(addr, size_bytes, owner.0),
            Event::Deallocate { addr, .. } => hint::freed(addr),
            Event::Resize { old_addr, addr, size_bytes, .. } => {
                hint::resized(old_addr, addr, size_bytes);
            }
            Event::Failure { .. } | Event::Mark { .. } => {}
        }
        self.0.record(owner, event);
    }

    #[inline(always)]
    fn record_pool(&mut self, event: PoolEvent) {
        match event {
            PoolEvent::SetUp { start_addr, block_bytes, block_count } => {
                hint::heap(start_addr, block_bytes * block_count, OF_ITS_REGION);
            }
            PoolEvent::Take { addr, size_bytes } => hint::allocated(addr, size_bytes, 0),
            PoolEvent::Give { addr } => hint::freed(addr),
            _ => {}
        }
        self.0.record_pool(event);
    }
}

impl<S> Deref for Told<S> {
    type Target = S;

    fn deref(&self) -> &S {
        &self.0
    }
}

impl<S> DerefMut for Told<S> {
    fn deref_mut(&mut self) -> &mut S {
        &mut self.0
    }
}
