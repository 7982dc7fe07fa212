//! What the sink is told.

use core::alloc::Layout;
use core::ptr::NonNull;

use super::State;
use crate::{Event, Owner, Policy, RegionId, Sink};

impl<const N: usize, S: Sink> State<N, S> {
    // Inlined, and so are those that tell: the sink then knows the kind of event at each place, and
    // a trace costs half as many instructions where the compiler goes for size.
    #[inline(always)]
    pub(in crate::memory) fn tell(&mut self, owner: Option<Owner>, event: Event) {
        self.sink.record(owner.unwrap_or(self.owner), event);
    }

    #[inline(always)]
    pub(in crate::memory) fn tell_allocate(
        &mut self,
        owner: Option<Owner>,
        region: RegionId,
        ptr: NonNull<u8>,
        layout: Layout,
        policy: Policy,
    ) {
        let event = move || Event::Allocate {
            region,
            addr: ptr.addr().get(),
            size_bytes: layout.size(),
            align_log2: align_log2(layout),
            require: policy.required(),
            prefer: policy.preferred(layout.size()),
        };
        self.tell_if_heard(owner, event);
    }

    #[inline(always)]
    pub(in crate::memory) fn tell_deallocate(
        &mut self,
        owner: Option<Owner>,
        region: RegionId,
        ptr: NonNull<u8>,
        layout: Layout,
    ) {
        let (addr, size_bytes) = (ptr.addr().get(), layout.size());
        let event = move || Event::Deallocate { region, addr, size_bytes };
        self.tell_if_heard(owner, event);
    }

    pub(super) fn tell_failure(&mut self, owner: Option<Owner>, layout: Layout, policy: Policy) {
        let event = move || Event::Failure {
            size_bytes: layout.size(),
            align_log2: align_log2(layout),
            require: policy.required(),
            prefer: policy.preferred(layout.size()),
        };
        self.tell_if_heard(owner, event);
    }

    /// Tells an event; in a program that counts bytes of code, by a call, and made there.
    #[inline(always)]
    fn tell_if_heard(&mut self, owner: Option<Owner>, event: impl FnOnce() -> Event) {
        if !Self::LED {
            self.tell(owner, event());
        } else if !self.sink.is_deaf() {
            self.tell_apart(owner, event);
        }
    }

    #[cold]
    #[inline(never)]
    fn tell_apart(&mut self, owner: Option<Owner>, event: impl FnOnce() -> Event) {
        self.tell(owner, event());
    }

    #[inline(always)]
    pub(in crate::memory) fn tell_resize(
        &mut self,
        owner: Option<Owner>,
        region: RegionId,
        (old_addr, old): (usize, Layout),
        (addr, new): (usize, Layout),
    ) {
        let event = move || Event::Resize {
            region,
            old_addr,
            addr,
            old_size_bytes: old.size(),
            size_bytes: new.size(),
            align_log2: align_log2(new),
        };
        self.tell_if_heard(owner, event);
    }
}

fn align_log2(layout: Layout) -> u8 {
    layout.align().trailing_zeros() as u8
}
