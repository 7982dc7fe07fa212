//! Random requests against an oracle that knows the rules: least recently used first, pins hold.

mod kit;

use esparto_image::Placement;
use esparto_overlay::{LoadError, Pin};
use kit::{Spec, Tested, World};
use proptest::prelude::*;

const OVERLAYS: usize = 6;
const SLOTS: usize = 3;

#[derive(Clone, Copy, Debug)]
enum Op {
    Load(usize),
    Pin(usize),
    Drop(usize),
    Unload(usize),
    /// The next read of the card fails.
    Break,
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let op = prop_oneof![
        4 => (0..OVERLAYS).prop_map(Op::Load),
        3 => (0..OVERLAYS).prop_map(Op::Pin),
        3 => (0..16_usize).prop_map(Op::Drop),
        1 => (0..OVERLAYS).prop_map(Op::Unload),
        1 => Just(Op::Break),
    ];
    proptest::collection::vec(op, 1..60)
}

/// What must be where.
#[derive(Default)]
struct Oracle {
    /// Overlay and time of the last request.
    slots: [Option<(usize, u32)>; SLOTS],
    pins: [u16; OVERLAYS],
    alive: [bool; OVERLAYS],
    ended: [bool; OVERLAYS],
    clock: u32,
}

impl Oracle {
    fn slot_of(&self, overlay: usize) -> Option<usize> {
        self.slots.iter().position(|slot| slot.is_some_and(|(there, _)| there == overlay))
    }

    /// The slot for an overlay that is not there: even ones are prelinked for a slot, odd ones go
    /// anywhere.
    fn choose(&self, overlay: usize) -> Option<usize> {
        let allowed = |slot: &usize| overlay % 2 == 1 || *slot == overlay / 2 % SLOTS;
        let free = |slot: &usize| self.slots[*slot].is_none_or(|(there, _)| self.pins[there] == 0);
        let candidates = (0..SLOTS).filter(allowed).filter(free);
        candidates.min_by_key(|slot| self.slots[*slot].map_or(0, |(_, used)| used + 1))
    }

    fn touch(&mut self, slot: usize, overlay: usize) {
        self.clock += 1;
        self.slots[slot] = Some((overlay, self.clock));
    }
}

fn check(world: &World, overlays: &Tested, oracle: &Oracle) {
    let expected = oracle.slots.map(|slot| slot.map(|(overlay, _)| overlay as u16));
    assert_eq!(overlays.slots()[..SLOTS], expected);
    let mut mapped: Vec<_> = oracle.slots.iter().flatten().map(|(overlay, _)| *overlay).collect();
    mapped.sort_unstable();
    assert_eq!(world.mapped(), mapped);
    for (slot, there) in oracle.slots.iter().enumerate() {
        if let Some((overlay, _)) = there {
            world.assert_in_slot(*overlay, slot);
        }
    }
    for overlay in 0..OVERLAYS {
        assert_eq!(overlays.is_alive(overlay), oracle.alive[overlay]);
    }
}

fn run(ops: &[Op]) {
    let names = ["a", "b", "c", "d", "e", "f"];
    let specs = names.iter().enumerate().map(|(index, name)| {
        let mut spec = Spec::new(name, (index / 2 % SLOTS) as u16);
        (spec.code_words, spec.data_words) = (44, 3);
        if index % 2 == 1 {
            spec.placement = Placement::Relocatable;
            (spec.constructors, spec.destructors) = (0, 0);
            (spec.data_words, spec.zero_words) = (0, 0);
        }
        spec
    });
    let world = World::new(specs.collect(), SLOTS);
    let overlays: &'static Tested = Box::leak(Box::new(world.overlays(2048)));
    let mut oracle = Oracle::default();
    let mut pins: Vec<Pin<'static>> = Vec::new();
    for op in ops {
        match *op {
            Op::Load(overlay) | Op::Pin(overlay) => {
                let is_pin = matches!(op, Op::Pin(_));
                let outcome = if is_pin {
                    overlays.pin(overlay).map(|pin| pins.push(pin))
                } else {
                    overlays.load(overlay)
                };
                let is_broken = world.fail_at.lock().expect("no panic").take().is_some();
                if let Some(slot) = oracle.slot_of(overlay) {
                    assert_eq!(outcome, Ok(()));
                    oracle.touch(slot, overlay);
                } else if oracle.ended[overlay] && is_pin {
                    assert_eq!(outcome, Err(LoadError::Unloaded { overlay: overlay as u16 }));
                    continue;
                } else if is_broken {
                    // The first read is that of the header: nothing was evicted for it.
                    assert!(matches!(outcome, Err(LoadError::Read { offset: 0, .. })));
                    oracle.ended[overlay] = false;
                    continue;
                } else if let Some(slot) = oracle.choose(overlay) {
                    assert_eq!(outcome, Ok(()), "{op:?}");
                    oracle.touch(slot, overlay);
                    oracle.alive[overlay] = true;
                    oracle.ended[overlay] = false;
                } else {
                    assert!(matches!(outcome, Err(LoadError::AllPinned { .. })), "{outcome:?}");
                    oracle.ended[overlay] = false;
                    continue;
                }
                oracle.pins[overlay] += u16::from(is_pin);
            }
            Op::Drop(index) => {
                if !pins.is_empty() {
                    let pin = pins.swap_remove(index % pins.len());
                    oracle.pins[pin.overlay()] -= 1;
                }
            }
            Op::Unload(overlay) => {
                *world.fail_at.lock().expect("no panic") = None;
                let outcome = overlays.unload(overlay);
                let pin_count = oracle.pins[overlay];
                if !oracle.alive[overlay] {
                    assert_eq!(outcome, Ok(()));
                } else if pin_count != 0 {
                    assert_eq!(outcome, Err(LoadError::Pinned { pin_count }));
                    continue;
                } else if let Some(slot) =
                    oracle.slot_of(overlay).or_else(|| oracle.choose(overlay))
                {
                    assert_eq!(outcome, Ok(()));
                    oracle.slots[slot] = None;
                    // Its code came back for its destructors, which was a request.
                    oracle.clock += 1;
                } else {
                    assert!(matches!(outcome, Err(LoadError::AllPinned { .. })));
                    continue;
                }
                oracle.alive[overlay] = false;
                oracle.ended[overlay] = true;
            }
            Op::Break => {
                let next = world.reads.lock().expect("no panic").len();
                *world.fail_at.lock().expect("no panic") = Some((next, false));
            }
        }
        check(world, overlays, &oracle);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_sequence_holds(ops in ops()) {
        run(&ops);
    }
}
