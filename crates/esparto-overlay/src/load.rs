//! Loading: from a number to code that can be called.

use core::num::NonZeroU16;

use esparto_image::{Part, firmware::SlotEntry};

use crate::{
    Event, LoadError, Overlays, Platform, Store, Tables, Writer,
    fault::{Checked, Refused, refuse},
    overlays::stack_pointer,
    place,
    state::{Life, NONE},
    stream::Engine,
};

/// Overlays that need one another may form a chain of this length.
pub(crate) const CHAIN_LIMIT: usize = 8;

/// Who asks for an overlay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// The user: also for one that was unloaded.
    Explicit,
    /// A call, a pin.
    Implicit,
    /// A return; the code must be where it was.
    Restore {
        /// The slot.
        slot: u16,
    },
}

/// What becomes of the code that the caller will return through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stay {
    /// Nobody finds it back: such a slot is not evicted.
    Here,
    /// The caller finds it back, or knows that there is nothing to find.
    Call,
}

/// Where an overlay is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mapped {
    /// The slot plus 1, so that a refusal takes no room beside it.
    slot: NonZeroU16,
    pub(crate) moved: u32,
}

impl Mapped {
    fn new(slot: usize, moved: u32) -> Self {
        Self { slot: NonZeroU16::MIN.saturating_add(slot as u16), moved }
    }

    pub(crate) fn slot(self) -> usize {
        usize::from(self.slot.get()) - 1
    }
}

/// What is in the slot and in the data area, and not yet announced.
struct Placed {
    slot: usize,
    moved: u32,
    pair: u32,
    code_bytes: u32,
    constructors: (u32, u16),
    destructors: (u32, u16),
    /// An overlay that must come first, in place of all else.
    needs: u16,
}

impl<S, W, P, T, const SLOTS: usize, const OVERLAYS: usize> Overlays<S, W, P, T, SLOTS, OVERLAYS>
where
    S: Store,
    W: Writer,
    P: Platform,
    T: Tables,
{
    /// Makes sure that an overlay can be called, with all that it needs.
    #[inline(never)]
    pub(crate) fn ensure(
        &self,
        overlay: usize,
        cause: Cause,
        stay: Stay,
        why: &mut LoadError,
    ) -> Checked<Mapped> {
        self.admit(overlay, why)?;
        if let Some(mapped) = self.present(overlay, false) {
            return Ok(mapped);
        }
        let turn = self.turn();
        let outcome = self.bring_chain(overlay, cause, stay, why);
        if outcome.is_err() {
            self.with(|state| {
                state.stats.failure_count = state.stats.failure_count.wrapping_add(1);
            });
        }
        drop(turn);
        outcome
    }

    /// Finds an overlay that is in a slot: one that anybody may call, or any while it is our turn.
    fn present(&self, overlay: usize, is_our_turn: bool) -> Option<Mapped> {
        self.with(|state| {
            let (slot, place) = state.slot_of(overlay)?;
            if place.is_private && !is_our_turn {
                return None;
            }
            let moved = place.moved;
            state.touch(slot);
            state.stats.hit_count = state.stats.hit_count.wrapping_add(1);
            Some(Mapped::new(slot, moved))
        })
    }

    /// Loads an overlay after those that it needs; it is our turn.
    fn bring_chain(
        &self,
        target: usize,
        cause: Cause,
        stay: Stay,
        why: &mut LoadError,
    ) -> Checked<Mapped> {
        // Somebody may have loaded it while we waited; or it is ours, and its constructors call it.
        if let Some(mapped) = self.present(target, true) {
            return Ok(mapped);
        }
        let is_ended = self.with(|state| {
            let is_ended = state.life(target).0 == Life::ENDED;
            if is_ended && cause == Cause::Explicit {
                state.set_life(target, Life::UNBORN, 0);
            }
            is_ended
        });
        if is_ended && cause != Cause::Explicit {
            return refuse(why, LoadError::Unloaded { overlay: target as u16 });
        }
        let mut chain = [target as u16; CHAIN_LIMIT];
        let mut len = 1_usize;
        // As long as one waits.
        while let Some(&overlay) = chain.get(len.wrapping_sub(1)) {
            let cause = if len == 1 { cause } else { Cause::Implicit };
            let needs = self.bring(overlay.into(), cause, stay, why)?;
            if needs == NONE {
                len -= 1;
                continue;
            }
            if chain.iter().take(len).any(|waiting| *waiting == needs) {
                return refuse(why, LoadError::CircularDependency { overlay, needs });
            }
            let Some(place) = chain.get_mut(len) else {
                return refuse(why, LoadError::TooDeep { limit: CHAIN_LIMIT });
            };
            *place = needs;
            len += 1;
        }
        let found = self.with(|state| {
            state.slot_of(target).map(|(slot, place)| Mapped::new(slot, place.moved))
        });
        match found {
            Some(mapped) => Ok(mapped),
            None => refuse(why, LoadError::Unloaded { overlay: target as u16 }),
        }
    }

    /// Loads one overlay; it is our turn. Answers [`NONE`], or the one that it needs first.
    fn bring(&self, overlay: usize, cause: Cause, stay: Stay, why: &mut LoadError) -> Checked<u16> {
        let (is_there, life) =
            self.with(|state| (state.slot_of(overlay).is_some(), state.life(overlay)));
        if is_there {
            return Ok(NONE);
        }
        let is_first = !life.0.is_alive();
        // SAFETY: it is our turn; constructors, which may load, run when this is over.
        let engine = unsafe { self.engine() };
        let outcome = self.fetch(engine, overlay, life, cause, stay);
        self.close(engine);
        let Ok(placed) = outcome else { return refuse(why, engine.why) };
        if placed.needs != NONE {
            return Ok(placed.needs);
        }
        let Placed { slot, moved, code_bytes, .. } = placed;
        self.with(|state| {
            state.touch(slot);
            let place = state.slot(slot);
            place.overlay = overlay as u16;
            place.is_private = true;
            place.moved = moved;
            (place.destructors_addr, place.destructor_count) = placed.destructors;
            state.stats.load_count = state.stats.load_count.wrapping_add(1);
            if matches!(cause, Cause::Restore { .. }) {
                state.stats.restore_count = state.stats.restore_count.wrapping_add(1);
            }
            if is_first {
                state.set_life(overlay, Life::alive(slot), placed.pair);
            }
        });
        if is_first {
            self.run_all(placed.constructors);
        }
        self.with(|state| state.slot(slot).is_private = false);
        self.tables.set_mapped(overlay, Some(moved));
        let (overlay, slot) = (overlay as u16, slot as u16);
        self.platform.event(Event::Loaded { overlay, slot, code_bytes });
        Ok(NONE)
    }

    /// Calls the functions of a table of addresses in the data of an overlay that is mapped.
    pub(crate) fn run_all(&self, (table_addr, count): (u32, u16)) {
        let before = self.platform.ticks();
        for index in 0..u32::from(count) {
            // SAFETY: the table lies in data that was verified and is alive.
            let function = unsafe { self.platform.load_data(table_addr + 4 * index) };
            // Some linkers end such tables with 0 and begin them with −1.
            if function != 0 && function != u32::MAX {
                // SAFETY: the packer put a function there, and its code is mapped.
                unsafe { self.platform.call(function) };
            }
        }
        let ticks = self.platform.ticks().wrapping_sub(before);
        self.with(|state| {
            state.stats.construct_ticks = state.stats.construct_ticks.wrapping_add(ticks);
        });
    }

    /// Reads an overlay into its slot and, if it is not alive, into its data area.
    #[inline(never)]
    fn fetch(
        &self,
        engine: &mut Engine<S, W>,
        overlay: usize,
        (life, living_pair): (Life, u32),
        cause: Cause,
        stay: Stay,
    ) -> Checked<Placed> {
        self.open(engine, overlay, Part::Code)?;
        let pair = engine.prefix.pair();
        if life.is_alive() && living_pair != fold(pair) {
            let (actual, expected) = (fold(pair), living_pair);
            return refuse(&mut engine.why, LoadError::StalePair { actual, expected });
        }
        let mut placed = Placed {
            slot: 0,
            moved: 0,
            pair: fold(pair),
            code_bytes: engine.prefix.code_bytes(),
            constructors: engine.prefix.constructors(),
            destructors: engine.prefix.destructors(),
            needs: self.first_need(engine)?,
        };
        if placed.needs != NONE {
            return Ok(placed);
        }
        if !life.is_alive() {
            self.check_data_is_free(overlay, &mut engine.why)?;
        }
        placed.slot = self.choose_slot(overlay, engine, life, cause, stay)?;
        self.evict(placed.slot, &mut engine.why)?;
        let mut code_addr = engine.prefix.code_addr();
        if engine.prefix.is_relocatable() {
            let start_addr = self.tables.slot(placed.slot).start_addr;
            placed.moved = start_addr.wrapping_sub(code_addr);
            code_addr = start_addr;
        }
        // SAFETY: the slot is empty and long enough for the code.
        unsafe { place::place(engine, &self.platform, placed.moved)? };
        #[cfg(feature = "signed")]
        engine.check_seal(&self.platform, overlay)?;
        let before = self.platform.ticks();
        engine.writer.sync(code_addr, placed.code_bytes);
        engine.spent.sync_ticks = self.platform.ticks().wrapping_sub(before);
        engine.spent.code_bytes = placed.code_bytes;
        if !life.is_alive() {
            self.open(engine, overlay, Part::Data)?;
            // Everything else that pairs have in common is the firmware's too.
            if engine.prefix.pair() != pair {
                let (actual, expected) = (fold(engine.prefix.pair()), placed.pair);
                return refuse(&mut engine.why, LoadError::StalePair { actual, expected });
            }
            // SAFETY: the data area is the overlay's, and no other that lies there is alive.
            unsafe { place::place(engine, &self.platform, placed.moved)? };
            #[cfg(feature = "signed")]
            engine.check_seal(&self.platform, overlay)?;
            engine.spent.data_bytes = engine.prefix.data_bytes();
        }
        Ok(placed)
    }

    /// Closes what is open and counts what was spent.
    pub(crate) fn close(&self, engine: &mut Engine<S, W>) {
        engine.close();
        let spent = core::mem::replace(&mut engine.spent, crate::Stats::NONE);
        self.with(|state| state.stats.add(&spent));
    }

    /// Opens a file and holds its header to the firmware.
    pub(crate) fn open(
        &self,
        engine: &mut Engine<S, W>,
        overlay: usize,
        part: Part,
    ) -> Checked<()> {
        engine.open(
            &self.platform,
            #[cfg(feature = "signed")]
            overlay,
            self.tables.name(overlay),
            part,
        )?;
        let (prefix, why) = (&engine.prefix, &mut engine.why);
        let (firmware, entry) = (self.tables.identity(), self.tables.overlay(overlay));
        if prefix.part() != part.code() {
            return refuse(why, LoadError::WrongPart { expected: part });
        }
        let is_ours = equal(prefix.name(), self.tables.name(overlay).as_bytes());
        if usize::from(prefix.overlay()) != overlay || !is_ours {
            let (actual, expected) = (prefix.overlay(), overlay as u16);
            return refuse(why, LoadError::WrongOverlay { actual, expected });
        }
        if !equal(prefix.chip(), firmware.chip) {
            return refuse_chip(why, prefix.chip(), firmware.chip);
        }
        // The compressed RISC-V sets include one another; Xtensa cores differ too much.
        let (actual, expected) = (prefix.isa(), firmware.isa);
        let runs = if expected < FIRST_XTENSA { actual <= expected } else { actual == expected };
        if !runs {
            return refuse(why, LoadError::WrongIsa { actual, expected });
        }
        let (actual, expected) = (prefix.abi(), firmware.abi);
        if actual != expected {
            return refuse(why, LoadError::WrongAbi { actual, expected });
        }
        if !equal(prefix.build_id(), firmware.build_id) {
            let expected = firmware.build_id.first_chunk().map_or(0, |id| u32::from_le_bytes(*id));
            let actual = prefix.build_id()[0];
            return refuse(why, LoadError::WrongBuild { actual, expected });
        }
        let (actual, expected) = (prefix.slot(), entry.slot);
        if actual != expected {
            return refuse(why, LoadError::WrongSlot { actual, expected });
        }
        let is_code_there =
            (prefix.code_addr(), prefix.code_bytes()) == (entry.code_addr, entry.code_bytes);
        let is_data_there =
            (prefix.data_addr(), prefix.data_bytes()) == (entry.data_addr, entry.data_bytes);
        if !is_code_there || !is_data_there {
            let (part, actual_addr, expected_addr) = if is_code_there {
                (Part::Data, prefix.data_addr(), entry.data_addr)
            } else {
                (Part::Code, prefix.code_addr(), entry.code_addr)
            };
            return refuse(why, LoadError::WrongPlace { part, actual_addr, expected_addr });
        }
        Ok(())
    }

    /// The first overlay that must come before this one and is not alive, or [`NONE`].
    fn first_need(&self, engine: &mut Engine<S, W>) -> Checked<u16> {
        let count = self.tables.overlay_count();
        let (prefix, why) = (&engine.prefix, &mut engine.why);
        for index in 0..prefix.dependency_count() {
            let needs = prefix.dependency(index);
            let actual = usize::from(needs);
            if actual >= count {
                return refuse(why, LoadError::UnknownOverlay { actual, count });
            }
            let life = self.with(|state| state.life(actual).0);
            if life == Life::ENDED {
                return refuse(why, LoadError::Unloaded { overlay: needs });
            }
            if !life.is_alive() {
                return Ok(needs);
            }
        }
        Ok(NONE)
    }

    /// No other overlay that is alive has data where this one's will lie.
    #[inline(never)]
    fn check_data_is_free(&self, overlay: usize, why: &mut LoadError) -> Checked<()> {
        let entry = self.tables.overlay(overlay);
        let end_addr = entry.data_addr.wrapping_add(entry.data_bytes);
        for other in 0..self.tables.overlay_count() {
            let there = self.tables.overlay(other);
            let overlaps = there.data_addr < end_addr
                && entry.data_addr < there.data_addr.wrapping_add(there.data_bytes);
            if overlaps && other != overlay && self.with(|state| state.life(other).0.is_alive()) {
                return refuse(why, LoadError::DataInUse { by: other as u16 });
            }
        }
        Ok(())
    }

    /// Chooses the slot for an overlay: an empty one, or the one that was not asked for longest.
    /// Linear in the slots.
    #[inline(never)]
    fn choose_slot(
        &self,
        overlay: usize,
        engine: &mut Engine<S, W>,
        life: Life,
        cause: Cause,
        stay: Stay,
    ) -> Checked<usize> {
        let prefix = &engine.prefix;
        let needed_bytes = prefix.code_bytes();
        let is_fixed = !prefix.is_relocatable();
        let only = match cause {
            _ if is_fixed => Some(usize::from(prefix.slot())),
            Cause::Restore { slot } => Some(slot.into()),
            // The data may point into the code, so that the code goes where it was.
            _ if life.is_alive() && self.tables.overlay(overlay).data_bytes != 0 => {
                Some(life.slot())
            }
            _ => None,
        };
        let stack_addr = stack_pointer();
        let mut longest_bytes = 0;
        let mut best = None;
        let mut is_pinned = false;
        engine.why = LoadError::TooLarge { needed_bytes, slot_bytes: 0 };
        for index in 0..self.tables.slot_count().min(SLOTS) {
            if only.is_some_and(|only| only != index) {
                continue;
            }
            let SlotEntry { start_addr, len_bytes } = self.tables.slot(index);
            longest_bytes = longest_bytes.max(len_bytes);
            if len_bytes < needed_bytes {
                continue;
            }
            let from = prefix.code_addr().wrapping_sub(start_addr);
            if is_fixed && from > len_bytes - needed_bytes {
                let (actual_addr, expected_addr) = (prefix.code_addr(), start_addr);
                let part = Part::Code;
                let error = LoadError::WrongPlace { part, actual_addr, expected_addr };
                return refuse(&mut engine.why, error);
            }
            let slot = index as u16;
            // The clock may wrap: ages are differences.
            let (is_empty, is_held, pin_count, age) = self.with(|state| {
                let clock = state.clock;
                let place = state.slot(index);
                let is_held = place.pin_count != 0 || place.is_private;
                let age = clock.wrapping_sub(place.used_at);
                (place.overlay == NONE, is_held, place.pin_count, age)
            });
            let age = if is_empty { u32::MAX } else { age };
            if !is_empty {
                let end_addr = start_addr.wrapping_add(len_bytes);
                if is_held || self.platform.is_elsewhere(start_addr, end_addr) {
                    engine.why = LoadError::AllPinned { slot, pin_count };
                    is_pinned = true;
                    continue;
                }
                if stay == Stay::Here && self.is_called_from(stack_addr, index) {
                    if !is_pinned {
                        engine.why = LoadError::InUse { slot };
                    }
                    continue;
                }
            }
            if best.is_none_or(|(oldest, _)| age > oldest) {
                best = Some((age, index));
            }
        }
        if let LoadError::TooLarge { slot_bytes, .. } = &mut engine.why {
            *slot_bytes = longest_bytes;
        }
        best.map(|(_, index)| index).ok_or(Refused)
    }

    /// Empties a slot, before anything is written to it. Nobody was in it when it was chosen; who
    /// came since then keeps it.
    #[inline(never)]
    pub(crate) fn evict(&self, slot: usize, why: &mut LoadError) -> Checked<()> {
        let (overlay, moved) =
            self.with(|state| (state.slot(slot).overlay, state.slot(slot).moved));
        if overlay == NONE {
            return Ok(());
        }
        // No call enters from here on, so that whoever is not inside now never will be.
        self.tables.set_mapped(overlay.into(), None);
        let SlotEntry { start_addr, len_bytes } = self.tables.slot(slot);
        let is_elsewhere =
            self.platform.is_elsewhere(start_addr, start_addr.wrapping_add(len_bytes));
        let pin_count = self.with(|state| {
            let place = state.slot(slot);
            if place.pin_count == 0 && !is_elsewhere {
                place.overlay = NONE;
                state.stats.eviction_count = state.stats.eviction_count.wrapping_add(1);
                return None;
            }
            Some(place.pin_count)
        });
        let slot = slot as u16;
        if let Some(pin_count) = pin_count {
            self.tables.set_mapped(overlay.into(), Some(moved));
            return refuse(why, LoadError::AllPinned { slot, pin_count });
        }
        self.platform.event(Event::Evicted { overlay, slot });
        Ok(())
    }
}

/// The eight bytes of a pair's mark in four.
const fn fold(pair: u64) -> u32 {
    pair as u32 ^ (pair >> 32) as u32
}

/// The first code of an Xtensa core.
const FIRST_XTENSA: u8 = esparto_image::Isa::XtensaLx106.code();

/// Tells the beginnings of two chips' names.
#[cold]
fn refuse_chip<T>(why: &mut LoadError, words: &[u32; 5], chip: &[u8; 20]) -> Checked<T> {
    let (mut actual, mut expected) = ([0; 8], [0; 8]);
    for index in 0..8 {
        actual[index] = (words[index / 4] >> (8 * (index % 4))) as u8;
        expected[index] = chip[index];
    }
    refuse(why, LoadError::WrongChip { actual, expected })
}

/// Are the bytes of `words` those of `text`, padded with zeros?
#[inline(never)]
fn equal(words: &[u32], text: &[u8]) -> bool {
    let mut rest = text.iter();
    let is_equal = |word: &u32| {
        word.to_le_bytes().iter().all(|byte| *byte == rest.next().copied().unwrap_or(0))
    };
    words.iter().all(is_equal) && rest.next().is_none()
}
