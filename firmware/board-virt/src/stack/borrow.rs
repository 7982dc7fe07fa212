//! Which stack is in use, and how to be on another one for a while: the same on every core.

use core::ops::Range;
use core::sync::atomic::{AtomicUsize, Ordering};

use esparto::stack::StackSpan;

use super::call_on;
use crate::memory;

// The stack in use, if it is not the boot stack. One hart, so two plain words will do.
static START_ADDR: AtomicUsize = AtomicUsize::new(0);
static END_ADDR: AtomicUsize = AtomicUsize::new(0);

/// The addresses of the stack in use.
#[inline]
pub fn in_use() -> Range<usize> {
    match END_ADDR.load(Ordering::Relaxed) {
        0 => memory::boot_stack_addrs(),
        end_addr => START_ADDR.load(Ordering::Relaxed)..end_addr,
    }
}

/// Runs `work` on `stack` and comes back to the present one. Checks nothing.
///
/// # Safety
/// Nothing else runs on the stack.
pub unsafe fn run_on<F: FnOnce()>(stack: &StackSpan, work: F) {
    let before = in_use();
    use_addrs(stack.addrs());
    let mut work = Some(work);
    let top_addr = stack.top().addr().get();
    // SAFETY: the top is one past 16-byte-aligned memory that is this stack's alone, which nothing
    // else runs on, and `call_once` is for an `F`.
    unsafe { call_on((&raw mut work).cast(), call_once::<F>, top_addr) };
    use_addrs(before);
}

pub(crate) fn use_addrs(addrs: Range<usize>) {
    // An interrupt between the two sees a range that is too wide or empty; handlers record
    // nothing, so nobody looks. A task that it switches to has a range of its own.
    START_ADDR.store(addrs.start, Ordering::Relaxed);
    END_ADDR.store(addrs.end, Ordering::Relaxed);
}

/// Calls what is in the `Option<F>` at `work`.
///
/// # Safety
/// `work` points to an `Option<F>` that nothing else uses.
pub(super) unsafe extern "C" fn call_once<F: FnOnce()>(work: *mut ()) {
    // SAFETY: as promised by the caller.
    let work = unsafe { &mut *work.cast::<Option<F>>() };
    if let Some(work) = work.take() {
        work();
    }
}
