//! What is where: slots, their pins and their order of use, and which data is alive.

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
    pub(crate) const UNBORN: Self = Self(u8::MAX);
    /// It was unloaded, and nothing but an explicit load brings it back.
    pub(crate) const ENDED: Self = Self(u8::MAX - 1);

    /// Its data is there and constructed, by code in this slot.
    pub(crate) const fn alive(slot: usize) -> Self {
        Self(slot as u8)
    }

    pub(crate) const fn is_alive(self) -> bool {
        self.0 < Self::ENDED.0
    }

    /// The slot of one that is alive.
    pub(crate) const fn slot(self) -> usize {
        self.0 as usize
    }
}

/// Everything that is not the storage's or the writer's.
#[derive(Debug)]
pub(crate) struct State<const SLOTS: usize, const OVERLAYS: usize> {
    pub(crate) slots: [Slot; SLOTS],
    lives: [Life; OVERLAYS],
    /// What marks the pair that the living data is of, folded.
    pairs: [u32; OVERLAYS],
    pub(crate) clock: u32,
    /// Whose turn it is, while `depth` is not 0.
    pub(crate) owner: u32,
    pub(crate) depth: u16,
    pub(crate) stats: Stats,
    pub(crate) returns: Returns,
}

impl<const SLOTS: usize, const OVERLAYS: usize> State<SLOTS, OVERLAYS> {
    pub(crate) const fn new() -> Self {
        const { assert!(SLOTS >= 1 && SLOTS < 254, "slots are counted by a byte") };
        const { assert!(OVERLAYS < NONE as usize, "overlays are counted by two bytes") };
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
            lives: [Life::UNBORN; OVERLAYS],
            pairs: [0; OVERLAYS],
            clock: 0,
            owner: 0,
            depth: 0,
            stats: Stats::NONE,
            returns: Returns::new(),
        }
    }

    /// The life of an overlay, and what marks the pair that its living data is of.
    #[inline]
    pub(crate) fn life(&self, overlay: usize) -> (Life, u32) {
        let life = self.lives.get(overlay).copied().unwrap_or(Life::ENDED);
        (life, self.pairs.get(overlay).copied().unwrap_or(0))
    }

    #[inline]
    pub(crate) fn set_life(&mut self, overlay: usize, life: Life, pair: u32) {
        if let (Some(there), Some(marks)) =
            (self.lives.get_mut(overlay), self.pairs.get_mut(overlay))
        {
            (*there, *marks) = (life, pair);
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

    /// Notes that a slot was asked for.
    pub(crate) fn touch(&mut self, slot: usize) {
        self.clock = self.clock.wrapping_add(1);
        self.slot(slot).used_at = self.clock;
    }
}
