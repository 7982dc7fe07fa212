//! The lock: a critical section.

use critical_section::RestoreState;

/// A critical section that ends with this value, also when a bug unwinds.
///
/// By hand, because `critical_section::with` may become a call that passes all by memory, which
/// costs a short operation a third of its instructions.
///
/// The concurrency model checker has its own in the place of this one.
pub struct Section(RestoreState);

impl Section {
    #[inline(always)]
    pub(crate) fn enter() -> Self {
        // SAFETY: released by the drop of the value, which stays in the context that called; the
        // sections of this crate end in the order opposite to that in which they began.
        Self(unsafe { critical_section::acquire() })
    }
}

impl Drop for Section {
    #[inline(always)]
    fn drop(&mut self) {
        // SAFETY: what `acquire` returned, once.
        unsafe { critical_section::release(self.0) };
    }
}
