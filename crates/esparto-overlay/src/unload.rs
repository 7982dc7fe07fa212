//! Unloading: the end of an overlay's life.

use crate::{
    Event, LoadError, Overlays, Platform, Store, Tables, Writer,
    fault::{Checked, refuse},
    load::{Cause, Stay},
    overlays::stack_pointer,
    state::{Life, NONE},
};

impl<S, W, P, T, const SLOTS: usize, const OVERLAYS: usize> Overlays<S, W, P, T, SLOTS, OVERLAYS>
where
    S: Store,
    W: Writer,
    P: Platform,
    T: Tables,
{
    /// Runs the destructors, frees the slot, lets the data go.
    pub(crate) fn end(&self, overlay: usize, why: &mut LoadError) -> Checked<()> {
        self.admit(overlay, why)?;
        let _turn = self.turn();
        if !self.lives.get(overlay).is_alive() {
            self.lives.set(overlay, Life::ENDED);
            return Ok(());
        }
        let slot = self.with(|state| state.slot_of(overlay).map(|(slot, _)| slot));
        let slot = match slot {
            Some(slot) => slot,
            // The destructors are code too.
            None => self.ensure(overlay, Cause::Implicit, Stay::Here, why)?.slot(),
        };
        let is_awaited = self.with(|state| state.returns.awaits(overlay as u16));
        if is_awaited || self.is_called_from(stack_pointer(), slot) {
            return refuse(why, LoadError::InUse { slot: slot as u16 });
        }
        let destructors = self.with(|state| {
            let place = state.slot(slot);
            if place.pin_count != 0 || place.is_private {
                return Err(place.pin_count);
            }
            place.is_private = true;
            Ok((place.destructors_addr, place.destructor_count))
        });
        let destructors = match destructors {
            Ok(destructors) => destructors,
            Err(pin_count) => return refuse(why, LoadError::Pinned { pin_count }),
        };
        self.tables.set_mapped(overlay, None);
        let ticks = self.run_all(destructors);
        self.lives.set(overlay, Life::ENDED);
        self.with(|state| {
            state.slot(slot).overlay = NONE;
            state.slot(slot).is_private = false;
            state.stats.construct_ticks = state.stats.construct_ticks.wrapping_add(ticks);
        });
        self.platform.event(Event::Unloaded { overlay: overlay as u16 });
        Ok(())
    }
}
