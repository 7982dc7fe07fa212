//! The same for Xtensa with register windows, where every function has registers of its own.
//!
//! A stub makes a frame before it goes to the miss path, and no jump leaves a frame: the miss path calls
//! the function, hands its answer back and, if the caller was evicted, brings it back. Nothing returns by
//! way of a trampoline. The registers of callers that are in the core are in no memory; once they are
//! spilled, each frame's return address and stack pointer are just below the stack pointer of the next
//! one, so that who returns where is known exactly.

core::arch::global_asm!(include_str!("miss_windowed.S"));

/// How many words of arguments on the stack are handed on.
const HANDED_COUNT: usize = 16;

/// The frame that a stub made, as the assembly uses it, up to the areas that windows are spilled to.
#[repr(C)]
pub(crate) struct Frame {
    /// What the callee takes for the arguments that were put on the stack.
    handed: [usize; HANDED_COUNT],
    /// Is something to be brought back before the return?
    is_displaced: usize,
    /// What is returned if nothing is called.
    answer: usize,
    return_addr: usize,
    _free: usize,
}

/// What stubs take from the stack: the rest are the save areas.
const FRAME_BYTES: usize = 112;
const _: () =
    assert!(size_of::<Frame>() == FRAME_BYTES - 32 && HANDED_COUNT == 16, "the assembly's");

unsafe extern "C" {
    /// The assembly: spills all windows of callers, and returns the caller's stack pointer.
    fn __esparto_overlay_spill() -> usize;
}

/// A return address has the kind of the call in its highest bits, and keeps those of where it is.
const KIND: usize = 0xC000_0000;

impl Frame {
    /// Hands on the arguments that are on the stack, as many as there may be: nobody says how many
    /// there are.
    #[inline(never)]
    pub(crate) fn take_arguments(&mut self, stack_end_addr: usize) {
        let from_addr = self.stack_addr() + FRAME_BYTES;
        let count = stack_end_addr.saturating_sub(from_addr) / size_of::<usize>();
        for (index, place) in self.handed.iter_mut().enumerate().take(count) {
            let word = core::ptr::with_exposed_provenance::<usize>(from_addr + index * 4);
            // SAFETY: a word of the running task's stack, above the caller's stack pointer.
            *place = unsafe { word.read_volatile() };
        }
    }

    /// Where the call returns to.
    pub(crate) fn return_addr(&self) -> usize {
        self.return_addr
    }

    /// The stack pointer behind the call: no other frame that lives has it.
    pub(crate) fn stack_addr(&self) -> usize {
        (&raw const *self).addr()
    }

    /// Has the caller brought back before the return.
    pub(crate) fn displace(&mut self) {
        self.is_displaced = 1;
    }

    /// Answers in place of a function that is not there; nothing is called.
    pub(crate) fn answer(&mut self, value: u32) -> usize {
        self.answer = value as usize;
        0
    }
}

/// Is `addr` in the stretch of memory, as far as a return address tells?
pub(crate) fn is_in(return_addr: usize, start_addr: usize, len_bytes: usize) -> bool {
    let addr = return_addr & !KIND | start_addr & KIND;
    addr.wrapping_sub(start_addr) < len_bytes
}

/// Does one of the functions that run return to an address of which `is_it` is true? Linear in their
/// number.
#[inline(never)]
pub(crate) fn returns_to(stack_end_addr: usize, is_it: impl Fn(usize) -> bool) -> bool {
    // SAFETY: keeps what a call keeps.
    let mut stack_addr = unsafe { __esparto_overlay_spill() };
    loop {
        // The caller's `a0` and `a1`.
        let [return_addr, above_addr] = [16, 12].map(|below_bytes| {
            let word = core::ptr::with_exposed_provenance::<usize>(stack_addr - below_bytes);
            // SAFETY: spilled there, as above.
            unsafe { word.read_volatile() }
        });
        if is_it(return_addr) {
            return true;
        }
        if above_addr <= stack_addr || above_addr > stack_end_addr {
            // Whoever was first has nobody above it on this stack.
            return false;
        }
        stack_addr = above_addr;
    }
}
