//! What a trace tells of overlays: who was in which slot when, and what that cost.

use std::collections::BTreeMap;

use esparto_trace::{LoadTicks, OverlayEvent};

/// Overlays and slots of a damaged trace may be any; so many are told apart.
const LIMIT: usize = 4096;

/// Stays of code in slots that are kept. Beyond them there are only sums.
const STAY_LIMIT: usize = 20_000;

/// One overlay's sums.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) name: Option<String>,
    pub(crate) load_count: u64,
    pub(crate) return_count: u64,
    pub(crate) hit_count: u64,
    pub(crate) eviction_count: u64,
    pub(crate) unload_count: u64,
    pub(crate) refused_count: u64,
    pub(crate) code_bytes: u64,
    pub(crate) read_bytes: u64,
    pub(crate) stay_ticks: u64,
    /// In the order of [`LoadTicks::phases`].
    pub(crate) phase_ticks: [u64; 5],
}

/// Code in a slot, from its load until it went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stay {
    pub(crate) overlay: u16,
    pub(crate) start_ticks: u64,
    pub(crate) end_ticks: u64,
}

/// A slot.
#[derive(Clone, Debug, Default)]
pub(crate) struct Slot {
    pub(crate) stays: Vec<Stay>,
    /// Who is in it, since when.
    present: Option<(u16, u64)>,
}

/// All overlays and slots of a trace.
#[derive(Clone, Debug, Default)]
pub(crate) struct Overlays {
    pub(crate) tallies: BTreeMap<u16, Tally>,
    pub(crate) slots: BTreeMap<u16, Slot>,
    /// When the last thing happened.
    last_ticks: u64,
    stay_count: usize,
    pub(crate) omitted_count: u64,
}

impl Overlays {
    /// An overlay has a name.
    pub(crate) fn name(&mut self, overlay: u16, name: &str) {
        if let Some(tally) = self.tally(overlay) {
            tally.name = Some(name.to_owned());
        }
    }

    /// Something happened.
    pub(crate) fn event(&mut self, time_ticks: u64, event: &OverlayEvent) {
        self.last_ticks = time_ticks;
        let overlay = event.overlay();
        match *event {
            OverlayEvent::Loaded { slot, is_return, code_bytes, read_bytes, ref ticks, .. } => {
                if let Some(tally) = self.tally(overlay) {
                    tally.load_count += 1;
                    tally.return_count += u64::from(is_return);
                    tally.code_bytes = code_bytes.into();
                    tally.read_bytes += u64::from(read_bytes);
                    add(&mut tally.phase_ticks, ticks);
                }
                self.leave(time_ticks, slot);
                if self.slots.len() < LIMIT || self.slots.contains_key(&slot) {
                    self.slots.entry(slot).or_default().present = Some((overlay, time_ticks));
                }
            }
            OverlayEvent::Evicted { slot, .. } => {
                self.leave(time_ticks, slot);
                self.tally(overlay).into_iter().for_each(|tally| tally.eviction_count += 1);
            }
            OverlayEvent::Unloaded { .. } => {
                let found = self.slots.iter().find(|(_, slot)| slot.holds(overlay));
                if let Some(slot) = found.map(|(&slot, _)| slot) {
                    self.leave(time_ticks, slot);
                }
                self.tally(overlay).into_iter().for_each(|tally| tally.unload_count += 1);
            }
            OverlayEvent::Refused { .. } => {
                self.tally(overlay).into_iter().for_each(|tally| tally.refused_count += 1);
            }
            OverlayEvent::Hit { .. } => {
                self.tally(overlay).into_iter().for_each(|tally| tally.hit_count += 1);
            }
            // What a later version tells has no place yet.
            _ => {}
        }
    }

    /// Is its code in a slot now?
    pub(crate) fn is_present(&self, overlay: u16) -> bool {
        self.slots.values().any(|slot| slot.holds(overlay))
    }

    /// The trace ends: what is in a slot stays to its end.
    pub(crate) fn finish(&mut self, end_ticks: u64) {
        let end_ticks = end_ticks.max(self.last_ticks);
        let slots: Vec<u16> = self.slots.keys().copied().collect();
        slots.into_iter().for_each(|slot| self.leave(end_ticks, slot));
    }

    fn tally(&mut self, overlay: u16) -> Option<&mut Tally> {
        if self.tallies.len() >= LIMIT && !self.tallies.contains_key(&overlay) {
            return None;
        }
        Some(self.tallies.entry(overlay).or_default())
    }

    /// What is in the slot goes, or is there no more.
    fn leave(&mut self, time_ticks: u64, slot: u16) {
        let Some(place) = self.slots.get_mut(&slot) else { return };
        let Some((overlay, start_ticks)) = place.present.take() else { return };
        if self.stay_count < STAY_LIMIT {
            self.stay_count += 1;
            place.stays.push(Stay { overlay, start_ticks, end_ticks: time_ticks });
        } else {
            self.omitted_count += 1;
        }
        if let Some(tally) = self.tally(overlay) {
            tally.stay_ticks += time_ticks.saturating_sub(start_ticks);
        }
    }
}

impl Slot {
    fn holds(&self, overlay: u16) -> bool {
        self.present.is_some_and(|(present, _)| present == overlay)
    }
}

fn add(sums: &mut [u64; 5], ticks: &LoadTicks) {
    for (sum, (_, ticks)) in sums.iter_mut().zip(ticks.phases()) {
        *sum += u64::from(ticks);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loaded(overlay: u16, is_return: bool) -> OverlayEvent {
        let ticks = LoadTicks { read: 7, copy: 2, ..LoadTicks::default() };
        OverlayEvent::Loaded {
            overlay,
            slot: 0,
            is_return,
            code_bytes: 100,
            read_bytes: 128,
            ticks,
        }
    }

    #[test]
    fn stays_follow_one_another_and_the_last_lasts_to_the_end() {
        let mut overlays = Overlays::default();
        overlays.name(1, "fft");
        overlays.event(10, &loaded(1, false));
        overlays.event(20, &OverlayEvent::Hit { overlay: 1 });
        overlays.event(30, &OverlayEvent::Evicted { overlay: 1, slot: 0 });
        overlays.event(35, &loaded(2, false));
        overlays.event(40, &OverlayEvent::Evicted { overlay: 2, slot: 0 });
        overlays.event(45, &loaded(1, true));
        overlays.event(50, &OverlayEvent::Refused { overlay: 2 });
        overlays.finish(60);
        let stay = |overlay, start_ticks, end_ticks| Stay { overlay, start_ticks, end_ticks };
        assert_eq!(overlays.slots[&0].stays, [stay(1, 10, 30), stay(2, 35, 40), stay(1, 45, 60)]);
        let fft = &overlays.tallies[&1];
        assert_eq!((fft.load_count, fft.return_count, fft.hit_count), (2, 1, 1));
        assert_eq!((fft.eviction_count, fft.read_bytes, fft.stay_ticks), (1, 256, 35));
        assert_eq!(fft.phase_ticks, [14, 0, 4, 0, 0]);
        assert_eq!(overlays.tallies[&2].refused_count, 1);
    }

    #[test]
    fn a_trace_without_end_costs_no_memory_without_end() {
        let mut overlays = Overlays::default();
        for round in 0..2 * STAY_LIMIT as u64 {
            overlays.event(round, &loaded(round as u16, false));
        }
        overlays.finish(u64::MAX);
        assert_eq!(overlays.slots[&0].stays.len(), STAY_LIMIT);
        assert_eq!(overlays.omitted_count, STAY_LIMIT as u64);
        assert_eq!(overlays.tallies.len(), LIMIT);
    }
}
