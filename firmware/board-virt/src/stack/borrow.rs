//! Which stack is in use, and how to be on another one for a while: the same on every core.

use core::mem::MaybeUninit;
use core::ops::Range;
use core::sync::atomic::{AtomicU16, AtomicUsize, Ordering};

use esparto::Owner;
use esparto::stack::{Adopted, StackSpan};

use super::call_on;
use crate::{hint, memory};

// The stack in use, if it is not the boot stack. One hart, so two plain words will do.
pub(crate) static START_ADDR: AtomicUsize = AtomicUsize::new(0);
pub(crate) static END_ADDR: AtomicUsize = AtomicUsize::new(0);
/// The task that runs on it.
static OWNER: AtomicU16 = AtomicU16::new(0);

/// The addresses of the stack in use.
#[inline]
pub fn in_use() -> Range<usize> {
    match END_ADDR.load(Ordering::Relaxed) {
        0 => memory::boot_stack_addrs(),
        end_addr => START_ADDR.load(Ordering::Relaxed)..end_addr,
    }
}

/// A stack of one's own: the core's, and how this machine gets onto it.
#[derive(Debug)]
pub struct Stack<'m> {
    stack: esparto::Stack<Adopted<'m>>,
}

impl<'m> Stack<'m> {
    /// The ABI's alignment of the stack pointer.
    pub const ALIGN_BYTES: usize = StackSpan::ALIGN_BYTES;

    /// Takes `memory` for a stack and paints it.
    ///
    /// # Panics
    /// It is too small for a stack.
    #[must_use]
    pub fn new(memory: &'m mut [MaybeUninit<u8>]) -> Self {
        match esparto::Stack::adopt("own", memory) {
            Ok(stack) => Self { stack },
            Err(error) => panic!("{error}"),
        }
    }

    /// Runs `work` on this stack and comes back to the present one.
    ///
    /// # Panics
    /// The stack has overflowed: its canary is gone. By then memory below it may have been
    /// overwritten, so this is the end.
    pub fn run<F: FnOnce()>(&mut self, work: F) {
        // SAFETY: the exclusive borrow keeps it from being run on twice.
        unsafe { run_on(&self.stack, work) };
        if let Err(breach) = self.stack.check() {
            panic!("{breach}");
        }
    }

    /// The most that was ever in use.
    #[must_use]
    pub fn high_water_bytes(&self) -> usize {
        self.stack.high_water_bytes()
    }

    /// Its length.
    #[must_use]
    pub fn len_bytes(&self) -> usize {
        self.stack.len_bytes()
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

/// `owner` runs from here on, on the stack at `addrs`.
pub(crate) fn switch_to(owner: Owner, addrs: Range<usize>) {
    OWNER.store(owner.0, Ordering::Relaxed);
    use_addrs(addrs);
}

/// The present task goes on on the stack at `addrs`.
pub(super) fn use_addrs(addrs: Range<usize>) {
    // An interrupt between the two sees a range that is too wide or empty; handlers record
    // nothing, so nobody looks. A task that it switches to has a range of its own.
    START_ADDR.store(addrs.start, Ordering::Relaxed);
    END_ADDR.store(addrs.end, Ordering::Relaxed);
    hint::stack(addrs.start, addrs.len(), OWNER.load(Ordering::Relaxed));
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
