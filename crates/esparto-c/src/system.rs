//! The one memory of a C program.

use esparto::{Event, Memory, Owner, Sink};

/// The most regions.
pub(crate) const REGION_LIMIT: usize = 16;

/// All memory of the program.
pub(crate) static MEMORY: Memory<REGION_LIMIT, Listener> = Memory::with_sink(Listener::NOBODY);

/// What is told of an event, inside the lock of the memory.
pub(crate) type Listen = fn(Owner, &Event);

/// Whoever listens to what happens, if anybody does. Function pointers, so that who is never asked
/// to listen is not linked.
pub(crate) struct Listener {
    ledger: Option<Listen>,
}

impl Listener {
    const NOBODY: Self = Self { ledger: None };

    /// Lets the ledger listen, or not.
    pub(crate) fn set_ledger(listen: Option<Listen>) {
        MEMORY.with_sink_mut(|listener| listener.ledger = listen);
    }
}

impl Sink for Listener {
    #[inline]
    fn record(&mut self, owner: Owner, event: Event) {
        if let Some(listen) = self.ledger {
            // Made here and not by the caller, whom nobody listens to as a rule.
            let told = event;
            listen(owner, &told);
        }
    }
}
