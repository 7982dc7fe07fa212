//! Pins: an overlay that stays in its slot for as long as somebody holds it.

use crate::{
    LoadError, Overlays, Platform, Store, Tables, Writer,
    fault::explained,
    load::{Cause, Stay},
};

mod sealed {
    use crate::{LoadError, load::Stay};

    /// What pins and functions ask of the overlays.
    pub trait Hold {
        fn hold(&self, overlay: usize, stay: Stay) -> Result<(usize, u32), LoadError>;
        fn release(&self, slot: usize);
        fn lookup(&self, overlay: usize, name: &str) -> Result<u32, LoadError>;
        fn number(&self, name: &str) -> Result<usize, LoadError>;
        fn linked(&self, overlay: usize) -> (u32, u32);
    }
}
pub(crate) use sealed::Hold;

/// [`Overlays`] without its type parameters, for handles.
pub trait Loader: sealed::Hold {}

impl<S, W, P, T, const SLOTS: usize, const OVERLAYS: usize> Loader
    for Overlays<S, W, P, T, SLOTS, OVERLAYS>
where
    S: Store,
    W: Writer,
    P: Platform,
    T: Tables,
{
}

impl<S, W, P, T, const SLOTS: usize, const OVERLAYS: usize> Hold
    for Overlays<S, W, P, T, SLOTS, OVERLAYS>
where
    S: Store,
    W: Writer,
    P: Platform,
    T: Tables,
{
    fn hold(&self, overlay: usize, stay: Stay) -> Result<(usize, u32), LoadError> {
        loop {
            let mapped = explained(|why| self.ensure(overlay, Cause::Implicit, stay, why))?;
            // Another task may have evicted it since.
            let pin_count = self.with(|state| {
                let slot = state.slot(mapped.slot());
                let is_there = usize::from(slot.overlay) == overlay;
                let pin_count = slot.pin_count;
                if is_there {
                    slot.pin_count = pin_count.saturating_add(1);
                }
                is_there.then_some(pin_count)
            });
            match pin_count {
                None => {}
                Some(pin_count @ u16::MAX) => return Err(LoadError::Pinned { pin_count }),
                Some(_) => return Ok((mapped.slot(), mapped.moved)),
            }
        }
    }

    fn release(&self, slot: usize) {
        self.with(|state| state.slot(slot).pin_count -= 1);
    }

    fn lookup(&self, overlay: usize, name: &str) -> Result<u32, LoadError> {
        explained(|why| self.exported(overlay, name, why))
    }

    fn number(&self, name: &str) -> Result<usize, LoadError> {
        self.find(name)
    }

    fn linked(&self, overlay: usize) -> (u32, u32) {
        let entry = self.tables.overlay(overlay);
        (entry.code_addr, entry.code_bytes)
    }
}

/// An overlay that stays where it is until this is dropped. While it lives nothing of the overlay
/// can be evicted or unloaded, so a call costs what any call by pointer costs.
#[must_use = "an overlay is pinned for as long as this lives"]
pub struct Pin<'a> {
    loader: &'a dyn Loader,
    overlay: usize,
    slot: usize,
    moved: u32,
}

impl<'a> Pin<'a> {
    pub(crate) fn new(
        loader: &'a dyn Loader,
        overlay: usize,
        stay: Stay,
    ) -> Result<Self, LoadError> {
        let (slot, moved) = loader.hold(overlay, stay)?;
        Ok(Self { loader, overlay, slot, moved })
    }

    /// The number of the overlay.
    #[must_use]
    pub const fn overlay(&self) -> usize {
        self.overlay
    }

    /// The slot that it is in.
    #[must_use]
    pub const fn slot(&self) -> usize {
        self.slot
    }

    /// The address of what the overlay exports by this name, valid while this pin lives. Reads the
    /// table of exports from storage: keep what it answers.
    ///
    /// # Errors
    /// [`LoadError::NoSymbol`], or why the table cannot be read.
    pub fn symbol(&self, name: &str) -> Result<u32, LoadError> {
        Ok(self.place(self.loader.lookup(self.overlay, name)?))
    }

    /// Where what was linked at `addr` is now: code moves, data does not.
    pub(crate) fn place(&self, addr: u32) -> u32 {
        let (code_addr, code_bytes) = self.loader.linked(self.overlay);
        let is_code = addr.wrapping_sub(code_addr) < code_bytes;
        if is_code { addr.wrapping_add(self.moved) } else { addr }
    }
}

impl Drop for Pin<'_> {
    fn drop(&mut self) {
        self.loader.release(self.slot);
    }
}
