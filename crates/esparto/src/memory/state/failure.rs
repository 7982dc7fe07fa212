//! Requests that came to nothing, and why.

use core::alloc::Layout;

use super::{Slot, State};
use crate::memory::AllocError;
use crate::{Caps, Owner, Policy, RegionId, Sink};

/// A request that no heap could serve as they are now.
#[derive(Clone, Copy, Debug)]
pub(in crate::memory) struct Refused {
    /// What the heaps were asked for, about.
    pub(in crate::memory) layout: Layout,
    /// What the caller asked for, and the trace is told.
    pub(super) told: Layout,
    pub(in crate::memory) policy: Policy,
}

impl<const N: usize, S: Sink> State<N, S> {
    /// Gives up: tells, and says which figure stood in the way. In a memory with a usual heap it is the
    /// kind of trouble alone: the largest free block waits until somebody asks.
    #[cold]
    pub(in crate::memory) fn refuse(
        &mut self,
        owner: Option<Owner>,
        refused: &Refused,
    ) -> AllocError {
        let required = refused.policy.required();
        for (_, slot) in self.slots_mut() {
            slot.failure_count += usize::from(slot.region.caps().contains(required));
        }
        let error = match Self::USUAL {
            Some(_) => self.explain(refused, |_| 0),
            None => self.explain_fully(refused),
        };
        self.note(error);
        self.unexplained = Self::USUAL.map(|_| *refused);
        self.tell_failure(owner, refused.told, refused.policy);
        error
    }

    /// Keeps why a request was refused for whoever asks.
    pub(in crate::memory) fn note(&mut self, error: AllocError) {
        self.last_failure = Some(error);
        self.unexplained = None;
    }

    /// Why the last failed request failed.
    pub(in crate::memory) fn last_failure(&mut self) -> Option<AllocError> {
        if let Some(refused) = self.unexplained.take() {
            self.last_failure = Some(self.explain_fully(&refused));
        }
        self.last_failure
    }

    fn explain_fully(&mut self, refused: &Refused) -> AllocError {
        let align = refused.layout.align();
        for (_, slot) in self.slots_mut() {
            slot.count(Self::USUAL);
        }
        self.explain(refused, |slot| slot.heap(Self::USUAL).largest_free(align))
    }

    /// The figure that stood in the way.
    fn explain(&self, refused: &Refused, largest_free: impl Fn(&Slot) -> usize) -> AllocError {
        let (layout, required) = (refused.layout, refused.policy.required());
        if layout.size() == 0 {
            return AllocError::ZeroSize;
        }
        let (mut present, mut limit_bytes, mut free_bytes) = (Caps::empty(), None, 0);
        let mut largest = (0, RegionId(0));
        for (id, slot) in self.slots() {
            present |= slot.region.caps();
            if !slot.region.caps().contains(required) {
                continue;
            }
            limit_bytes = limit_bytes.max(Some(slot.limit_bytes()));
            free_bytes += slot.limit_bytes() - slot.live_bytes;
            let largest_free_bytes = largest_free(slot);
            if largest_free_bytes >= largest.0 {
                largest = (largest_free_bytes, id);
            }
        }
        let requested_bytes = layout.size();
        match limit_bytes {
            None => AllocError::NoRegion { required, present },
            Some(limit_bytes) if requested_bytes > limit_bytes => {
                AllocError::TooLarge { requested_bytes, limit_bytes }
            }
            Some(_) => AllocError::Exhausted {
                requested_bytes,
                align_bytes: layout.align(),
                largest_free_bytes: largest.0,
                region: largest.1,
                free_bytes,
            },
        }
    }
}
