//! Finding back: returns into code that was evicted meanwhile, and `longjmp`.

use crate::{
    LoadError, Overlays, Platform, Store, Tables, Writer,
    fault::{Checked, explained, refuse},
    load::{Cause, Stay},
    returns::{RETURN_LIMIT, Return},
    state::NONE,
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
        let mut is_displaced = false;
        let moved = explained(|why| self.miss(call, &mut is_displaced, why));
        Resolved { moved, is_displaced }
    }

    pub(crate) fn miss(
        &self,
        call: Missed,
        is_displaced: &mut bool,
        why: &mut LoadError,
    ) -> Checked<u32> {
        let Missed { overlay, return_addr, stack_addr } = call;
        let task = self.platform.task();
        if !self.with(|state| state.returns.reserve(task, stack_addr, SLOTS)) {
            return refuse(why, LoadError::TooManyReturns { limit: RETURN_LIMIT });
        }
        let before = self.occupants();
        let outcome = self.ensure(overlay, Cause::Implicit, Stay::Call, why);
        self.displaced(&before, |slot, overlay| {
            if self.holds(slot, return_addr) || self.returns_into(stack_addr, slot) {
                *is_displaced = true;
                let slot = slot as u16;
                let entry = Return { stack_addr, return_addr, task, overlay, slot };
                self.with(|state| state.returns.push(entry));
            }
        });
        Ok(outcome?.moved)
    }

    /// Brings back what the call made at `stack_addr` returns through, and says where it returns to:
    /// a trampoline without an entry is the end of all order, and address 0 traps. The restoring
    /// trampoline calls this.
    pub fn returned(&self, stack_addr: usize) -> usize {
        let task = self.platform.task();
        let mut found = [NONE; SLOTS];
        let return_addr = self.with(|state| state.returns.unwind(task, stack_addr, &mut found));
        self.restore(&found);
        return_addr
    }

    /// Brings back what frames above `stack_addr` return through, before a `longjmp` to there.
    pub fn jumped(&self, stack_addr: usize) {
        self.returned(stack_addr);
    }

    /// Brings back what was evicted since `before`, as far as the frames above `stack_addr` return
    /// into it.
    pub(crate) fn restore_displaced(&self, before: &[u16; SLOTS], stack_addr: usize) {
        let mut found = [NONE; SLOTS];
        self.displaced(before, |slot, overlay| {
            if self.returns_into(stack_addr, slot) {
                found[slot] = overlay;
            }
        });
        self.restore(&found);
    }

    fn restore(&self, found: &[u16; SLOTS]) {
        for (slot, &overlay) in found.iter().enumerate() {
            if overlay == NONE {
                continue;
            }
            let cause = Cause::Restore { slot: slot as u16 };
            let mut why = LoadError::InInterrupt;
            if self.ensure(overlay.into(), cause, Stay::Call, &mut why).is_err() {
                self.platform.lost(overlay.into(), &why);
            }
        }
    }

    /// Shows the slots that held something else than they do now, and what.
    #[inline]
    fn displaced(&self, before: &[u16; SLOTS], mut see: impl FnMut(usize, u16)) {
        let mut slot = 0;
        while let Some(&before) = before.get(slot) {
            if before != NONE && before != self.with(|state| state.slot(slot).overlay) {
                see(slot, before);
            }
            slot += 1;
        }
    }

    #[cfg(all(target_arch = "xtensa", target_feature = "sext"))]
    fn holds(&self, slot: usize, return_addr: usize) -> bool {
        let slot = self.tables.slot(slot);
        crate::frame::is_in(return_addr, slot.start_addr as usize, slot.len_bytes as usize)
    }

    #[cfg(not(all(target_arch = "xtensa", target_feature = "sext")))]
    fn holds(&self, slot: usize, addr: usize) -> bool {
        let slot = self.tables.slot(slot);
        addr.wrapping_sub(slot.start_addr as usize) < slot.len_bytes as usize
    }

    /// Does a word of the running task's stack from `stack_addr` on point into a slot? Linear in the
    /// depth of the stack; a word that only looks like it costs a load, never a wrong return.
    pub(crate) fn returns_into(&self, stack_addr: usize, slot: usize) -> bool {
        self.stack_holds(stack_addr, slot, false)
    }

    /// The same while the slot still holds the code: a return address is behind a call, which most
    /// of what an old frame left in a new one is not.
    pub(crate) fn is_called_from(&self, stack_addr: usize, slot: usize) -> bool {
        self.stack_holds(stack_addr, slot, true)
    }

    /// With register windows only return addresses are looked at, and all are.
    #[cfg(all(target_arch = "xtensa", target_feature = "sext"))]
    fn stack_holds(&self, _stack_addr: usize, slot: usize, _is_code_there: bool) -> bool {
        let end_addr = self.platform.stack_end_addr();
        crate::frame::returns_to(end_addr, |return_addr| self.holds(slot, return_addr))
    }

    #[cfg(not(all(target_arch = "xtensa", target_feature = "sext")))]
    #[inline(never)]
    fn stack_holds(&self, stack_addr: usize, slot: usize, is_code_there: bool) -> bool {
        let end_addr = self.platform.stack_end_addr();
        (stack_addr..end_addr).step_by(size_of::<usize>()).any(|addr| {
            let word = core::ptr::with_exposed_provenance::<usize>(addr);
            // SAFETY: the stack of the running task, between its pointer and its end.
            let word = unsafe { word.read_volatile() };
            self.holds(slot, word) && (!is_code_there || self.follows_call(slot, word))
        })
    }

    /// Is the instruction in front of `addr`, in a slot, a call? Reads it by whole words.
    #[cfg(target_arch = "riscv32")]
    fn follows_call(&self, slot: usize, addr: usize) -> bool {
        let halfword = |addr: usize| {
            let word = core::ptr::with_exposed_provenance::<u32>(addr & !3);
            // SAFETY: a word of a slot, of which nothing is written now.
            let word = unsafe { word.read_volatile() };
            (word >> (8 * (addr & 2))) as u16
        };
        /// The destination is `ra`, and the opcode that of `jal` or `jalr`.
        const fn is_call(low: u16) -> bool {
            low & 0xFFF == 0x0EF || low & 0xFFF == 0x0E7
        }
        let is_compressed =
            |low: u16| low & 0xE003 == 0x2001 || (low & 0xF07F == 0x9002 && low & 0xF80 != 0);
        // Nobody calls from an odd address; what is outside of the slot is not read.
        addr % 2 == 0
            && (self.holds(slot, addr.wrapping_sub(4)) && is_call(halfword(addr - 4))
                || self.holds(slot, addr.wrapping_sub(2)) && is_compressed(halfword(addr - 2)))
    }

    /// The same: `call0` and `callx0` have three bytes.
    #[cfg(target_arch = "xtensa")]
    fn follows_call(&self, slot: usize, addr: usize) -> bool {
        let byte = |addr: usize| {
            let word = core::ptr::with_exposed_provenance::<u32>(addr & !3);
            // SAFETY: a word of a slot, of which nothing is written now.
            let word = unsafe { word.read_volatile() };
            (word >> (8 * (addr & 3))) as u8
        };
        if !self.holds(slot, addr.wrapping_sub(3)) {
            // No call before it is this code's.
            return false;
        }
        let [first, second, third] = [3, 2, 1].map(|back| byte(addr - back));
        first & 0x3F == 0x05 || (first == 0xC0 && second & 0xF0 == 0 && third == 0)
    }

    #[cfg(not(any(target_arch = "riscv32", target_arch = "xtensa")))]
    fn follows_call(&self, _slot: usize, _addr: usize) -> bool {
        true
    }
}
