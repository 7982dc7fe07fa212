//! Overlays, as the report has them.

use serde::Serialize;

use crate::report::Model;
use crate::report::overlays::Tally;

/// One overlay.
#[derive(Clone, Debug, Serialize)]
pub struct OverlayLine {
    /// Its number in the firmware.
    pub overlay: u16,
    /// Its name.
    pub name: String,
    /// Times that its code came into a slot.
    pub load_count: u64,
    /// Those of them that found it back for a return into it.
    pub return_count: u64,
    /// Times that it was asked for and was there. Calls that find their code are not told.
    pub hit_count: u64,
    /// Times that its code gave way.
    pub eviction_count: u64,
    /// Times that it was unloaded.
    pub unload_count: u64,
    /// Calls of it that were refused.
    pub refused_count: u64,
    /// Its code.
    pub code_bytes: u64,
    /// What was read from the storage for it.
    pub read_bytes: u64,
    /// How long it was in a slot.
    pub stay_ticks: u64,
    /// What its loads took, by what they were spent on.
    pub phases: Phases,
}

/// The ticks of all loads.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Phases {
    /// In the storage.
    pub read_ticks: u64,
    /// In checksums.
    pub verify_ticks: u64,
    /// In relocating and storing.
    pub copy_ticks: u64,
    /// In making code visible to the instruction fetch.
    pub sync_ticks: u64,
    /// In constructors.
    pub construct_ticks: u64,
}

/// A slot, and who was in it.
#[derive(Clone, Debug, Serialize)]
pub struct SlotLine {
    /// Its number.
    pub slot: u16,
    /// Who was in it, in order.
    pub stays: Vec<Stay>,
}

/// Code in a slot.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Stay {
    /// Whose.
    pub overlay: u16,
    /// Since when.
    pub start_ticks: u64,
    /// Until when.
    pub end_ticks: u64,
}

fn line(overlay: u16, tally: &Tally) -> OverlayLine {
    let [read_ticks, verify_ticks, copy_ticks, sync_ticks, construct_ticks] = tally.phase_ticks;
    OverlayLine {
        overlay,
        name: tally.name.clone().unwrap_or_else(|| format!("overlay {overlay}")),
        load_count: tally.load_count,
        return_count: tally.return_count,
        hit_count: tally.hit_count,
        eviction_count: tally.eviction_count,
        unload_count: tally.unload_count,
        refused_count: tally.refused_count,
        code_bytes: tally.code_bytes,
        read_bytes: tally.read_bytes,
        stay_ticks: tally.stay_ticks,
        phases: Phases { read_ticks, verify_ticks, copy_ticks, sync_ticks, construct_ticks },
    }
}

/// The overlays of a model by number, and its slots.
pub(super) fn of(model: &Model) -> (Vec<OverlayLine>, Vec<SlotLine>) {
    let overlays = &model.overlays;
    let lines = overlays.tallies.iter().map(|(&overlay, tally)| line(overlay, tally));
    let slots = overlays.slots.iter().map(|(&slot, place)| {
        let stays = place.stays.iter().map(|stay| Stay {
            overlay: stay.overlay,
            start_ticks: stay.start_ticks,
            end_ticks: stay.end_ticks,
        });
        SlotLine { slot, stays: stays.collect() }
    });
    (lines.collect(), slots.collect())
}
