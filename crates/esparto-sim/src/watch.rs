//! Who looks on while instructions are executed.

use crate::bus::Bus;
use crate::inst::{Inst, Registers};

/// Someone who sees each instruction before it is executed.
pub(crate) trait Watch {
    /// Does it look at all? `false` leaves nothing of it in the loop.
    const ON: bool;

    /// The `index`-th instruction of the present block is about to be executed. `true` stops
    /// before it.
    fn before(&mut self, x: &Registers, bus: &Bus, inst: &Inst, index: usize) -> bool;
}

/// Nobody.
pub(crate) struct Nobody;

impl Watch for Nobody {
    const ON: bool = false;

    #[inline(always)]
    fn before(&mut self, _: &Registers, _: &Bus, _: &Inst, _: usize) -> bool {
        false
    }
}
