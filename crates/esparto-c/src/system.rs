//! The one memory of a C program.

use esparto::{Event, Heap, Memory, Owner, PoolEvent, Sink, UsualHeap, usual};

/// The most regions.
pub(crate) const REGION_LIMIT: usize = 16;

/// All memory of the program.
pub(crate) static MEMORY: Memory<REGION_LIMIT, Listener> = Memory::with_sink(Listener::NOBODY);

/// What is told of an event, inside the lock of the memory.
pub(crate) type Listen = fn(Owner, &Event);

/// The same of an event of tiers.
pub(crate) type ListenToPools = fn(&PoolEvent);

/// Whoever listens to what happens, if anybody does. Function pointers, so that who is never asked
/// to listen is not linked.
pub(crate) struct Listener {
    /// Does anybody listen?
    is_on: bool,
    ledger: Option<Listen>,
    trace: Option<(Listen, ListenToPools)>,
}

impl Listener {
    const NOBODY: Self = Self { is_on: false, ledger: None, trace: None };

    /// Lets the ledger listen, or not.
    pub(crate) fn set_ledger(listen: Option<Listen>) {
        Self::change(|listener| listener.ledger = listen);
    }

    /// Lets the trace listen, or not.
    pub(crate) fn set_trace(listen: Option<(Listen, ListenToPools)>) {
        Self::change(|listener| listener.trace = listen);
    }

    fn change(change: impl FnOnce(&mut Self)) {
        MEMORY.with_sink_mut(|listener| {
            change(listener);
            listener.is_on = listener.ledger.is_some() || listener.trace.is_some();
        });
    }

    #[cold]
    #[inline(never)]
    fn tell(&self, owner: Owner, event: &Event) {
        for listen in [self.ledger, self.trace.map(|(listen, _)| listen)].into_iter().flatten() {
            listen(owner, event);
        }
    }
}

impl Sink for Listener {
    const USUAL: Option<UsualHeap> = Some(usual::<Heap>);

    #[inline(always)]
    fn is_deaf(&self) -> bool {
        !self.is_on
    }

    #[inline(always)]
    fn record(&mut self, owner: Owner, event: Event) {
        if self.is_on {
            // Made here and not by the caller, whom nobody listens to as a rule.
            let told = event;
            self.tell(owner, &told);
        }
    }

    #[inline(always)]
    fn record_pool(&mut self, event: PoolEvent) {
        if let Some((_, listen)) = self.trace {
            listen(&event);
        }
    }
}
