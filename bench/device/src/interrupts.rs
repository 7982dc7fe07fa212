//! The critical section of a chip with one core: interrupts off, and as they were again.

use critical_section::RawRestoreState;

struct OneCore;

critical_section::set_impl!(OneCore);

// SAFETY: one core, and nothing but an interrupt comes between.
unsafe impl critical_section::Impl for OneCore {
    #[inline(always)]
    unsafe fn acquire() -> RawRestoreState {
        let status: usize;
        // SAFETY: clears the interrupt enable of machine mode.
        unsafe { core::arch::asm!("csrrci {0}, mstatus, 8", out(reg) status) };
        status & 8 != 0
    }

    #[inline(always)]
    unsafe fn release(were_on: RawRestoreState) {
        if were_on {
            // SAFETY: sets the interrupt enable of machine mode, as it was.
            unsafe { core::arch::asm!("csrsi mstatus, 8") };
        }
    }
}
