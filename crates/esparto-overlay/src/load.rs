//! Loading: from a number to code that can be called.

use esparto_image::{Header, Isa, Moved, Part, Placement, Prefix, firmware::SlotEntry};

use crate::{
    Event, LoadError, Overlays, Platform, Store, Tables, Writer,
    overlays::{Engine, stack_pointer},
    place::{self, Target},
    state::{Life, Occupant, Slot},
    stream::Stream,
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
    pub(crate) slot: usize,
    pub(crate) moved: u32,
}

/// What came of trying to load one overlay.
enum Outcome {
    /// Another one must come first.
    Needs(usize),
    /// It can be called.
    Done,
}

/// What came of reading one overlay.
enum Fetched {
    /// Another one must come first; nothing was written.
    Needs(u16),
    /// It is in its place.
    Placed(Placed),
}

/// What is in the slot and in the data area, and not yet announced.
struct Placed {
    slot: usize,
    moved: u32,
    header: Header,
    is_first: bool,
}

/// What is read before the name's end in a file's name: `_e` or `_d`.
const MAX_FILE_NAME_BYTES: usize = esparto_image::MAX_NAME_BYTES + 2;

/// The eight bytes of a pair's mark in four.
const fn fold(pair: u64) -> u32 {
    pair as u32 ^ (pair >> 32) as u32
}

impl<S, W, P, T, const SLOTS: usize, const OVERLAYS: usize> Overlays<S, W, P, T, SLOTS, OVERLAYS>
where
    S: Store,
    W: Writer,
    P: Platform,
    T: Tables,
{
    /// Makes sure that an overlay can be called, with all that it needs.
    pub(crate) fn ensure(
        &self,
        overlay: usize,
        cause: Cause,
        stay: Stay,
    ) -> Result<Mapped, LoadError> {
        self.admit(overlay)?;
        if let Some(mapped) = self.hit(overlay) {
            return Ok(mapped);
        }
        let turn = self.turn();
        let outcome = self.bring_chain(overlay, cause, stay);
        if outcome.is_err() {
            self.with(|state| state.stats.failure_count += 1);
        }
        drop(turn);
        outcome
    }

    /// Finds an overlay that is mapped.
    fn hit(&self, overlay: usize) -> Option<Mapped> {
        self.with(|state| {
            let slot = state.mapped(overlay)?;
            state.touch(slot);
            state.stats.hit_count = state.stats.hit_count.wrapping_add(1);
            Some(Mapped { slot, moved: state.slots[slot].moved })
        })
    }

    /// Loads an overlay after those that it needs; it is our turn.
    fn bring_chain(&self, target: usize, cause: Cause, stay: Stay) -> Result<Mapped, LoadError> {
        // Somebody may have loaded it while we waited; or it is ours, and its constructors call it.
        let present = self.with(|state| state.slot_of(target));
        if let Some(slot) = present {
            let moved = self.with(|state| {
                state.touch(slot);
                state.stats.hit_count = state.stats.hit_count.wrapping_add(1);
                state.slots[slot].moved
            });
            return Ok(Mapped { slot, moved });
        }
        if self.with(|state| state.life(target)) == Life::Ended {
            if cause != Cause::Explicit {
                return Err(LoadError::Unloaded { overlay: target as u16 });
            }
            self.with(|state| state.set_life(target, Life::Unborn, 0));
        }
        let mut chain = [target; CHAIN_LIMIT];
        let mut len = 1;
        while len > 0 {
            let overlay = chain[len - 1];
            let cause = if overlay == target { cause } else { Cause::Implicit };
            match self.bring(overlay, cause, stay)? {
                Outcome::Done => len -= 1,
                Outcome::Needs(needs) if chain[..len].contains(&needs) => {
                    let (overlay, needs) = (overlay as u16, needs as u16);
                    return Err(LoadError::CircularDependency { overlay, needs });
                }
                Outcome::Needs(_) if len == CHAIN_LIMIT => {
                    return Err(LoadError::TooDeep { limit: CHAIN_LIMIT });
                }
                Outcome::Needs(needs) => {
                    chain[len] = needs;
                    len += 1;
                }
            }
        }
        self.with(|state| {
            let slot =
                state.slot_of(target).ok_or(LoadError::Unloaded { overlay: target as u16 })?;
            Ok(Mapped { slot, moved: state.slots[slot].moved })
        })
    }

    /// Loads one overlay, unless it needs another one first; it is our turn.
    fn bring(&self, overlay: usize, cause: Cause, stay: Stay) -> Result<Outcome, LoadError> {
        if self.with(|state| state.slot_of(overlay)).is_some() {
            return Ok(Outcome::Done);
        }
        // SAFETY: it is our turn; constructors, which may load, run when this is over.
        let engine = unsafe { self.engine() };
        let Placed { slot, moved, header, is_first } =
            match self.fetch(engine, overlay, cause, stay)? {
                Fetched::Placed(placed) => placed,
                Fetched::Needs(needs) => return Ok(Outcome::Needs(needs.into())),
            };
        self.with(|state| {
            let place = &mut state.slots[slot];
            place.occupant = Occupant::Private(overlay as u16);
            place.moved = moved;
            place.destructors_addr = header.destructors_addr;
            place.destructor_count = header.destructor_count;
            state.touch(slot);
            state.stats.load_count = state.stats.load_count.wrapping_add(1);
            if matches!(cause, Cause::Restore { .. }) {
                state.stats.restore_count = state.stats.restore_count.wrapping_add(1);
            }
            if is_first {
                state.set_life(overlay, Life::Alive(slot as u8), fold(header.pair));
            }
        });
        if is_first {
            self.run_all(header.constructors_addr, header.constructor_count);
        }
        self.with(|state| state.slots[slot].occupant = Occupant::Mapped(overlay as u16));
        self.tables.set_mapped(overlay, Some(moved));
        self.platform.event(Event::Loaded {
            overlay: overlay as u16,
            slot: slot as u16,
            code_bytes: header.code_bytes,
        });
        Ok(Outcome::Done)
    }

    /// Calls the functions of a table of addresses in the data of an overlay that is mapped.
    pub(crate) fn run_all(&self, table_addr: u32, count: u16) {
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
    fn fetch(
        &self,
        engine: &mut Engine<S, W>,
        overlay: usize,
        cause: Cause,
        stay: Stay,
    ) -> Result<Fetched, LoadError> {
        let life = self.with(|state| state.life(overlay));
        let is_first = !matches!(life, Life::Alive(_));
        let fetched = self.read(engine, overlay, Part::Code, |stream, writer, prefix| {
            let pair = self.with(|state| state.pair(overlay));
            if !is_first && pair != fold(prefix.header.pair) {
                let actual = fold(prefix.header.pair);
                return Err(LoadError::StalePair { actual, expected: pair });
            }
            if let Some(needs) = self.first_need(prefix)? {
                return Ok(Fetched::Needs(needs));
            }
            if is_first {
                self.check_data_is_free(overlay)?;
            }
            let slot = self.choose_slot(overlay, &prefix.header, life, cause, stay)?;
            self.evict(slot)?;
            let start_addr = self.tables.slot(slot).start_addr;
            let moved = match prefix.header.placement {
                Placement::Relocatable => start_addr.wrapping_sub(prefix.header.code_addr),
                _ => 0,
            };
            let platform = &self.platform;
            let mut target = Target { writer, platform, moved: Moved { code: moved, data: 0 } };
            // SAFETY: the slot is empty and long enough for the code.
            unsafe { place::place(stream, prefix, &mut target, Part::Code)? };
            let before = platform.ticks();
            let code_addr = prefix.header.code_addr.wrapping_add(moved);
            target.writer.sync(code_addr, prefix.header.code_bytes);
            stream.stats.sync_ticks = platform.ticks().wrapping_sub(before);
            stream.stats.code_bytes = prefix.header.code_bytes;
            Ok(Fetched::Placed(Placed { slot, moved, header: prefix.header, is_first }))
        })?;
        if let Fetched::Placed(Placed { moved, header, .. }) = &fetched
            && is_first
        {
            let moved = *moved;
            self.read(engine, overlay, Part::Data, |stream, writer, prefix| {
                if !prefix.header.pairs_with(header) {
                    let (actual, expected) = (fold(prefix.header.pair), fold(header.pair));
                    return Err(LoadError::StalePair { actual, expected });
                }
                let platform = &self.platform;
                let mut target = Target { writer, platform, moved: Moved { code: moved, data: 0 } };
                // SAFETY: the data area is the overlay's, and no other that lies there is alive.
                unsafe { place::place(stream, prefix, &mut target, Part::Data)? };
                stream.stats.data_bytes = prefix.header.data_bytes;
                Ok(())
            })?;
        }
        Ok(fetched)
    }

    /// Opens a file, reads and holds its header to the firmware, and hands it to `work`.
    pub(crate) fn read<R>(
        &self,
        engine: &mut Engine<S, W>,
        overlay: usize,
        part: Part,
        work: impl FnOnce(&mut Stream<'_, S, P>, &mut W, &Prefix) -> Result<R, LoadError>,
    ) -> Result<R, LoadError> {
        let mut name = [0; MAX_FILE_NAME_BYTES];
        let name = self.file_name(overlay, part, &mut name)?;
        let Engine { store, writer, bounce } = engine;
        let mut file = store.open(name).map_err(|cause| LoadError::Open { part, cause })?;
        let mut spent = crate::Stats::default();
        let outcome =
            Stream::start(store, &mut file, &self.platform, part, bounce).and_then(|mut stream| {
                let outcome = Prefix::parse(stream.bytes(), stream.file_bytes())
                    .map_err(|cause| LoadError::Image { part, cause })
                    .and_then(|prefix| {
                        self.check_identity(overlay, &prefix.header, part)?;
                        stream.take(esparto_image::HEADER_BYTES / 4);
                        work(&mut stream, writer, &prefix)
                    });
                spent = stream.stats;
                outcome
            });
        store.close(file);
        self.with(|state| state.stats.add(&spent));
        outcome
    }

    /// `NAME_e` or `NAME_d`.
    fn file_name<'b>(
        &self,
        overlay: usize,
        part: Part,
        buffer: &'b mut [u8; MAX_FILE_NAME_BYTES],
    ) -> Result<&'b str, LoadError> {
        let name = self.tables.name(overlay).as_bytes();
        let whole = buffer.get_mut(..name.len() + 2).ok_or(LoadError::UnknownName)?;
        let (stem, end) = whole.split_at_mut(name.len());
        stem.copy_from_slice(name);
        end.copy_from_slice(if part == Part::Code { b"_e" } else { b"_d" });
        core::str::from_utf8(whole).map_err(|_| LoadError::UnknownName)
    }

    /// Holds a header to the firmware.
    fn check_identity(&self, overlay: usize, header: &Header, part: Part) -> Result<(), LoadError> {
        let (firmware, entry) = (self.tables.identity(), self.tables.overlay(overlay));
        if header.part != part {
            return Err(LoadError::WrongPart { expected: part });
        }
        if usize::from(header.overlay) != overlay
            || header.name.as_str() != self.tables.name(overlay)
        {
            return Err(LoadError::WrongOverlay {
                actual: header.overlay,
                expected: overlay as u16,
            });
        }
        if header.chip.padded()[..firmware.chip.len()] != firmware.chip[..] {
            let start = |name: &[u8]| name.first_chunk().copied().unwrap_or_default();
            let (actual, expected) = (start(header.chip.padded()), start(firmware.chip));
            return Err(LoadError::WrongChip { actual, expected });
        }
        let (actual, expected) = (header.isa.code(), firmware.isa);
        if !Isa::from_code(expected).is_some_and(|isa| isa.runs(header.isa)) {
            return Err(LoadError::WrongIsa { actual, expected });
        }
        let (actual, expected) = (header.abi.code(), firmware.abi);
        if actual != expected {
            return Err(LoadError::WrongAbi { actual, expected });
        }
        if header.build_id != *firmware.build_id {
            let start = |id: &[u8]| id.first_chunk().map_or(0, |start| u32::from_le_bytes(*start));
            let (actual, expected) = (start(&header.build_id), start(firmware.build_id));
            return Err(LoadError::WrongBuild { actual, expected });
        }
        if header.slot != entry.slot {
            return Err(LoadError::WrongSlot { actual: header.slot, expected: entry.slot });
        }
        let places = [
            (Part::Code, header.code_addr, header.code_bytes, entry.code_addr, entry.code_bytes),
            (Part::Data, header.data_addr, header.data_bytes, entry.data_addr, entry.data_bytes),
        ];
        for (part, actual_addr, actual_bytes, expected_addr, expected_bytes) in places {
            if (actual_addr, actual_bytes) != (expected_addr, expected_bytes) {
                return Err(LoadError::WrongPlace { part, actual_addr, expected_addr });
            }
        }
        Ok(())
    }

    /// The first overlay that must come before this one and is not alive.
    fn first_need(&self, prefix: &Prefix) -> Result<Option<u16>, LoadError> {
        let count = self.tables.overlay_count();
        for &needs in prefix.dependencies() {
            if usize::from(needs) >= count {
                return Err(LoadError::UnknownOverlay { actual: needs.into(), count });
            }
            match self.with(|state| state.life(needs.into())) {
                Life::Alive(_) => {}
                Life::Ended => return Err(LoadError::Unloaded { overlay: needs }),
                Life::Unborn => return Ok(Some(needs)),
            }
        }
        Ok(None)
    }

    /// No other overlay that is alive has data where this one's will lie.
    fn check_data_is_free(&self, overlay: usize) -> Result<(), LoadError> {
        let entry = self.tables.overlay(overlay);
        let end_addr = entry.data_addr.wrapping_add(entry.data_bytes);
        for other in (0..self.tables.overlay_count()).filter(|&other| other != overlay) {
            let there = self.tables.overlay(other);
            let overlaps = there.data_addr < end_addr
                && entry.data_addr < there.data_addr.wrapping_add(there.data_bytes);
            if overlaps && self.with(|state| matches!(state.life(other), Life::Alive(_))) {
                return Err(LoadError::DataInUse { by: other as u16 });
            }
        }
        Ok(())
    }

    /// Chooses the slot for an overlay.
    fn choose_slot(
        &self,
        overlay: usize,
        header: &Header,
        life: Life,
        cause: Cause,
        stay: Stay,
    ) -> Result<usize, LoadError> {
        let slot_count = self.tables.slot_count();
        let is_fixed = header.placement != Placement::Relocatable;
        let only = match (cause, life) {
            _ if is_fixed => Some(usize::from(header.slot)),
            (Cause::Restore { slot }, _) => Some(slot.into()),
            // The data may point into the code, so that the code goes where it was.
            (_, Life::Alive(slot)) if self.tables.overlay(overlay).data_bytes != 0 => {
                Some(slot.into())
            }
            _ => None,
        };
        let allowed = |index: usize| index < slot_count && only.is_none_or(|only| only == index);
        let slots = || (0..slot_count).filter(|&index| allowed(index));
        let slot_bytes = slots().map(|index| self.tables.slot(index).len_bytes).max().unwrap_or(0);
        let needed_bytes = header.code_bytes;
        if needed_bytes > slot_bytes {
            return Err(LoadError::TooLarge { needed_bytes, slot_bytes });
        }
        if let Some(index) = only.filter(|_| is_fixed) {
            let SlotEntry { start_addr, len_bytes } = self.tables.slot(index);
            let inside = header
                .code_addr
                .checked_sub(start_addr)
                .is_some_and(|from| from <= len_bytes - needed_bytes);
            if !inside {
                return Err(LoadError::WrongPlace {
                    part: Part::Code,
                    actual_addr: header.code_addr,
                    expected_addr: start_addr,
                });
            }
        }
        // Slots in which somebody is are found outside of the critical section.
        let stack_addr = stack_pointer();
        let mut blocked = [false; SLOTS];
        let mut in_use = None;
        for index in slots() {
            let SlotEntry { start_addr, len_bytes } = self.tables.slot(index);
            if self.with(|state| state.slots[index].occupant) == Occupant::Empty {
                continue;
            }
            if stay == Stay::Here && self.is_called_from(stack_addr, index) {
                in_use = Some(LoadError::InUse { slot: index as u16 });
                blocked[index] = true;
            } else if self.platform.is_elsewhere(start_addr, start_addr.wrapping_add(len_bytes)) {
                in_use = Some(LoadError::AllPinned { slot: index as u16, pin_count: 0 });
                blocked[index] = true;
            }
        }
        let fits = |index: usize| {
            allowed(index) && !blocked[index] && self.tables.slot(index).len_bytes >= needed_bytes
        };
        let chosen = self.with(|state| state.choose(fits));
        chosen.unwrap_or(Err(in_use.unwrap_or(LoadError::TooLarge { needed_bytes, slot_bytes })))
    }

    /// Empties a slot, before anything is written to it. Nobody was in it when it was chosen; who
    /// came since then keeps it.
    pub(crate) fn evict(&self, slot: usize) -> Result<(), LoadError> {
        let Some(overlay) = self.with(|state| state.slots[slot].occupant.overlay()) else {
            return Ok(());
        };
        // No call enters from here on, so that whoever is not inside now never will be.
        self.tables.set_mapped(overlay.into(), None);
        let SlotEntry { start_addr, len_bytes } = self.tables.slot(slot);
        let is_elsewhere =
            self.platform.is_elsewhere(start_addr, start_addr.wrapping_add(len_bytes));
        let outcome = self.with(|state| {
            let Slot { pin_count, moved, .. } = state.slots[slot];
            if pin_count != 0 || is_elsewhere {
                return Err((LoadError::AllPinned { slot: slot as u16, pin_count }, moved));
            }
            state.slots[slot].occupant = Occupant::Empty;
            state.stats.eviction_count = state.stats.eviction_count.wrapping_add(1);
            Ok(())
        });
        if let Err((error, moved)) = outcome {
            self.tables.set_mapped(overlay.into(), Some(moved));
            return Err(error);
        }
        self.platform.event(Event::Evicted { overlay, slot: slot as u16 });
        Ok(())
    }
}
