//! What the recorder asks of the core.

use board_virt::{counter, frames};
use esparto_trace::Probe;

/// The core: its clock counts instructions, its frames are the chain of frame pointers.
#[derive(Clone, Copy, Debug)]
pub struct Core;

impl Core {
    /// Ticks a second in the header of a trace: a tick is one instruction, and so many of them
    /// make a second on an ESP32-C3 at full speed that retires one a cycle.
    pub(crate) const TICK_HZ: u32 = 160_000_000;
}

impl Probe for Core {
    #[inline(always)]
    fn now() -> u32 {
        counter::instructions()
    }

    #[inline(always)]
    fn frames(frames: &mut [usize]) {
        frames::capture(frames);
    }
}
