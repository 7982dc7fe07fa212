//! Where the core finds contexts, and why it stopped: the same on every core.

use core::cell::UnsafeCell;

use super::entry::Context;

/// A context where the core finds it.
#[repr(transparent)]
pub(super) struct ContextCell(pub(super) UnsafeCell<Context>);

// SAFETY: touched by the entry into a trap and by the scheduler, which interrupts cannot interrupt, and
// before the tasks run.
unsafe impl Sync for ContextCell {}

impl ContextCell {
    pub(super) const fn new() -> Self {
        Self(UnsafeCell::new(Context::EMPTY))
    }
}

/// Where `main` is while tasks run. Its stack is the boot stack, and handlers run below what it
/// uses of that.
pub(super) static MAIN: ContextCell = ContextCell::new();

/// Why there is a trap.
pub(super) enum Cause {
    /// An interrupt.
    Interrupt(usize),
    /// Somebody's [`call`](super::entry::call).
    Call,
    /// Nothing good.
    Exception,
}
