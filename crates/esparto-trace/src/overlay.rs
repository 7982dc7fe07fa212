//! What happens to overlays: code that comes from storage and goes again.

use crate::state::{Cursor, Fault};
use crate::wire::overlay;

/// One thing that happened to an overlay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OverlayEvent {
    /// Its code is in a slot and can be called.
    Loaded {
        /// The overlay's number.
        overlay: u16,
        /// The slot.
        slot: u16,
        /// It was found back for a return into it.
        is_return: bool,
        /// Executable memory that it takes.
        code_bytes: u32,
        /// Bytes that came from the storage.
        read_bytes: u32,
        /// Where the time went.
        ticks: LoadTicks,
    },
    /// Its code gave way to another one's.
    Evicted {
        /// The overlay's number.
        overlay: u16,
        /// The slot.
        slot: u16,
    },
    /// Its life is over: destructors ran, its data is gone.
    Unloaded {
        /// The overlay's number.
        overlay: u16,
    },
    /// A call was refused, since it cannot be loaded.
    Refused {
        /// The overlay's number.
        overlay: u16,
    },
    /// It was asked for and was there. A call through a stub that finds its code is not told.
    Hit {
        /// The overlay's number.
        overlay: u16,
    },
}

/// The ticks of one load, by what they were spent on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LoadTicks {
    /// In the storage.
    pub read: u32,
    /// In checksums.
    pub verify: u32,
    /// In relocating and storing.
    pub copy: u32,
    /// In making code visible to the instruction fetch.
    pub sync: u32,
    /// In constructors.
    pub construct: u32,
}

impl LoadTicks {
    /// The phases, with a word for each.
    #[must_use]
    pub const fn phases(&self) -> [(&'static str, u32); 5] {
        [
            ("read", self.read),
            ("verify", self.verify),
            ("copy", self.copy),
            ("sync", self.sync),
            ("construct", self.construct),
        ]
    }
}

impl OverlayEvent {
    /// The overlay's number.
    #[must_use]
    pub const fn overlay(&self) -> u16 {
        match *self {
            Self::Loaded { overlay, .. }
            | Self::Evicted { overlay, .. }
            | Self::Unloaded { overlay }
            | Self::Refused { overlay }
            | Self::Hit { overlay } => overlay,
        }
    }

    /// The high half of its tag.
    pub(crate) const fn what(&self) -> u8 {
        match self {
            Self::Loaded { is_return: false, .. } => overlay::LOADED,
            Self::Loaded { is_return: true, .. } => overlay::FOUND_BACK,
            Self::Evicted { .. } => overlay::EVICTED,
            Self::Unloaded { .. } => overlay::UNLOADED,
            Self::Refused { .. } => overlay::REFUSED,
            Self::Hit { .. } => overlay::HIT,
        }
    }

    /// Hands all fields behind the time to `put`.
    pub(crate) fn write(&self, mut put: impl FnMut(usize)) {
        put(usize::from(self.overlay()));
        match *self {
            Self::Loaded { slot, code_bytes, read_bytes, ticks, .. } => {
                put(usize::from(slot));
                put(code_bytes as usize);
                put(read_bytes as usize);
                ticks.phases().into_iter().for_each(|(_, ticks)| put(ticks as usize));
            }
            Self::Evicted { slot, .. } => put(usize::from(slot)),
            Self::Unloaded { .. } | Self::Refused { .. } | Self::Hit { .. } => {}
        }
    }

    /// Reads them back; `what` is one that [`what`](Self::what) gives.
    pub(crate) fn read(what: u8, cursor: &mut Cursor<'_>) -> Result<Self, Fault> {
        let overlay = cursor.narrow("overlay", u16::MAX)?;
        Ok(match what {
            overlay::LOADED | overlay::FOUND_BACK => {
                let slot = cursor.narrow("slot", u16::MAX)?;
                let mut figure = || cursor.narrow("figure of a load", u32::MAX);
                Self::Loaded {
                    overlay,
                    slot,
                    is_return: what == overlay::FOUND_BACK,
                    code_bytes: figure()?,
                    read_bytes: figure()?,
                    ticks: LoadTicks {
                        read: figure()?,
                        verify: figure()?,
                        copy: figure()?,
                        sync: figure()?,
                        construct: figure()?,
                    },
                }
            }
            overlay::EVICTED => Self::Evicted { overlay, slot: cursor.narrow("slot", u16::MAX)? },
            overlay::UNLOADED => Self::Unloaded { overlay },
            overlay::REFUSED => Self::Refused { overlay },
            _ => Self::Hit { overlay },
        })
    }
}
