//! What is where: slots, their pins and their order of use, and which data is alive.

use core::sync::atomic::{AtomicU8, AtomicU32, Ordering};

use crate::{Stats, returns::Returns};

/// The number of no overlay.
pub(crate) const NONE: u16 = u16::MAX;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Slot {
    /// What is in it; [`NONE`] when nothing can be called there.
    pub(crate) overlay: u16,
    pub(crate) pin_count: u16,
    /// When it was asked for last, in requests.
    pub(crate) used_at: u32,
    /// How far above its linked address the code is.
    pub(crate) moved: u32,
    /// The table of functions to call before the overlay is unloaded.
    pub(crate) destructors_addr: u32,
    pub(crate) destructor_count: u16,
    /// The code is complete, and while its constructors or destructors run the loading task's alone.
    pub(crate) is_private: bool,
}

/// How far an overlay's life has come, in a byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Life(u8);

impl Life {
    /// Its data is not there.
    pub(crate) const UNBORN: Self = Self(0);
    /// It was unloaded, and nothing but an explicit load brings it back.
    pub(crate) const ENDED: Self = Self(1);

    /// Its data is there and constructed, by code in this slot.
    pub(crate) const fn alive(slot: usize) -> Self {
        Self(slot as u8 + 2)
    }

    pub(crate) const fn is_alive(self) -> bool {
        self.0 > Self::ENDED.0
    }

    /// The slot of one that is alive.
    pub(crate) const fn slot(self) -> usize {
        self.0 as usize - 2
    }
}

/// The life of each overlay. Only the task whose turn it is changes it, anybody may look.
#[derive(Debug)]
pub(crate) struct Lives<const OVERLAYS: usize> {
    lives: [AtomicU8; OVERLAYS],
    /// What marks the pair that the living data is of, folded.
    pairs: [AtomicU32; OVERLAYS],
}

impl<const OVERLAYS: usize> Lives<OVERLAYS> {
    pub(crate) const fn new() -> Self {
        const { assert!(OVERLAYS < NONE as usize, "overlays are counted by two bytes") };
        Self {
            lives: [const { AtomicU8::new(Life::UNBORN.0) }; OVERLAYS],
            pairs: [const { AtomicU32::new(0) }; OVERLAYS],
        }
    }

    #[inline]
    pub(crate) fn get(&self, overlay: usize) -> Life {
        self.lives.get(overlay).map_or(Life::ENDED, |life| Life(life.load(Ordering::Relaxed)))
    }

    /// What marks the pair that the data of one that is alive is of.
    #[inline]
    pub(crate) fn pair(&self, overlay: usize) -> u32 {
        self.pairs.get(overlay).map_or(0, |pair| pair.load(Ordering::Relaxed))
    }

    #[inline]
    pub(crate) fn set(&self, overlay: usize, life: Life) {
        if let Some(place) = self.lives.get(overlay) {
            place.store(life.0, Ordering::Relaxed);
        }
    }

    /// Data of this pair begins its life, with code in `slot`.
    #[inline]
    pub(crate) fn begin(&self, overlay: usize, slot: usize, pair: u32) {
        self.set(overlay, Life::alive(slot));
        if let Some(place) = self.pairs.get(overlay) {
            place.store(pair, Ordering::Relaxed);
        }
    }
}

/// What changes in critical sections.
#[derive(Debug)]
pub(crate) struct State<const SLOTS: usize> {
    pub(crate) slots: [Slot; SLOTS],
    pub(crate) clock: u32,
    /// Whose turn it is, while `depth` is not 0.
    pub(crate) owner: u32,
    pub(crate) depth: u16,
    pub(crate) stats: Stats,
    pub(crate) returns: Returns,
}

impl<const SLOTS: usize> State<SLOTS> {
    pub(crate) const fn new() -> Self {
        const { assert!(SLOTS >= 1 && SLOTS < 253, "slots are counted by a byte") };
        const EMPTY: Slot = Slot {
            overlay: NONE,
            pin_count: 0,
            used_at: 0,
            moved: 0,
            destructors_addr: 0,
            destructor_count: 0,
            is_private: false,
        };
        Self {
            slots: [EMPTY; SLOTS],
            clock: 0,
            owner: 0,
            depth: 0,
            stats: Stats::NONE,
            returns: Returns::new(),
        }
    }

    /// A slot; `index` is below their number, or this is the last one.
    #[inline]
    pub(crate) fn slot(&mut self, index: usize) -> &mut Slot {
        &mut self.slots[index.min(SLOTS - 1)]
    }

    /// The slot that `overlay` is in.
    pub(crate) fn slot_of(&mut self, overlay: usize) -> Option<(usize, &mut Slot)> {
        let holds = |(_, slot): &(usize, &mut Slot)| usize::from(slot.overlay) == overlay;
        self.slots.iter_mut().enumerate().find(holds)
    }

    /// The time of a request, by which slots are compared.
    #[inline]
    pub(crate) fn tick(&mut self) -> u32 {
        self.clock = self.clock.wrapping_add(1);
        self.clock
    }
}
