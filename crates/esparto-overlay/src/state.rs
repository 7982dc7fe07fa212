//! What is where: slots, their pins and their order of use, and which data is alive.

use crate::{LoadError, Stats, returns::Returns};

/// What a slot holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Occupant {
    /// Nothing that can be called.
    Empty,
    /// Code that is complete, while its constructors or destructors run: the loading task's alone.
    Private(u16),
    /// Code that anybody may call.
    Mapped(u16),
}

impl Occupant {
    /// The overlay, if there is one.
    pub(crate) const fn overlay(self) -> Option<u16> {
        match self {
            Self::Empty => None,
            Self::Private(overlay) | Self::Mapped(overlay) => Some(overlay),
        }
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Slot {
    pub(crate) occupant: Occupant,
    pub(crate) pin_count: u16,
    /// When it was asked for last, in requests.
    pub(crate) used_at: u32,
    /// How far above its linked address the code is.
    pub(crate) moved: u32,
    /// The table of functions to call before the overlay is unloaded.
    pub(crate) destructors_addr: u32,
    pub(crate) destructor_count: u16,
}

/// How far an overlay's life has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Life {
    /// Its data is not there.
    Unborn,
    /// Its data is there and constructed, by code in this slot.
    Alive(u8),
    /// It was unloaded, and nothing but an explicit load brings it back.
    Ended,
}

/// Everything that is not the storage's or the writer's.
#[derive(Debug)]
pub(crate) struct State<const SLOTS: usize, const OVERLAYS: usize> {
    pub(crate) slots: [Slot; SLOTS],
    lives: [Life; OVERLAYS],
    /// What marks the pair that the living data is of, folded.
    pairs: [u32; OVERLAYS],
    clock: u32,
    pub(crate) owner: Option<u32>,
    pub(crate) depth: u16,
    pub(crate) stats: Stats,
    pub(crate) returns: Returns,
}

impl<const SLOTS: usize, const OVERLAYS: usize> State<SLOTS, OVERLAYS> {
    pub(crate) const fn new() -> Self {
        const { assert!(SLOTS >= 1 && SLOTS <= 255, "slots are counted by a byte") };
        const EMPTY: Slot = Slot {
            occupant: Occupant::Empty,
            pin_count: 0,
            used_at: 0,
            moved: 0,
            destructors_addr: 0,
            destructor_count: 0,
        };
        Self {
            slots: [EMPTY; SLOTS],
            lives: [Life::Unborn; OVERLAYS],
            pairs: [0; OVERLAYS],
            clock: 0,
            owner: None,
            depth: 0,
            stats: Stats {
                load_count: 0,
                hit_count: 0,
                eviction_count: 0,
                failure_count: 0,
                restore_count: 0,
                read_bytes: 0,
                code_bytes: 0,
                data_bytes: 0,
                read_ticks: 0,
                verify_ticks: 0,
                copy_ticks: 0,
                sync_ticks: 0,
                construct_ticks: 0,
            },
            returns: Returns::new(),
        }
    }

    pub(crate) fn life(&self, overlay: usize) -> Life {
        self.lives[overlay]
    }

    pub(crate) fn pair(&self, overlay: usize) -> u32 {
        self.pairs[overlay]
    }

    pub(crate) fn set_life(&mut self, overlay: usize, life: Life, pair: u32) {
        self.lives[overlay] = life;
        self.pairs[overlay] = pair;
    }

    /// The slot whose code is that of `overlay`, private or not.
    pub(crate) fn slot_of(&self, overlay: usize) -> Option<usize> {
        self.slots.iter().position(|slot| slot.occupant.overlay() == Some(overlay as u16))
    }

    /// The slot in which anybody may call `overlay`.
    pub(crate) fn mapped(&self, overlay: usize) -> Option<usize> {
        self.slots.iter().position(|slot| slot.occupant == Occupant::Mapped(overlay as u16))
    }

    /// Notes that a slot was asked for.
    pub(crate) fn touch(&mut self, slot: usize) {
        self.clock = self.clock.wrapping_add(1);
        self.slots[slot].used_at = self.clock;
    }

    /// Of the slots that `fits` allows, an empty one, or the one that was not asked for longest.
    /// Linear in the slots.
    ///
    /// # Errors
    /// [`LoadError::AllPinned`] when each of them is pinned; `None` when none fits.
    pub(crate) fn choose(
        &self,
        mut fits: impl FnMut(usize) -> bool,
    ) -> Option<Result<usize, LoadError>> {
        let mut best: Option<(u64, usize)> = None;
        let mut pinned = None;
        for (index, slot) in self.slots.iter().enumerate() {
            if !fits(index) {
                continue;
            }
            if slot.pin_count != 0 || matches!(slot.occupant, Occupant::Private(_)) {
                pinned = pinned.or(Some((index, slot.pin_count)));
                continue;
            }
            let age = match slot.occupant {
                Occupant::Empty => u64::MAX,
                // The clock may wrap: ages are differences.
                _ => self.clock.wrapping_sub(slot.used_at).into(),
            };
            if best.is_none_or(|(oldest, _)| age > oldest) {
                best = Some((age, index));
            }
        }
        match (best, pinned) {
            (Some((_, index)), _) => Some(Ok(index)),
            (None, Some((slot, pin_count))) => {
                Some(Err(LoadError::AllPinned { slot: slot as u16, pin_count }))
            }
            (None, None) => None,
        }
    }
}
