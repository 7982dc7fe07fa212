//! What the loader asks of this machine.

use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use esparto_overlay::{Event, LoadError, Platform};

use crate::board::{counter, exit, println, stack};

/// What a call that is refused answers.
pub const REFUSED: u32 = 0x0BAD_CA11;

/// The machine.
#[derive(Debug)]
pub struct Machine {
    is_interrupt: AtomicBool,
    refused_count: AtomicU32,
}

impl Machine {
    /// The machine, outside of any interrupt.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "there is one")]
    pub const fn new() -> Self {
        Self { is_interrupt: AtomicBool::new(false), refused_count: AtomicU32::new(0) }
    }

    /// Called first and last by interrupt handlers.
    pub fn set_interrupt(&self, is_interrupt: bool) {
        self.is_interrupt.store(is_interrupt, Ordering::Relaxed);
    }

    /// How many calls were refused.
    #[must_use]
    pub fn refused_count(&self) -> u32 {
        self.refused_count.load(Ordering::Relaxed)
    }
}

impl Platform for Machine {
    fn in_interrupt(&self) -> bool {
        self.is_interrupt.load(Ordering::Relaxed)
    }

    #[inline(always)]
    fn ticks(&self) -> u32 {
        counter::instructions()
    }

    fn stack_end_addr(&self) -> usize {
        stack::in_use().end
    }

    fn event(&self, event: Event) {
        crate::told::tell(event);
    }

    fn refused(&self, overlay: usize, error: &LoadError) -> u32 {
        println!("refused overlay {overlay}: {error}");
        // One context at a time counts.
        self.refused_count.store(self.refused_count() + 1, Ordering::Relaxed);
        REFUSED
    }

    fn lost(&self, overlay: usize, error: &LoadError) -> ! {
        println!("lost overlay {overlay}: {error}");
        exit::failure()
    }
}
