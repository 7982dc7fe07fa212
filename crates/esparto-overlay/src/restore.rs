//! Finding back: returns into code that was evicted meanwhile, and `longjmp`.

use crate::{
    LoadError, Overlays, Platform, Store, Tables, Writer,
    load::{Cause, Stay},
    returns::Return,
};

/// A call through a stub, as the miss path found it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Missed {
    /// The number of the overlay.
    pub overlay: usize,
    /// Where the call returns to.
    pub return_addr: usize,
    /// The stack pointer at the call.
    pub stack_addr: usize,
}

/// What the miss path does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// How far the code is above its linked address, or why it is not there.
    pub moved: Result<u32, LoadError>,
    /// Must the callee return to the restoring trampoline?
    pub is_displaced: bool,
}

impl<S, W, P, T, const SLOTS: usize, const OVERLAYS: usize> Overlays<S, W, P, T, SLOTS, OVERLAYS>
where
    S: Store,
    W: Writer,
    P: Platform,
    T: Tables,
{
    /// Loads what a stub was called for, and remembers the return if that evicts what the caller
    /// returns through. The firmware's assembly calls this, see `install`.
    ///
    /// Where it says [`is_displaced`](Resolved::is_displaced), the callee must return to a place that
    /// calls [`returned`](Self::returned).
    pub fn missed(&self, call: Missed) -> Resolved {
        let task = self.platform.task();
        let reserved = self.with(|state| state.returns.reserve(task, call.stack_addr, SLOTS));
        if let Err(error) = reserved {
            return Resolved { moved: Err(error), is_displaced: false };
        }
        let before = self.occupants();
        let outcome = self.ensure(call.overlay, Cause::Implicit, Stay::Call);
        let mut is_displaced = false;
        for (slot, overlay) in self.displaced(&before) {
            let is_live =
                self.holds(slot, call.return_addr) || self.returns_into(call.stack_addr, slot);
            if is_live {
                is_displaced = true;
                let Missed { return_addr, stack_addr, .. } = call;
                let slot = slot as u16;
                let entry = Return { stack_addr, return_addr, task, overlay, slot };
                self.with(|state| state.returns.push(entry));
            }
        }
        Resolved { moved: outcome.map(|mapped| mapped.moved), is_displaced }
    }

    /// Brings back what the call made at `stack_addr` returns through, and says where it returns to.
    /// The restoring trampoline calls this.
    pub fn returned(&self, stack_addr: usize) -> usize {
        // A trampoline without an entry is the end of all order; address 0 traps.
        self.unwound(stack_addr).unwrap_or(0)
    }

    /// Brings back what frames above `stack_addr` return through, before a `longjmp` to there.
    pub fn jumped(&self, stack_addr: usize) {
        self.unwound(stack_addr);
    }

    fn unwound(&self, stack_addr: usize) -> Option<usize> {
        let task = self.platform.task();
        let mut found = [None; SLOTS];
        let return_addr = self.with(|state| state.returns.unwind(task, stack_addr, &mut found));
        self.restore(&found);
        return_addr
    }

    /// Brings back what was evicted since `before`, as far as the frames above `stack_addr` return
    /// into it.
    pub(crate) fn restore_displaced(&self, before: &[Option<u16>; SLOTS], stack_addr: usize) {
        let mut found = [None; SLOTS];
        for (slot, overlay) in self.displaced(before) {
            if self.returns_into(stack_addr, slot) {
                found[slot] = Some(overlay);
            }
        }
        self.restore(&found);
    }

    fn restore(&self, found: &[Option<u16>; SLOTS]) {
        for (slot, overlay) in found.iter().enumerate() {
            let Some(overlay) = overlay.map(usize::from) else { continue };
            let cause = Cause::Restore { slot: slot as u16 };
            if let Err(error) = self.ensure(overlay, cause, Stay::Call) {
                self.platform.lost(overlay, &error);
            }
        }
    }

    /// The slots that held something else than they do now, and what.
    fn displaced(&self, before: &[Option<u16>; SLOTS]) -> impl Iterator<Item = (usize, u16)> {
        let (before, after) = (*before, self.occupants());
        before.into_iter().zip(after).enumerate().filter_map(|(slot, (before, after))| {
            before.filter(|_| before != after).map(|overlay| (slot, overlay))
        })
    }

    fn holds(&self, slot: usize, addr: usize) -> bool {
        let slot = self.tables.slot(slot);
        addr.wrapping_sub(slot.start_addr as usize) < slot.len_bytes as usize
    }

    /// Does a word of the running task's stack from `stack_addr` on point into a slot? Linear in the
    /// depth of the stack; a word that only looks like it costs a load, never a wrong return.
    pub(crate) fn returns_into(&self, stack_addr: usize, slot: usize) -> bool {
        self.stack_words(stack_addr).any(|word| self.holds(slot, word))
    }

    /// The same while the slot still holds the code: a return address is behind a call, which most
    /// of what an old frame left in a new one is not.
    pub(crate) fn is_called_from(&self, stack_addr: usize, slot: usize) -> bool {
        self.stack_words(stack_addr).any(|word| self.holds(slot, word) && self.follows_call(word))
    }

    fn stack_words(&self, stack_addr: usize) -> impl Iterator<Item = usize> {
        let end_addr = self.platform.stack_end_addr();
        (stack_addr..end_addr).step_by(size_of::<usize>()).map(|addr| {
            let word = core::ptr::with_exposed_provenance::<usize>(addr);
            // SAFETY: the stack of the running task, between its pointer and its end.
            unsafe { word.read_volatile() }
        })
    }

    /// Is the instruction in front of `addr`, in a slot, a call? Reads it by whole words.
    #[cfg(target_arch = "riscv32")]
    fn follows_call(&self, addr: usize) -> bool {
        let halfword = |addr: usize| {
            let word = core::ptr::with_exposed_provenance::<u32>(addr & !3);
            // SAFETY: a word of a slot, of which nothing is written now.
            let word = unsafe { word.read_volatile() };
            (word >> (8 * (addr & 2))) as u16
        };
        let slot_holds = |addr| (0..self.tables.slot_count()).any(|slot| self.holds(slot, addr));
        if addr % 2 != 0 || !slot_holds(addr.wrapping_sub(4)) {
            // Nobody calls from an odd address; the very start of a slot is left to caution.
            return addr % 2 == 0;
        }
        /// The destination is `ra`, and the opcode that of `jal` or `jalr`.
        const fn is_call(low: u16) -> bool {
            low & 0xFFF == 0x0EF || low & 0xFFF == 0x0E7
        }
        let (four, two) = (halfword(addr - 4), halfword(addr - 2));
        let is_compressed = two & 0xE003 == 0x2001 || (two & 0xF07F == 0x9002 && two & 0xF80 != 0);
        is_call(four) || is_compressed
    }

    #[cfg(not(target_arch = "riscv32"))]
    fn follows_call(&self, _addr: usize) -> bool {
        true
    }
}
