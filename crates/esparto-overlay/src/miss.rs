//! The way from a stub into the loader and back; `frame` has the assembly of it.

use core::cell::Cell;

use critical_section::Mutex;
use esparto_image::firmware::FunctionRecord;

use crate::frame::Frame;
use crate::{LoadError, Missed, Overlays, Platform, Store, Tables, Writer};

/// What the assembly calls, once there are overlays.
trait Handler: Sync {
    fn missed(&self, record: &FunctionRecord, frame: &mut Frame) -> usize;
    fn returned(&self, stack_addr: usize) -> usize;
    fn jumped(&self, stack_addr: usize);
}

static HANDLER: Mutex<Cell<Option<&'static dyn Handler>>> = Mutex::new(Cell::new(None));

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
        frame.take_arguments(self.platform.stack_end_addr());
        let (return_addr, stack_addr) = (frame.return_addr(), frame.stack_addr());
        let call = Missed { overlay, return_addr, stack_addr };
        let (mut is_displaced, mut why) = (false, LoadError::InInterrupt);
        let outcome = self.miss(call, &mut is_displaced, &mut why);
        if is_displaced {
            frame.displace();
        }
        match outcome {
            Ok(moved) => record.target_addr.wrapping_add(moved) as usize,
            Err(_) => frame.answer(self.platform.refused(overlay, &why)),
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
    match critical_section::with(|section| HANDLER.borrow(section).get()) {
        Some(handler) => handler,
        None => panic!("call `Overlays::install` before the first function of an overlay"),
    }
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
