//! Unloading: the end of an overlay's life.

use crate::{
    Event, LoadError, Overlays, Platform, Store, Tables, Writer,
    load::{Cause, Stay},
    overlays::stack_pointer,
    state::{Life, Occupant},
};

impl<S, W, P, T, const SLOTS: usize, const OVERLAYS: usize> Overlays<S, W, P, T, SLOTS, OVERLAYS>
where
    S: Store,
    W: Writer,
    P: Platform,
    T: Tables,
{
    /// Runs the destructors, frees the slot, lets the data go.
    pub(crate) fn end(&self, overlay: usize) -> Result<(), LoadError> {
        self.admit(overlay)?;
        let _turn = self.turn();
        if !matches!(self.with(|state| state.life(overlay)), Life::Alive(_)) {
            self.with(|state| state.set_life(overlay, Life::Ended, 0));
            return Ok(());
        }
        let slot = match self.with(|state| state.slot_of(overlay)) {
            Some(slot) => slot,
            // The destructors are code too.
            None => self.ensure(overlay, Cause::Implicit, Stay::Here)?.slot,
        };
        let is_awaited = self.with(|state| state.returns.awaits(overlay as u16));
        if is_awaited || self.is_called_from(stack_pointer(), slot) {
            return Err(LoadError::InUse { slot: slot as u16 });
        }
        let (addr, count) = self.with(|state| {
            let place = &mut state.slots[slot];
            match place.pin_count {
                0 if place.occupant == Occupant::Mapped(overlay as u16) => {
                    place.occupant = Occupant::Private(overlay as u16);
                    Ok((place.destructors_addr, place.destructor_count))
                }
                pin_count => Err(LoadError::Pinned { pin_count }),
            }
        })?;
        self.tables.set_mapped(overlay, None);
        self.run_all(addr, count);
        self.with(|state| {
            state.slots[slot].occupant = Occupant::Empty;
            state.set_life(overlay, Life::Ended, 0);
        });
        self.platform.event(Event::Unloaded { overlay: overlay as u16 });
        Ok(())
    }
}
