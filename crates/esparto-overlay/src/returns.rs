//! The side stack: calls that must return to code which was evicted meanwhile.
//!
//! When a call through a stub evicts code that the caller will return through, the return address
//! goes here and the callee returns to the restoring trampoline instead. An entry is found by the
//! stack pointer at the call, so a `longjmp` past some of them leaves nothing behind: entries of
//! frames below the present stack pointer are dead.

use crate::LoadError;

/// How many calls may wait.
pub(crate) const RETURN_LIMIT: usize = 24;

/// One call that waits to return.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Return {
    /// The stack pointer at the call, which is that after the return.
    pub(crate) stack_addr: usize,
    /// Where the call returns to.
    pub(crate) return_addr: usize,
    /// Whose stack it is.
    pub(crate) task: u32,
    /// What was in the slot.
    pub(crate) overlay: u16,
    /// The slot.
    pub(crate) slot: u16,
}

/// The calls that wait, the newest last.
#[derive(Debug)]
pub(crate) struct Returns {
    entries: [Option<Return>; RETURN_LIMIT],
}

impl Returns {
    pub(crate) const fn new() -> Self {
        Self { entries: [None; RETURN_LIMIT] }
    }

    /// Forgets the calls of `task` from frames below `stack_addr`, then makes sure of `count` places.
    ///
    /// # Errors
    /// [`LoadError::TooManyReturns`].
    pub(crate) fn reserve(
        &mut self,
        task: u32,
        stack_addr: usize,
        count: usize,
    ) -> Result<(), LoadError> {
        self.forget(|entry| entry.task == task && entry.stack_addr < stack_addr);
        let used = self.len();
        if used + count > RETURN_LIMIT {
            return Err(LoadError::TooManyReturns { limit: RETURN_LIMIT });
        }
        Ok(())
    }

    /// Adds a call; there is a place, since it was reserved.
    pub(crate) fn push(&mut self, entry: Return) {
        let used = self.len();
        if let Some(place) = self.entries.get_mut(used) {
            *place = Some(entry);
        }
    }

    /// Forgets the calls of `task` from frames at or below `stack_addr`, which have returned or are
    /// left by a jump. `found` gets, for each slot, what was in it before the first of them: frames
    /// that stay may return to that. Returns where the call made at `stack_addr` returns to.
    pub(crate) fn unwind(
        &mut self,
        task: u32,
        stack_addr: usize,
        found: &mut [Option<u16>],
    ) -> Option<usize> {
        let is_left = |entry: &Return| entry.task == task && entry.stack_addr <= stack_addr;
        let mut return_addr = None;
        for entry in self.entries.iter().flatten().filter(|entry| is_left(entry)) {
            if let Some(place @ None) = found.get_mut(usize::from(entry.slot)) {
                *place = Some(entry.overlay);
            }
            if entry.stack_addr == stack_addr && return_addr.is_none() {
                return_addr = Some(entry.return_addr);
            }
        }
        self.forget(is_left);
        return_addr
    }

    /// Does a call wait to return to `overlay`?
    pub(crate) fn awaits(&self, overlay: u16) -> bool {
        self.entries.iter().flatten().any(|entry| entry.overlay == overlay)
    }

    fn len(&self) -> usize {
        self.entries.iter().flatten().count()
    }

    fn forget(&mut self, is_dead: impl Fn(&Return) -> bool) {
        for place in &mut self.entries {
            if place.as_ref().is_some_and(&is_dead) {
                *place = None;
            }
        }
        self.close_gaps();
    }

    /// Moves the entries together, in their order.
    fn close_gaps(&mut self) {
        let mut used = 0;
        for index in 0..RETURN_LIMIT {
            if self.entries[index].is_some() {
                self.entries.swap(used, index);
                used += 1;
            }
        }
    }
}
