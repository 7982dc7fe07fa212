//! The way from a stub into the loader and back, in the assembly of RISC-V and of Xtensa (call0).

use core::cell::Cell;

use critical_section::Mutex;
use esparto_image::firmware::FunctionRecord;

use crate::{LoadError, Missed, Overlays, Platform, Store, Tables, Writer};

#[cfg(target_arch = "xtensa")]
core::arch::global_asm!(include_str!("miss_xtensa.S"));
#[cfg(all(target_arch = "riscv32", target_feature = "f"))]
core::arch::global_asm!(".set ESPARTO_FLOATS, 1", include_str!("miss.S"));
#[cfg(all(target_arch = "riscv32", not(target_feature = "f")))]
core::arch::global_asm!(include_str!("miss.S"));

/// What the assembly calls, once there are overlays.
trait Handler: Sync {
    fn missed(&self, record: &FunctionRecord, frame: &mut Frame) -> usize;
    fn returned(&self, stack_addr: usize) -> usize;
    fn jumped(&self, stack_addr: usize);
}

static HANDLER: Mutex<Cell<Option<&'static dyn Handler>>> = Mutex::new(Cell::new(None));

/// How many registers hold arguments.
const ARGUMENT_COUNT: usize = if cfg!(target_arch = "xtensa") { 6 } else { 8 };

/// The registers that the miss path keeps: those of a call's arguments, in the order of the assembly.
/// Those of LLVM's own convention follow, which nobody looks at.
#[repr(C)]
struct Frame {
    arguments: [usize; ARGUMENT_COUNT],
    static_chain: usize,
    return_addr: usize,
}

/// Bytes that the assembly takes from the stack, up to the caller's stack pointer.
const FRAME_BYTES: usize = if cfg!(target_arch = "xtensa") {
    32
} else if cfg!(target_feature = "f") {
    144
} else {
    64
};

unsafe extern "C" {
    /// The assembly: calls [`esparto_overlay_returned`] and returns to where that says.
    fn __esparto_overlay_return();
    /// The assembly: returns at once.
    fn __esparto_overlay_answer();
}

impl<S, W, P, T, const SLOTS: usize, const OVERLAYS: usize> Handler
    for Overlays<S, W, P, T, SLOTS, OVERLAYS>
where
    S: Store + Send,
    W: Writer + Send,
    P: Platform,
    T: Tables + Sync,
{
    fn missed(&self, record: &FunctionRecord, frame: &mut Frame) -> usize {
        let overlay = usize::from(record.overlay);
        let stack_addr = (&raw const *frame).addr() + FRAME_BYTES;
        let call = Missed { overlay, return_addr: frame.return_addr, stack_addr };
        let (mut is_displaced, mut why) = (false, LoadError::InInterrupt);
        let outcome = self.miss(call, &mut is_displaced, &mut why);
        if is_displaced {
            frame.return_addr = __esparto_overlay_return as *const () as usize;
        }
        match outcome {
            Ok(moved) => record.target_addr.wrapping_add(moved) as usize,
            Err(_) => {
                frame.arguments[0] = self.platform.refused(overlay, &why) as usize;
                __esparto_overlay_answer as *const () as usize
            }
        }
    }

    fn returned(&self, stack_addr: usize) -> usize {
        Overlays::returned(self, stack_addr)
    }

    fn jumped(&self, stack_addr: usize) {
        Overlays::jumped(self, stack_addr);
    }
}

impl<S, W, P, T, const SLOTS: usize, const OVERLAYS: usize> Overlays<S, W, P, T, SLOTS, OVERLAYS>
where
    S: Store + Send + 'static,
    W: Writer + Send + 'static,
    P: Platform + 'static,
    T: Tables + Sync + 'static,
{
    /// Makes these the overlays that the firmware's stubs load.
    ///
    /// # Errors
    /// [`LoadError::InInterrupt`].
    pub fn install(&'static self) -> Result<(), LoadError> {
        if self.platform.in_interrupt() {
            return Err(LoadError::InInterrupt);
        }
        critical_section::with(|section| HANDLER.borrow(section).set(Some(self)));
        Ok(())
    }
}

fn handler() -> &'static dyn Handler {
    critical_section::with(|section| HANDLER.borrow(section).get())
        .expect("call `Overlays::install` before the first function of an overlay")
}

/// # Safety
/// Called by the assembly only.
#[unsafe(no_mangle)]
unsafe extern "C" fn __esparto_overlay_missed(
    record: *const FunctionRecord,
    frame: *mut Frame,
) -> usize {
    // SAFETY: the stub gave its record, a constant, and the assembly its frame.
    unsafe { handler().missed(&*record, &mut *frame) }
}

#[unsafe(no_mangle)]
extern "C" fn __esparto_overlay_returned(stack_addr: usize) -> usize {
    handler().returned(stack_addr)
}

#[unsafe(no_mangle)]
extern "C" fn __esparto_overlay_jumped(stack_addr: usize) {
    handler().jumped(stack_addr);
}
