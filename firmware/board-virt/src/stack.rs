//! Stacks: the boot stack, and one of one's own.

use core::arch::naked_asm;
use core::marker::PhantomData;
use core::mem::MaybeUninit;
use core::ops::Range;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicUsize, Ordering};

use crate::memory;

/// What an unused word of a stack holds.
const PAINT: u32 = 0xE57A_C0DE;

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

/// A stack: 16-byte-aligned memory, painted.
#[derive(Debug)]
pub struct Stack<'m> {
    memory: NonNull<[u8]>,
    borrow: PhantomData<&'m mut [MaybeUninit<u8>]>,
}

impl<'m> Stack<'m> {
    /// The ABI's alignment of the stack pointer.
    pub const ALIGN_BYTES: usize = 16;

    /// Takes `memory` for a stack and paints it.
    ///
    /// # Panics
    /// Start or length is no multiple of 16.
    #[must_use]
    pub fn new(memory: &'m mut [MaybeUninit<u8>]) -> Self {
        let bytes = NonNull::from(memory);
        let memory = NonNull::slice_from_raw_parts(bytes.cast::<u8>(), bytes.len());
        assert!(memory.cast::<u8>().addr().get().is_multiple_of(Self::ALIGN_BYTES));
        assert!(memory.len().is_multiple_of(Self::ALIGN_BYTES));
        let words = memory.cast::<u32>();
        for index in 0..memory.len() / size_of::<u32>() {
            // SAFETY: the memory is ours alone, aligned, and `index` stays inside.
            unsafe { words.add(index).write(PAINT) };
        }
        Self { memory, borrow: PhantomData }
    }

    /// Runs `work` on this stack and comes back to the present one.
    ///
    /// # Panics
    /// The stack has overflowed: its last word is no longer painted. By then memory below it may
    /// have been overwritten, so this is the end.
    pub fn run<F: FnOnce()>(&mut self, work: F) {
        let before = in_use();
        let start = self.memory.cast::<u8>().addr().get();
        let end = start + self.memory.len();
        use_addrs(start..end);
        let mut work = Some(work);
        // SAFETY: `end` is one past 16-byte-aligned memory that is this stack's alone, the
        // exclusive borrow keeps it from being run on twice, and `call_once` is for an `F`.
        unsafe { call_on((&raw mut work).cast(), call_once::<F>, end) };
        use_addrs(before);
        assert!(self.unused_bytes() > 0, "a stack of {} bytes overflowed", self.memory.len());
    }

    /// The most that was ever in use.
    #[must_use]
    pub fn high_water_bytes(&self) -> usize {
        self.memory.len() - self.unused_bytes()
    }

    /// Its length.
    #[must_use]
    pub fn len_bytes(&self) -> usize {
        self.memory.len()
    }

    fn unused_bytes(&self) -> usize {
        let words = self.memory.cast::<u32>();
        let word_count = self.memory.len() / size_of::<u32>();
        // SAFETY: the whole stack was initialised with paint, and nothing runs on it now.
        let is_painted = |index: &usize| unsafe { words.add(*index).read() } == PAINT;
        (0..word_count).take_while(is_painted).count() * size_of::<u32>()
    }
}

fn use_addrs(addrs: Range<usize>) {
    // An interrupt between the two sees a range that is too wide or empty; handlers record
    // nothing, so nobody looks.
    START_ADDR.store(addrs.start, Ordering::Relaxed);
    END_ADDR.store(addrs.end, Ordering::Relaxed);
}

/// Calls what is in the `Option<F>` at `work`.
///
/// # Safety
/// `work` points to an `Option<F>` that nothing else uses.
unsafe extern "C" fn call_once<F: FnOnce()>(work: *mut ()) {
    // SAFETY: as promised by the caller.
    let work = unsafe { &mut *work.cast::<Option<F>>() };
    if let Some(work) = work.take() {
        work();
    }
}

/// Calls `function(argument)` with the stack pointer at `top_addr`.
///
/// The chain of frame pointers starts anew there: `s0` is 0.
///
/// # Safety
/// `top_addr` is 16-byte aligned and one past memory that nothing else uses; `function` may be
/// called with `argument`.
#[unsafe(naked)]
unsafe extern "C" fn call_on(
    argument: *mut (),
    function: unsafe extern "C" fn(*mut ()),
    top_addr: usize,
) {
    naked_asm!(
        "addi sp, sp, -16",
        "sw ra, 12(sp)",
        "sw s0, 8(sp)",
        "sw s1, 4(sp)",
        "mv s1, sp",
        "mv sp, a2",
        "li s0, 0",
        "jalr a1",
        "mv sp, s1",
        "lw s1, 4(sp)",
        "lw s0, 8(sp)",
        "lw ra, 12(sp)",
        "addi sp, sp, 16",
        "ret",
    )
}
