//! What hardware is told to guard.

use super::{GuardError, StackBreach, StackSpan};

/// A range of a stack for a hardware watchpoint or a PMP entry: its size is a power of two and its
/// start a multiple of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GuardRange {
    name: &'static str,
    start_addr: usize,
    size_bytes: usize,
}

impl GuardRange {
    /// What one data watchpoint of an ESP32-class chip covers with room to spare (Xtensa's data
    /// breakpoints and RISC-V's matching triggers).
    pub const WATCHPOINT_BYTES: usize = 32;

    /// The least that a PMP entry of the NAPOT kind covers.
    pub const PMP_MIN_BYTES: usize = 8;

    pub(super) fn inside(stack: &StackSpan, size_bytes: usize) -> Result<Self, GuardError> {
        let min_bytes = Self::PMP_MIN_BYTES;
        if !size_bytes.is_power_of_two() || size_bytes < min_bytes {
            return Err(GuardError::Size { size_bytes, min_bytes });
        }
        let addrs = stack.addrs();
        let too_large = GuardError::TooLarge { size_bytes, stack_bytes: stack.len_bytes() };
        let start_addr = addrs.start.checked_next_multiple_of(size_bytes).ok_or(too_large)?;
        let lost_bytes = (start_addr - addrs.start).saturating_add(size_bytes);
        if lost_bytes > stack.len_bytes() / 2 {
            return Err(too_large);
        }
        Ok(Self { name: stack.name(), start_addr, size_bytes })
    }

    /// The first address guarded.
    #[must_use]
    pub const fn start_addr(&self) -> usize {
        self.start_addr
    }

    /// How much is guarded.
    #[must_use]
    pub const fn size_bytes(&self) -> usize {
        self.size_bytes
    }

    /// Is the address guarded?
    #[must_use]
    pub const fn contains_addr(&self, addr: usize) -> bool {
        addr.wrapping_sub(self.start_addr) < self.size_bytes
    }

    /// What the `pmpaddr` register of a PMP entry of the NAPOT kind is set to for this range.
    /// (RISC-V privileged specification, "Address Matching".)
    #[must_use]
    pub const fn napot_pmpaddr(&self) -> usize {
        self.start_addr >> 2 | (self.size_bytes / Self::PMP_MIN_BYTES - 1)
    }

    /// What a trap at `addr` is: a breach of this stack, or none of its business.
    ///
    /// # Errors
    /// [`StackBreach::Guard`] when the address is guarded.
    pub const fn check_fault(&self, addr: usize) -> Result<(), StackBreach> {
        if !self.contains_addr(addr) {
            return Ok(());
        }
        let (start_addr, size_bytes) = (self.start_addr, self.size_bytes);
        Err(StackBreach::Guard { name: self.name, addr, start_addr, size_bytes })
    }
}
