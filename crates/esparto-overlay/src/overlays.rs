//! The overlays of a firmware: one value, shared by all tasks.

use core::cell::UnsafeCell;

use crate::{
    LoadError, Pin, Platform, Stats, Store, Tables, Writer,
    fault::{Checked, explained, refuse},
    function::Function,
    load::{Cause, Stay},
    state::{Life, Lives, NONE, State},
    stream::Engine,
};

/// Loads, pins and evicts the overlays of a firmware.
///
/// `SLOTS` and `OVERLAYS` are the most that it can manage. It is shared: every method takes `&self`,
/// one task loads at a time and the others wait for it, which also makes two tasks that ask for the
/// same overlay load it once. Bookkeeping is done in critical sections of bounded length; storage is
/// never read in one.
///
/// What it costs in RAM is nine bytes for each overlay, 24 for each slot, and some 700 for the rest.
pub struct Overlays<S: Store, W, P, T, const SLOTS: usize, const OVERLAYS: usize> {
    state: UnsafeCell<State<SLOTS>>,
    pub(crate) lives: Lives<OVERLAYS>,
    engine: UnsafeCell<Engine<S, W>>,
    pub(crate) platform: P,
    pub(crate) tables: T,
}

// SAFETY: the engine is only used by the task whose turn it is, and everything else is behind the
// critical section or shared by its own type.
unsafe impl<S: Store + Send, W: Send, P: Sync, T: Sync, const SLOTS: usize, const OVERLAYS: usize>
    Sync for Overlays<S, W, P, T, SLOTS, OVERLAYS>
{
}

/// A task's turn to load. Ends when dropped.
pub(crate) struct Turn<'a, S: Store, W, P, T, const SLOTS: usize, const OVERLAYS: usize> {
    overlays: &'a Overlays<S, W, P, T, SLOTS, OVERLAYS>,
}

impl<S: Store, W, P, T, const SLOTS: usize, const OVERLAYS: usize> Drop
    for Turn<'_, S, W, P, T, SLOTS, OVERLAYS>
{
    fn drop(&mut self) {
        self.overlays.end_turn(false);
    }
}

impl<S: Store, W, P, T, const SLOTS: usize, const OVERLAYS: usize>
    Turn<'_, S, W, P, T, SLOTS, OVERLAYS>
{
    /// Ends it; did what it was for fail?
    #[inline]
    pub(crate) fn end(self, is_failure: bool) {
        self.overlays.end_turn(is_failure);
        core::mem::forget(self);
    }
}

impl<S: Store, W, P, T, const SLOTS: usize, const OVERLAYS: usize>
    Overlays<S, W, P, T, SLOTS, OVERLAYS>
{
    /// The state, in a critical section. Nothing that is given to this calls it again.
    #[inline]
    pub(crate) fn with<R>(&self, work: impl FnOnce(&mut State<SLOTS>) -> R) -> R {
        // SAFETY: nobody else is in a critical section, and this one is not entered twice.
        critical_section::with(|_| work(unsafe { &mut *self.state.get() }))
    }

    /// The turn is over; did it fail?
    #[inline]
    fn end_turn(&self, is_failure: bool) {
        self.with(|state| {
            state.depth -= 1;
            let failures = &mut state.stats.failure_count;
            *failures = failures.wrapping_add(is_failure.into());
        });
    }

    /// The engine.
    ///
    /// # Safety
    /// It is this task's turn, and the reference before is no longer used.
    #[expect(clippy::mut_from_ref, reason = "the turn is what makes it exclusive")]
    pub(crate) unsafe fn engine(&self) -> &mut Engine<S, W> {
        // SAFETY: as promised by the caller.
        unsafe { &mut *self.engine.get() }
    }
}

impl<S, W, P, T, const SLOTS: usize, const OVERLAYS: usize> Overlays<S, W, P, T, SLOTS, OVERLAYS>
where
    S: Store,
    W: Writer,
    P: Platform,
    T: Tables,
{
    /// Overlays from `store`, written by `writer`, through `bounce`: at least 512 bytes and best a
    /// multiple of that, within reach of the storage's DMA. Relocatable and compressed images need
    /// room for two blocks, 2,576 bytes with the packer's usual block length.
    ///
    /// # Errors
    /// [`LoadError::TooManyForLoader`].
    pub fn new(
        store: S,
        writer: W,
        platform: P,
        tables: T,
        bounce: &'static mut [u32],
    ) -> Result<Self, LoadError> {
        for (actual, limit) in [(tables.slot_count(), SLOTS), (tables.overlay_count(), OVERLAYS)] {
            if actual > limit {
                return Err(LoadError::TooManyForLoader { actual, limit });
            }
        }
        Ok(Self {
            state: UnsafeCell::new(State::new()),
            lives: Lives::new(),
            engine: UnsafeCell::new(Engine::new(store, writer, bounce)),
            platform,
            tables,
        })
    }

    /// What everything that may load begins with: not in an interrupt, and of an overlay there is.
    pub(crate) fn admit(&self, overlay: usize, why: &mut LoadError) -> Checked<()> {
        if self.platform.in_interrupt() {
            return refuse(why, LoadError::InInterrupt);
        }
        let count = self.tables.overlay_count();
        if overlay >= count {
            return refuse(why, LoadError::UnknownOverlay { actual: overlay, count });
        }
        Ok(())
    }

    /// The number of the overlay with this name. Linear in their number.
    ///
    /// # Errors
    /// [`LoadError::UnknownName`].
    pub fn find(&self, name: &str) -> Result<usize, LoadError> {
        self.tables.find(name).ok_or(LoadError::UnknownName)
    }

    /// Loads an overlay, so that its calls find it. Brings back one that was unloaded.
    ///
    /// # Errors
    /// Why it cannot be loaded; the slot is empty or as it was.
    pub fn load(&self, overlay: usize) -> Result<(), LoadError> {
        explained(|why| {
            self.admit(overlay, why)?;
            // Who finds it need not wait for those that load.
            let turn = (!self.is_mapped(overlay)).then(|| self.turn());
            if turn.is_some() && self.lives.get(overlay) == Life::ENDED {
                self.lives.set(overlay, Life::UNBORN);
            }
            self.ensure(overlay, Cause::Implicit, Stay::Here, why).map(|_| ())
        })
    }

    /// Loads an overlay that will be needed soon; unlike [`load`](Self::load) it does not bring back
    /// one that was unloaded.
    ///
    /// # Errors
    /// As for [`load`](Self::load).
    pub fn prefetch(&self, overlay: usize) -> Result<(), LoadError> {
        explained(|why| self.ensure(overlay, Cause::Implicit, Stay::Here, why).map(|_| ()))
    }

    /// Loads an overlay without asking whether the caller will return into the slot, where
    /// [`load`](Self::load) refuses with [`LoadError::InUse`] as soon as its stack looks like it.
    ///
    /// # Errors
    /// As for [`prefetch`](Self::prefetch).
    ///
    /// # Safety
    /// No caller of this function is in an overlay: as in a task's main loop.
    pub unsafe fn load_at_top(&self, overlay: usize) -> Result<(), LoadError> {
        explained(|why| self.ensure(overlay, Cause::Implicit, Stay::Call, why).map(|_| ()))
    }

    /// Loads an overlay and keeps it in its slot for as long as the pin lives.
    ///
    /// # Errors
    /// As for [`prefetch`](Self::prefetch), and [`LoadError::InUse`] where the caller may return into
    /// what would be evicted.
    pub fn pin(&self, overlay: usize) -> Result<Pin<'_>, LoadError> {
        Pin::new(self, overlay, Stay::Here)
    }

    /// Calls a function of an overlay: loads it, gives it to `work`, and finds back what the caller
    /// returns through, should it have been evicted.
    ///
    /// # Errors
    /// As for [`prefetch`](Self::prefetch), and [`LoadError::NoSymbol`]; `work` was not called.
    pub fn call<F: Copy, R>(
        &self,
        function: &Function<F>,
        work: impl FnOnce(F) -> R,
    ) -> Result<R, LoadError> {
        let before = self.occupants();
        let stack_addr = stack_pointer();
        let outcome = function.bind(self, Stay::Call).map(|bound| work(*bound));
        self.restore_displaced(&before, stack_addr);
        outcome
    }

    /// Runs the destructors of an overlay, frees its slot and lets its data go. Calls of it are
    /// refused from now on, until it is loaded again.
    ///
    /// # Errors
    /// [`LoadError::Pinned`], [`LoadError::InUse`], or why its code cannot be loaded for its
    /// destructors.
    pub fn unload(&self, overlay: usize) -> Result<(), LoadError> {
        explained(|why| self.end(overlay, why))
    }

    /// The address of what an overlay exports by this name. Reads the table of exports from storage.
    ///
    /// # Errors
    /// [`LoadError::NoSymbol`], or why the table cannot be read.
    pub fn symbol(&self, overlay: usize, name: &str) -> Result<u32, LoadError> {
        explained(|why| self.exported(overlay, name, why))
    }

    /// Is the overlay in a slot, so that a call finds it?
    #[must_use]
    pub fn is_mapped(&self, overlay: usize) -> bool {
        self.with(|state| state.slot_of(overlay).is_some_and(|(_, slot)| !slot.is_private))
    }

    /// Is the data of the overlay there, constructed?
    #[must_use]
    pub fn is_alive(&self, overlay: usize) -> bool {
        self.lives.get(overlay).is_alive()
    }

    /// What is in each slot: the number of the overlay, if anything can be called there.
    #[must_use]
    pub fn slots(&self) -> [Option<u16>; SLOTS] {
        self.with(|state| {
            state
                .slots
                .map(|slot| (slot.overlay != NONE && !slot.is_private).then_some(slot.overlay))
        })
    }

    /// What was done so far.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.with(|state| state.stats)
    }

    /// The names and places of the overlays.
    #[must_use]
    pub fn tables(&self) -> &T {
        &self.tables
    }

    /// What the loader asks of the firmware.
    #[must_use]
    pub fn platform(&self) -> &P {
        &self.platform
    }

    /// Waits for this task's turn to load.
    pub(crate) fn turn(&self) -> Turn<'_, S, W, P, T, SLOTS, OVERLAYS> {
        let task = self.platform.task();
        loop {
            let is_ours = self.with(|state| {
                let is_ours = state.depth == 0 || state.owner == task;
                if is_ours {
                    state.owner = task;
                    state.depth += 1;
                }
                is_ours
            });
            if is_ours {
                return Turn { overlays: self };
            }
            self.platform.wait();
        }
    }

    /// What is in each slot, called or not.
    #[inline(never)]
    pub(crate) fn occupants(&self) -> [u16; SLOTS] {
        let mut overlays = [NONE; SLOTS];
        self.with(|state| {
            for (overlay, slot) in overlays.iter_mut().zip(&state.slots) {
                *overlay = slot.overlay;
            }
        });
        overlays
    }
}

/// About where the stack of the caller is. Frames above it are its callers'.
#[inline(always)]
pub(crate) fn stack_pointer() -> usize {
    let marker = 0_u32;
    (&raw const marker).addr() & !3
}
