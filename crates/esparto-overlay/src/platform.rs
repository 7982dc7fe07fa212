//! What the loader asks of the firmware it runs in.

use crate::{Event, LoadError};

/// The world around the loader: contexts, time, the stack, data memory.
///
/// The defaults are those of a program without an operating system. With several tasks, `task`,
/// `wait` and `is_elsewhere` are the scheduler's.
pub trait Platform: Sync {
    /// Is this an interrupt handler? Nothing is loaded in one.
    fn in_interrupt(&self) -> bool;

    /// The task that runs, any number that no other task has.
    fn task(&self) -> u32 {
        0
    }

    /// Lets others run while another task loads. Called again and again until it is done.
    fn wait(&self) {
        core::hint::spin_loop();
    }

    /// The time in any unit, for the statistics. May wrap.
    fn ticks(&self) -> u32 {
        0
    }

    /// One past the highest address of the running task's stack: from the stack pointer to there is
    /// what the task will return through.
    fn stack_end_addr(&self) -> usize;

    /// Does another task, or another core, execute or return to code between the two addresses?
    /// Such a slot is not evicted. An operating system answers by the tasks' saved stacks.
    fn is_elsewhere(&self, start_addr: u32, end_addr: u32) -> bool {
        let _ = (start_addr, end_addr);
        false
    }

    /// A call through a stub found that its overlay cannot be loaded. What comes back is what the
    /// call returns, in the first result register. May also not return: a reset, an exception.
    fn refused(&self, overlay: usize, error: &LoadError) -> u32;

    /// The overlay that a function must return to cannot be loaded again: there is nowhere to go.
    fn lost(&self, overlay: usize, error: &LoadError) -> !;

    /// Something happened, for a trace. Called outside of all locks but the load's own.
    fn event(&self, event: Event) {
        let _ = event;
    }

    /// Stores a word of an overlay's data.
    ///
    /// # Safety
    /// `addr` is a multiple of 4 and a word of the data area of an overlay that is being loaded.
    #[inline(always)]
    unsafe fn store_data(&self, addr: u32, word: u32) {
        let place = core::ptr::with_exposed_provenance_mut::<u32>(addr as usize);
        // SAFETY: as promised by the caller.
        unsafe { place.write_volatile(word) };
    }

    /// Loads a word of an overlay's data.
    ///
    /// # Safety
    /// `addr` is a multiple of 4 and a word of the data area of an overlay that is loaded.
    #[inline(always)]
    unsafe fn load_data(&self, addr: u32) -> u32 {
        let place = core::ptr::with_exposed_provenance::<u32>(addr as usize);
        // SAFETY: as promised by the caller.
        unsafe { place.read_volatile() }
    }

    /// Calls a constructor or destructor.
    ///
    /// # Safety
    /// `addr` is that of a function without arguments, in an overlay that is mapped.
    unsafe fn call(&self, addr: u32) {
        // SAFETY: as promised by the caller; a function pointer is as wide as an address here.
        let function: extern "C" fn() = unsafe { core::mem::transmute(addr as usize) };
        function();
    }
}
