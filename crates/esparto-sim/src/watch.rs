//! Who looks on while instructions are executed.

use crate::bus::Bus;
use crate::inst::{Inst, Registers};
use crate::machine::{Machine, Stop};

/// Someone who sees each instruction before it is executed.
pub(crate) trait Watch {
    /// Does it look at all? `false` leaves nothing of it in the loop.
    const ON: bool;

    /// What the machine says when [`Self::halts`].
    const HALT: Stop = Stop::Watchpoint;

    /// The instruction at `pc` is about to be executed. `true` stops before it and has
    /// [`Self::stopped`] called; it then comes again.
    fn before(&mut self, x: &Registers, bus: &Bus, inst: &Inst, pc: u32) -> bool;

    /// The machine goes on, perhaps in an interrupt or out of one.
    fn resumes(&mut self, machine: &Machine);

    /// The machine stopped as asked.
    fn stopped(&mut self, machine: &Machine);

    /// Shall the machine stop here for whoever runs it?
    fn halts(&self) -> bool {
        false
    }

    /// The program says something: hint `number`, arguments in `a0` and on.
    fn hint(&mut self, machine: &Machine, number: i32);
}

/// Nobody.
pub(crate) struct Nobody;

impl Watch for Nobody {
    const ON: bool = false;

    #[inline(always)]
    fn before(&mut self, _: &Registers, _: &Bus, _: &Inst, _: u32) -> bool {
        false
    }

    fn resumes(&mut self, _: &Machine) {}

    fn stopped(&mut self, _: &Machine) {}

    fn hint(&mut self, _: &Machine, _: i32) {}
}
