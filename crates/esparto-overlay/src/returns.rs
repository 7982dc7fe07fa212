//! The side stack: calls that must return to code which was evicted meanwhile.
//!
//! When a call through a stub evicts code that the caller will return through, the return address
//! goes here and the callee returns to the restoring trampoline instead. An entry is found by the
//! stack pointer at the call, so a `longjmp` past some of them leaves nothing behind: entries of
//! frames below the present stack pointer are dead.

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
    entries: [Return; RETURN_LIMIT],
    len: usize,
}

impl Returns {
    pub(crate) const fn new() -> Self {
        let none = Return { stack_addr: 0, return_addr: 0, task: 0, overlay: 0, slot: 0 };
        Self { entries: [none; RETURN_LIMIT], len: 0 }
    }

    /// Are there `count` places, once the calls of `task` from frames below `stack_addr` are
    /// forgotten?
    pub(crate) fn reserve(&mut self, task: u32, stack_addr: usize, count: usize) -> bool {
        self.unwind(task, stack_addr.saturating_sub(1), &mut []);
        self.len + count <= RETURN_LIMIT
    }

    /// Adds a call; there is a place, since it was reserved.
    pub(crate) fn push(&mut self, entry: Return) {
        if let Some(place) = self.entries.get_mut(self.len) {
            *place = entry;
            self.len += 1;
        }
    }

    /// Forgets the calls of `task` from frames at or below `stack_addr`, which have returned or are
    /// left by a jump. `found` gets, for each slot, what was in it before the first of them: frames
    /// that stay may return to that. Returns where the call made at `stack_addr` returns to, or 0.
    #[inline(never)]
    pub(crate) fn unwind(&mut self, task: u32, stack_addr: usize, found: &mut [u16]) -> usize {
        let (mut return_addr, mut kept, mut index) = (0, 0, 0);
        // Oldest first; those that stay move up.
        while index < self.len {
            let Some(&entry) = self.entries.get(index) else { break };
            index += 1;
            if entry.task != task || entry.stack_addr > stack_addr {
                if let Some(place) = self.entries.get_mut(kept) {
                    *place = entry;
                }
                kept += 1;
                continue;
            }
            if let Some(place @ &mut crate::state::NONE) = found.get_mut(usize::from(entry.slot)) {
                *place = entry.overlay;
            }
            if entry.stack_addr == stack_addr && return_addr == 0 {
                return_addr = entry.return_addr;
            }
        }
        self.len = kept;
        return_addr
    }

    /// Does a call wait to return to `overlay`?
    pub(crate) fn awaits(&self, overlay: u16) -> bool {
        self.entries.iter().take(self.len).any(|entry| entry.overlay == overlay)
    }
}
