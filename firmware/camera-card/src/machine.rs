//! What the loader asks of this machine.

use board_virt::{counter, exit, println, stack};
use esparto_overlay::{Event, LoadError, Platform};
use esparto_trace::OverlayEvent;
use riscv::register::mstatus;

use crate::overlays;

/// The machine.
#[derive(Debug)]
pub(crate) struct Machine;

impl Platform for Machine {
    /// In handlers and in critical sections nothing may be loaded.
    fn in_interrupt(&self) -> bool {
        !mstatus::read().mie()
    }

    #[inline(always)]
    fn ticks(&self) -> u32 {
        counter::busy()
    }

    fn stack_end_addr(&self) -> usize {
        stack::in_use().end
    }

    fn refused(&self, overlay: usize, error: &LoadError) -> u32 {
        recording::overlay(&OverlayEvent::Refused { overlay: overlay as u16 });
        println!("refused overlay {overlay}: {error}");
        exit::failure()
    }

    fn lost(&self, overlay: usize, error: &LoadError) -> ! {
        println!("lost overlay {overlay}: {error}");
        exit::failure()
    }

    fn event(&self, event: Event) {
        overlays::note(event);
    }
}
