//! A writer that tells the simulator's memcheck where code is, and where it is no more.

use core::sync::atomic::{AtomicU16, AtomicU32, Ordering};

use esparto_overlay::{Direct, Event, Writer};

use crate::board::hint;

/// What was written last: the code of the overlay that is told of next.
static LAST: Place = Place::new();
/// What is in each slot.
static SLOTS: [Place; 2] = [const { Place::new() }; 2];

#[derive(Debug)]
struct Place {
    overlay: AtomicU16,
    addr: AtomicU32,
    len_bytes: AtomicU32,
}

impl Place {
    const fn new() -> Self {
        let (overlay, addr, len_bytes) = (AtomicU16::new(0), AtomicU32::new(0), AtomicU32::new(0));
        Self { overlay, addr, len_bytes }
    }

    fn set(&self, addr: u32, len_bytes: u32) {
        self.addr.store(addr, Ordering::Relaxed);
        self.len_bytes.store(len_bytes, Ordering::Relaxed);
    }
}

/// [`Direct`], told. One program has one.
#[derive(Debug)]
pub struct Told;

impl Writer for Told {
    #[inline(always)]
    unsafe fn store(&mut self, exec_addr: u32, word: u32) {
        hint::loaded(exec_addr as usize, size_of::<u32>());
        // SAFETY: as promised by the caller.
        unsafe { Direct.store(exec_addr, word) };
    }

    fn sync(&mut self, exec_addr: u32, len_bytes: u32) {
        Direct.sync(exec_addr, len_bytes);
        LAST.set(exec_addr, len_bytes);
    }
}

/// Tells of what the loader says.
pub(crate) fn tell(event: Event) {
    match event {
        Event::Loaded { overlay, slot, .. } => {
            let slot = &SLOTS[usize::from(slot)];
            slot.overlay.store(overlay, Ordering::Relaxed);
            slot.set(LAST.addr.load(Ordering::Relaxed), LAST.len_bytes.load(Ordering::Relaxed));
        }
        Event::Evicted { overlay, .. } | Event::Unloaded { overlay } => {
            let is_its = |slot: &&Place| slot.overlay.load(Ordering::Relaxed) == overlay;
            for slot in SLOTS.iter().filter(is_its) {
                let addr = slot.addr.load(Ordering::Relaxed) as usize;
                hint::evicted(addr, slot.len_bytes.load(Ordering::Relaxed) as usize);
                // Until something is loaded there, nothing is.
                slot.set(0, 0);
            }
        }
        _ => {}
    }
}
