//! What a debugger does with a machine: look, change, stop at addresses and at accesses.

use crate::bus::Bus;
use crate::csr::Counters;
use crate::inst::{Inst, Op, Registers};
use crate::machine::{Machine, Stop};
use crate::watch::Watch;

impl Machine {
    /// Stops before the instruction at `addr` from now on, with [`Stop::Breakpoint`].
    pub fn add_breakpoint(&mut self, addr: u32) {
        self.cache.breakpoints.insert(addr);
        self.bus.is_code_changed = true;
    }

    /// No longer stops at `addr`; false if it did not.
    pub fn remove_breakpoint(&mut self, addr: u32) -> bool {
        self.bus.is_code_changed = true;
        self.cache.breakpoints.remove(&addr)
    }

    /// Executes one instruction, whatever stops at it.
    pub fn step(&mut self) -> Stop {
        let addr = self.pc();
        let is_set = self.remove_breakpoint(addr);
        let stop = self.run(1);
        if is_set {
            self.add_breakpoint(addr);
        }
        stop
    }

    /// Runs until an access that `watchpoints` name, for at most `count` instructions. The access
    /// is done when it stops with [`Stop::Watchpoint`].
    pub fn run_to_access(&mut self, count: u64, watchpoints: &mut Watchpoints) -> Stop {
        let last = self.instructions().saturating_add(count);
        let stop = self.run_watched(count, watchpoints);
        // It stopped before the instruction.
        if watchpoints.hit.is_some() && self.instructions() < last {
            match self.step() {
                Stop::Limit | Stop::Said => {}
                other => return other,
            }
        }
        stop
    }

    /// Sets register `x1` to `x31`; `x0` stays what it is.
    pub fn set_register(&mut self, number: u8, value: u32) {
        if (1..32).contains(&number) {
            self.x[usize::from(number)] = value;
        }
    }

    /// Goes on at `addr`.
    pub fn set_pc(&mut self, addr: u32) {
        self.pc = addr & !1;
    }

    /// Writes `bytes` to memory at `addr`, whatever is allowed there; false if some of it is no
    /// memory.
    pub fn set_bytes(&mut self, addr: u32, bytes: &[u8]) -> bool {
        self.bus.is_code_changed = true;
        self.bus.put(addr, bytes).is_ok()
    }

    /// The control and status register `number`, as machine mode sees it; `None` if there is none.
    #[must_use]
    pub fn csr(&self, number: u32) -> Option<u32> {
        // Nothing is executed to read it.
        let counters = Counters { instructions: self.instructions(), ..self.counters() };
        self.csrs.peek(number, &counters)
    }
}

/// Which accesses stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WatchedAccess {
    /// Stores and atomics.
    Write,
    /// Loads and atomics.
    Read,
    /// All.
    Any,
}

/// Stretches of memory whose accesses stop the machine.
#[derive(Debug, Default)]
pub struct Watchpoints {
    points: Vec<(u32, u32, WatchedAccess)>,
    /// The one that stopped it, and the address accessed.
    hit: Option<(WatchedAccess, u32)>,
}

impl Watchpoints {
    /// Watches `len_bytes` at `addr`.
    pub fn add(&mut self, addr: u32, len_bytes: u32, access: WatchedAccess) {
        self.points.push((addr, len_bytes, access));
    }

    /// No longer watches it; false if it was not watched.
    pub fn remove(&mut self, addr: u32, len_bytes: u32, access: WatchedAccess) -> bool {
        let at = self.points.iter().position(|point| *point == (addr, len_bytes, access));
        at.map(|at| self.points.swap_remove(at)).is_some()
    }

    /// Is nothing watched?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.points.is_empty()
    }

    /// The watchpoint that stopped the machine and the address that was accessed, once.
    pub fn take_hit(&mut self) -> Option<(WatchedAccess, u32)> {
        self.hit.take()
    }

    fn check(&mut self, addr: u32, size_bytes: u32, is_read: bool, is_write: bool) -> bool {
        let hit = self.points.iter().find(|(start, len_bytes, access)| {
            let is_watched = match access {
                WatchedAccess::Write => is_write,
                WatchedAccess::Read => is_read,
                WatchedAccess::Any => true,
            };
            is_watched
                && (addr.wrapping_sub(*start) < *len_bytes || start.wrapping_sub(addr) < size_bytes)
        });
        self.hit = hit.map(|(_, _, access)| (*access, addr));
        self.hit.is_some()
    }
}

impl Watch for Watchpoints {
    const ON: bool = true;

    fn before(&mut self, x: &Registers, _: &Bus, inst: &Inst, _: u32) -> bool {
        let addr = x[inst.rs1 as usize].wrapping_add(inst.imm as u32);
        match inst.op {
            Op::Lb | Op::Lbu => self.check(addr, 1, true, false),
            Op::Lh | Op::Lhu => self.check(addr, 2, true, false),
            Op::Lw | Op::Lr => self.check(addr, 4, true, false),
            Op::Sb => self.check(addr, 1, false, true),
            Op::Sh => self.check(addr, 2, false, true),
            Op::Sw | Op::Sc => self.check(addr, 4, false, true),
            op if op.is_atomic() => self.check(addr, 4, true, true),
            _ => false,
        }
    }

    fn resumes(&mut self, _: &Machine) {}

    fn stopped(&mut self, _: &Machine) {}

    fn halts(&self) -> bool {
        self.hit.is_some()
    }

    fn hint(&mut self, _: &Machine, _: i32) {}
}
