//! Who called: the chain of frame pointers.
//!
//! Code built with `-C force-frame-pointers=yes` keeps, just below the address in `s0`, its
//! return address and the caller's `s0`.

use core::arch::asm;

use crate::stack;

/// Writes the return addresses that led here into `frames`, innermost first, and gives their
/// number. Stops where a frame pointer leaves the stack in use or does not rise.
#[inline(always)]
pub fn capture(frames: &mut [usize]) -> usize {
    let mut frame: *const usize;
    // SAFETY: reads a register.
    unsafe { asm!("mv {}, s0", out(reg) frame, options(nomem, nostack, preserves_flags)) };
    let bounds = stack::in_use();
    let mut count = 0;
    while count < frames.len() {
        let Some(bottom) = frame.addr().checked_sub(2 * size_of::<usize>()) else { break };
        if bottom < bounds.start || frame.addr() > bounds.end || !frame.is_aligned() {
            break;
        }
        // SAFETY: both words lie in the stack in use (just checked), which is plain memory;
        // whatever they hold is only a number until it has been checked in turn.
        let (return_addr, caller) =
            unsafe { (frame.sub(1).read(), frame.sub(2).cast::<*const usize>().read()) };
        if return_addr == 0 {
            break;
        }
        frames[count] = return_addr;
        count += 1;
        if caller.addr() <= frame.addr() {
            break;
        }
        frame = caller;
    }
    count
}
