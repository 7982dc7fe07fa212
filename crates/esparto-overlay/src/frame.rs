//! What the assembly of a miss keeps on the stack: RISC-V, and Xtensa in the call0 convention.

#[cfg(target_arch = "xtensa")]
core::arch::global_asm!(include_str!("miss_xtensa.S"));
#[cfg(all(target_arch = "riscv32", esparto_floats))]
core::arch::global_asm!(".set ESPARTO_FLOATS, 1", include_str!("miss.S"));
#[cfg(all(target_arch = "riscv32", not(esparto_floats)))]
core::arch::global_asm!(include_str!("miss.S"));

/// How many registers hold arguments.
const ARGUMENT_COUNT: usize = if cfg!(target_arch = "xtensa") { 6 } else { 8 };

/// The registers that the miss path keeps: those of a call's arguments, in the order of the assembly.
/// Those of LLVM's own convention follow, which nobody looks at.
#[repr(C)]
pub(crate) struct Frame {
    arguments: [usize; ARGUMENT_COUNT],
    static_chain: usize,
    return_addr: usize,
}

/// Bytes that the assembly takes from the stack, up to the caller's stack pointer.
const FRAME_BYTES: usize = if cfg!(target_arch = "xtensa") {
    32
} else if cfg!(esparto_floats) {
    144
} else {
    64
};

unsafe extern "C" {
    /// The assembly: asks where to return to, and returns there.
    fn __esparto_overlay_return();
    /// The assembly: returns at once.
    fn __esparto_overlay_answer();
}

impl Frame {
    /// Arguments on the stack are where the callee looks for them.
    #[inline(always)]
    pub(crate) fn take_arguments(&mut self, _stack_end_addr: usize) {}

    /// Where the call returns to.
    #[inline(always)]
    pub(crate) fn return_addr(&self) -> usize {
        self.return_addr
    }

    /// The stack pointer at the call.
    #[inline(always)]
    pub(crate) fn stack_addr(&self) -> usize {
        (&raw const *self).addr() + FRAME_BYTES
    }

    /// Sends the callee back by way of the trampoline.
    #[inline(always)]
    pub(crate) fn displace(&mut self) {
        self.return_addr = __esparto_overlay_return as *const () as usize;
    }

    /// Answers in place of a function that is not there; says what is called instead.
    #[inline(always)]
    pub(crate) fn answer(&mut self, value: u32) -> usize {
        self.arguments[0] = value as usize;
        __esparto_overlay_answer as *const () as usize
    }
}
