//! Loading: from a number to code that can be called.

use core::num::NonZeroUsize;

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

/// The longest name of a file: an overlay's with `_e` or `_d`.
const MAX_FILE_NAME_BYTES: usize = esparto_image::MAX_NAME_BYTES + 2;

/// Who asks for an overlay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// A load, a call, a pin.
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
    /// Twice the slot and 1, so that a refusal takes no room beside it.
    slot: NonZeroUsize,
    pub(crate) moved: u32,
}

impl Mapped {
    fn new(slot: usize, moved: u32) -> Self {
        Self { slot: NonZeroUsize::MIN | (slot << 1), moved }
    }

    pub(crate) fn slot(self) -> usize {
        self.slot.get() >> 1
    }
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
        if let Some(mapped) = self.present(overlay, false, 1) {
            return Ok(mapped);
        }
        let turn = self.turn();
        let outcome = self.bring_chain(overlay, cause, stay, why);
        turn.end(outcome.is_err());
        outcome
    }

    /// Finds an overlay that is in a slot: one that anybody may call, or any while it is our turn.
    #[inline(never)]
    fn present(&self, overlay: usize, is_our_turn: bool, hit_count: u32) -> Option<Mapped> {
        self.with(|state| {
            let now = state.tick();
            let (slot, place) = state.slot_of(overlay)?;
            if place.is_private && !is_our_turn {
                return None;
            }
            place.used_at = now;
            let mapped = Mapped::new(slot, place.moved);
            state.stats.hit_count = state.stats.hit_count.wrapping_add(hit_count);
            Some(mapped)
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
        // Those that wait, the one that comes next last; places behind it hold the target.
        let mut chain = [target; CHAIN_LIMIT];
        let mut len = 1_usize;
        // Somebody may have loaded it while we waited; or it is ours, and its constructors call it.
        let mut hit_count = 1;
        let mut brought = usize::MAX;
        loop {
            let overlay = chain[(len - 1) % CHAIN_LIMIT];
            if let Some(mapped) = self.present(overlay, true, hit_count) {
                len -= 1;
                if len == 0 {
                    return Ok(mapped);
                }
                chain[len % CHAIN_LIMIT] = target;
                continue;
            }
            hit_count = 0;
            // Also what came a moment ago and is gone: whoever was told of it took it away.
            if overlay == brought || self.lives.get(overlay) == Life::ENDED {
                return refuse(why, LoadError::Unloaded { overlay: overlay as u16 });
            }
            let cause = if len == 1 { cause } else { Cause::Implicit };
            let needs = self.bring(overlay, cause, stay, why)?;
            if needs == NONE {
                brought = overlay;
                continue;
            }
            if chain.contains(&needs.into()) {
                let overlay = overlay as u16;
                return refuse(why, LoadError::CircularDependency { overlay, needs });
            }
            if len == CHAIN_LIMIT {
                return refuse(why, LoadError::TooDeep { limit: CHAIN_LIMIT });
            }
            chain[len % CHAIN_LIMIT] = needs.into();
            len += 1;
        }
    }

    /// Loads one overlay; it is our turn. Answers [`NONE`], or the one that it needs first.
    fn bring(&self, overlay: usize, cause: Cause, stay: Stay, why: &mut LoadError) -> Checked<u16> {
        let life = self.lives.get(overlay);
        // SAFETY: it is our turn; constructors, which may load, run when this is over.
        let engine = unsafe { self.engine() };
        let outcome = self.fetch(engine, overlay, life, cause, stay);
        self.close(engine);
        match outcome {
            Ok(NONE) => {}
            Ok(needs) => return Ok(needs),
            Err(Refused) => return refuse(why, engine.why),
        }
        let (slot, moved) = (engine.slot, engine.moved);
        let prefix = &engine.prefix;
        let (code_bytes, constructors) = (prefix.code_bytes(), prefix.constructors());
        self.with(|state| {
            let now = state.tick();
            let place = state.slot(slot);
            place.used_at = now;
            place.overlay = overlay as u16;
            place.is_private = true;
            place.moved = moved;
            (place.destructors_addr, place.destructor_count) = prefix.destructors();
            state.stats.load_count = state.stats.load_count.wrapping_add(1);
            if matches!(cause, Cause::Restore { .. }) {
                state.stats.restore_count = state.stats.restore_count.wrapping_add(1);
            }
        });
        let mut ticks = 0;
        if !life.is_alive() {
            self.lives.begin(overlay, slot, fold(prefix.pair()));
            ticks = self.run_all(constructors);
        }
        self.with(|state| {
            state.slot(slot).is_private = false;
            state.stats.construct_ticks = state.stats.construct_ticks.wrapping_add(ticks);
        });
        self.tables.set_mapped(overlay, Some(moved));
        let (overlay, slot) = (overlay as u16, slot as u16);
        self.platform.event(Event::Loaded { overlay, slot, code_bytes });
        Ok(NONE)
    }

    /// Calls the functions of a table of addresses in the data of an overlay that is mapped; says
    /// how long it took.
    pub(crate) fn run_all(&self, (table_addr, count): (u32, u16)) -> u32 {
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
        self.platform.ticks().wrapping_sub(before)
    }

    /// Reads an overlay into its slot and, if it is not alive, into its data area. Answers
    /// [`NONE`], or an overlay that must come first, in place of all else.
    #[inline(never)]
    fn fetch(
        &self,
        engine: &mut Engine<S, W>,
        overlay: usize,
        life: Life,
        cause: Cause,
        stay: Stay,
    ) -> Checked<u16> {
        self.open(engine, overlay, Part::Code)?;
        let pair = engine.prefix.pair();
        let living = self.lives.pair(overlay);
        if life.is_alive() && fold(pair) != living {
            return refuse_pair(&mut engine.why, fold(pair), living);
        }
        let needs = self.first_need(engine)?;
        if needs != NONE {
            return Ok(needs);
        }
        if !life.is_alive() {
            self.check_data_is_free(overlay, engine)?;
        }
        engine.slot = self.choose_slot(engine, life, cause, stay)?;
        self.evict(engine.slot, &mut engine.why)?;
        let mut code_addr = engine.prefix.code_addr();
        engine.moved = 0;
        if engine.prefix.is_relocatable() {
            let start_addr = self.tables.slot(engine.slot).start_addr;
            engine.moved = start_addr.wrapping_sub(code_addr);
            code_addr = start_addr;
        }
        // SAFETY: the slot is empty and long enough for the code.
        unsafe { place::place(engine, &self.platform)? };
        #[cfg(feature = "signed")]
        engine.check_seal(&self.platform, overlay)?;
        let before = self.platform.ticks();
        let code_bytes = engine.prefix.code_bytes();
        engine.writer.sync(code_addr, code_bytes);
        engine.spent.sync_ticks = self.platform.ticks().wrapping_sub(before);
        engine.spent.code_bytes = code_bytes;
        if !life.is_alive() {
            self.open(engine, overlay, Part::Data)?;
            // Everything else that pairs have in common is the firmware's too.
            let other = engine.prefix.pair();
            if other != pair {
                return refuse_pair(&mut engine.why, fold(other), fold(pair));
            }
            // SAFETY: the data area is the overlay's, and no other that lies there is alive.
            unsafe { place::place(engine, &self.platform)? };
            #[cfg(feature = "signed")]
            engine.check_seal(&self.platform, overlay)?;
            engine.spent.data_bytes = engine.prefix.data_bytes();
        }
        Ok(NONE)
    }

    /// Closes what is open and counts what was spent.
    pub(crate) fn close(&self, engine: &mut Engine<S, W>) {
        engine.close();
        self.with(|state| state.stats.take(&mut engine.spent));
    }

    /// Opens a file and holds its header to the firmware.
    pub(crate) fn open(
        &self,
        engine: &mut Engine<S, W>,
        overlay: usize,
        part: Part,
    ) -> Checked<()> {
        let mut name = [0; MAX_FILE_NAME_BYTES];
        let Some(name) = file_name(&mut name, self.tables.name(overlay), part) else {
            return refuse(&mut engine.why, LoadError::UnknownName);
        };
        engine.open(
            &self.platform,
            #[cfg(feature = "signed")]
            overlay,
            name,
            part,
        )?;
        let (prefix, why) = (&engine.prefix, &mut engine.why);
        let (firmware, entry) = (self.tables.identity(), self.tables.overlay(overlay));
        if prefix.part() != part.code() {
            return refuse(why, LoadError::WrongPart { expected: part });
        }
        let is_ours = prefix.is_name(self.tables.name(overlay).as_bytes());
        if usize::from(prefix.overlay()) != overlay || !is_ours {
            let (actual, expected) = (prefix.overlay(), overlay as u16);
            return refuse(why, LoadError::WrongOverlay { actual, expected });
        }
        if prefix.chip() != firmware.chip {
            let [[actual @ .., _, _, _], [expected @ .., _, _, _]] = [prefix.chip(), firmware.chip];
            let (actual, expected) = (*actual, *expected);
            return refuse(why, LoadError::WrongChip { actual, expected });
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
        if prefix.build_id() != firmware.build_id {
            let (actual, expected) = (prefix.build_id()[0], firmware.build_id[0]);
            return refuse(why, LoadError::WrongBuild { actual, expected });
        }
        let (actual, expected) = (prefix.slot(), entry.slot);
        if actual != expected {
            return refuse(why, LoadError::WrongSlot { actual, expected });
        }
        let (actual_addr, expected_addr) = (prefix.code_addr(), entry.code_addr);
        if actual_addr != expected_addr || prefix.code_bytes() != entry.code_bytes {
            let part = Part::Code;
            return refuse(why, LoadError::WrongPlace { part, actual_addr, expected_addr });
        }
        let (actual_addr, expected_addr) = (prefix.data_addr(), entry.data_addr);
        if actual_addr != expected_addr || prefix.data_bytes() != entry.data_bytes {
            let part = Part::Data;
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
            if !self.lives.get(actual).is_alive() {
                return Ok(needs);
            }
        }
        Ok(NONE)
    }

    /// No other overlay that is alive has data where this one's will lie.
    #[inline(never)]
    fn check_data_is_free(&self, overlay: usize, engine: &mut Engine<S, W>) -> Checked<()> {
        let (data_addr, data_bytes) = (engine.prefix.data_addr(), engine.prefix.data_bytes());
        let end_addr = data_addr.wrapping_add(data_bytes);
        for other in 0..self.tables.overlay_count() {
            let there = self.tables.overlay(other);
            let overlaps = there.data_addr < end_addr
                && data_addr < there.data_addr.wrapping_add(there.data_bytes);
            if overlaps && other != overlay && self.lives.get(other).is_alive() {
                return refuse(&mut engine.why, LoadError::DataInUse { by: other as u16 });
            }
        }
        Ok(())
    }

    /// Chooses the slot for an overlay: an empty one, or the one that was not asked for longest.
    /// Linear in the slots.
    #[inline(never)]
    fn choose_slot(
        &self,
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
            _ if life.is_alive() && prefix.data_bytes() != 0 => Some(life.slot()),
            _ => None,
        };
        let stack_addr = stack_pointer();
        let mut longest_bytes = 0;
        let mut best = None;
        let (mut is_fitting, mut is_pinned) = (false, false);
        for index in 0..self.tables.slot_count() {
            if only.is_some_and(|only| only != index) {
                continue;
            }
            let SlotEntry { start_addr, len_bytes } = self.tables.slot(index);
            longest_bytes = longest_bytes.max(len_bytes);
            if len_bytes < needed_bytes {
                continue;
            }
            is_fitting = true;
            let from = prefix.code_addr().wrapping_sub(start_addr);
            if is_fixed && from > len_bytes - needed_bytes {
                let (actual_addr, expected_addr) = (prefix.code_addr(), start_addr);
                let part = Part::Code;
                let error = LoadError::WrongPlace { part, actual_addr, expected_addr };
                return refuse(&mut engine.why, error);
            }
            let slot = index as u16;
            let (place, clock) = self.with(|state| (*state.slot(index), state.clock));
            // The clock may wrap: ages are differences.
            let mut age = u32::MAX;
            if place.overlay != NONE {
                age = clock.wrapping_sub(place.used_at);
                let end_addr = start_addr.wrapping_add(len_bytes);
                let pin_count = place.pin_count;
                if pin_count != 0
                    || place.is_private
                    || self.platform.is_elsewhere(start_addr, end_addr)
                {
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
        if !is_fitting {
            let slot_bytes = longest_bytes;
            return refuse(&mut engine.why, LoadError::TooLarge { needed_bytes, slot_bytes });
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

/// Tells that a mark is not that of the pair.
#[inline(never)]
#[cold]
fn refuse_pair<T>(why: &mut LoadError, actual: u32, expected: u32) -> Checked<T> {
    refuse(why, LoadError::StalePair { actual, expected })
}

/// The eight bytes of a pair's mark in four.
const fn fold(pair: u64) -> u32 {
    pair as u32 ^ (pair >> 32) as u32
}

/// The first code of an Xtensa core.
const FIRST_XTENSA: u8 = esparto_image::Isa::XtensaLx106.code();

/// `stem` with `_e` or `_d` behind it, if that fits.
fn file_name<'b>(
    buffer: &'b mut [u8; MAX_FILE_NAME_BYTES],
    stem: &str,
    part: Part,
) -> Option<&'b str> {
    let (name, rest) = buffer.split_at_mut_checked(stem.len())?;
    let [bar, letter, ..] = rest else { return None };
    name.copy_from_slice(stem.as_bytes());
    *bar = b'_';
    *letter = if part == Part::Code { b'e' } else { b'd' };
    let whole = buffer.get(..stem.len() + 2)?;
    // SAFETY: ASCII behind a text is text.
    Some(unsafe { core::str::from_utf8_unchecked(whole) })
}
