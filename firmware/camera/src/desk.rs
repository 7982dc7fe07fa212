//! Where a frame lies between two stages. What goes over the bus is the number of its place.

use core::cell::RefCell;

use critical_section::Mutex;
use pipeline::Frame;

use crate::memory::{FRAMES_AT_ONCE, FrameMemory};

/// A frame with buffers from the pools.
pub(crate) type PoolFrame = Frame<FrameMemory>;

enum Place {
    Free,
    /// A stage is at work on it.
    Away,
    Frame(PoolFrame),
}

/// As many places as there may be frames.
pub(crate) struct Desk {
    places: Mutex<RefCell<[Place; FRAMES_AT_ONCE]>>,
}

pub(crate) static DESK: Desk =
    Desk { places: Mutex::new(RefCell::new([const { Place::Free }; FRAMES_AT_ONCE])) };

impl Desk {
    /// Puts a new frame into a free place, whose number it returns; `None` when there is none.
    pub(crate) fn add(&self, frame: impl FnOnce() -> PoolFrame) -> Option<u32> {
        critical_section::with(|cs| {
            let mut places = self.places.borrow_ref_mut(cs);
            let index = places.iter().position(|place| matches!(place, Place::Free))?;
            places[index] = Place::Frame(frame());
            Some(index as u32)
        })
    }

    /// Takes the frame at `index` away, to work on it.
    pub(crate) fn take(&self, index: u32) -> Option<PoolFrame> {
        match self.replace(index, Place::Away)? {
            Place::Frame(frame) => Some(frame),
            Place::Free | Place::Away => None,
        }
    }

    /// Puts it back where it was.
    pub(crate) fn put(&self, index: u32, frame: PoolFrame) {
        self.replace(index, Place::Frame(frame));
    }

    /// It does not come back.
    pub(crate) fn free(&self, index: u32) {
        self.replace(index, Place::Free);
    }

    fn replace(&self, index: u32, with: Place) -> Option<Place> {
        critical_section::with(|cs| {
            let mut places = self.places.borrow_ref_mut(cs);
            places.get_mut(index as usize).map(|place| core::mem::replace(place, with))
        })
    }

    /// No frame is under way.
    pub(crate) fn is_empty(&self) -> bool {
        critical_section::with(|cs| {
            self.places.borrow_ref(cs).iter().all(|place| matches!(place, Place::Free))
        })
    }
}
