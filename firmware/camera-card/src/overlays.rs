//! The overlays of the camera, and what is told of them.

use core::cell::RefCell;

use board_sd::{Card, Sifive, SpiCard};
use board_virt::println;
use camera::Stage;
use critical_section::Mutex;
use esparto_overlay::{Direct, Event, Overlays, Resident, Stats};
use esparto_trace::{LoadTicks, OverlayEvent};
use overlay::{Files, Place};

use crate::gate::GATE;
use crate::machine::Machine;

const SLOTS: usize = 1;
const OVERLAYS: usize = 8;

type All = Overlays<Files, Direct, Machine, Resident, SLOTS, OVERLAYS>;

/// What is read at once.
const BOUNCE_WORDS: usize = 1024;

static BOUNCE: Place<[u32; BOUNCE_WORDS]> = Place::new();
static CARD: Place<Card<SpiCard<Sifive>>> = Place::new();
static ALL: Place<All> = Place::new();

/// What was told last, and of what it was.
#[derive(Clone, Copy)]
struct Told {
    stats: Stats,
    counts: [Counts; OVERLAYS],
}

/// Of one overlay.
#[derive(Clone, Copy)]
struct Counts {
    load_count: u32,
    hit_count: u32,
    eviction_count: u32,
    read_bytes: u32,
}

impl Counts {
    const NONE: Self = Self { load_count: 0, hit_count: 0, eviction_count: 0, read_bytes: 0 };
}

static TOLD: Mutex<RefCell<Option<Told>>> = Mutex::new(RefCell::new(None));

fn all() -> &'static All {
    // SAFETY: written by `set_up`, before anything else here is called.
    unsafe { ALL.get() }
}

/// Finds the overlays, names them in the trace, and lets stubs load them.
///
/// # Panics
/// There is no card, or the firmware was packed by another release.
pub(crate) fn set_up() {
    let card = Card::over_spi(Sifive::start()).unwrap_or_else(|error| panic!("{error}"));
    // SAFETY: nothing else touches this place, and this runs once.
    let files = Files::Card(unsafe { CARD.take() }.write(card));
    // SAFETY: nothing else touches these places, and this runs once.
    let (bounce, place) = unsafe { (BOUNCE.take().write([0; BOUNCE_WORDS]), ALL.take()) };
    let resident = Resident::new().unwrap_or_else(|error| panic!("{error}"));
    let overlays = Overlays::new(files, Direct, Machine, resident, bounce);
    let overlays = place.write(overlays.unwrap_or_else(|error| panic!("{error}")));
    let told = Told { stats: overlays.stats(), counts: [Counts::NONE; OVERLAYS] };
    critical_section::with(|cs| TOLD.replace(cs, Some(told)));
    overlays.install().unwrap_or_else(|error| panic!("{error}"));
    for (overlay, name) in names().enumerate() {
        recording::name_overlay(overlay as u16, name);
    }
}

/// The overlays of this camera, by number.
fn names() -> impl Iterator<Item = &'static str> {
    use esparto_overlay::Tables;
    let tables = all().tables();
    (0..tables.overlay_count()).map(|overlay| tables.name(overlay))
}

/// The overlay that a stage's work begins in.
fn first_of(stage: Stage) -> Option<&'static str> {
    match stage {
        Stage::Decode => Some("marker"),
        Stage::Scale => Some("lens"),
        Stage::Report | Stage::Compress => Some("report"),
        Stage::Detect => None,
    }
}

fn with_told<R>(f: impl FnOnce(&mut Told) -> R) -> R {
    critical_section::with(|cs| f(TOLD.borrow_ref_mut(cs).as_mut().expect("set up")))
}

/// A stage begins: does it find its code?
pub(crate) fn note_hits(stage: Stage) {
    let Some(overlay) = first_of(stage).and_then(|name| all().find(name).ok()) else { return };
    if all().is_mapped(overlay) {
        with_told(|told| told.counts[overlay].hit_count += 1);
        recording::overlay(&OverlayEvent::Hit { overlay: overlay as u16 });
    }
}

/// The loader did something: into the trace with it, and who it cost how much.
pub(crate) fn note(event: Event) {
    assert!(GATE.holder().is_some(), "overlays come and go inside of the gate only");
    let stats = all().stats();
    let event = with_told(|told| {
        let before = core::mem::replace(&mut told.stats, stats);
        match event {
            Event::Loaded { overlay, slot, code_bytes } => {
                let read_bytes = stats.read_bytes.wrapping_sub(before.read_bytes);
                let counts = &mut told.counts[usize::from(overlay)];
                counts.load_count += 1;
                counts.read_bytes += read_bytes;
                Some(OverlayEvent::Loaded {
                    overlay,
                    slot,
                    is_return: stats.restore_count != before.restore_count,
                    code_bytes,
                    read_bytes,
                    ticks: LoadTicks {
                        read: stats.read_ticks.wrapping_sub(before.read_ticks),
                        verify: stats.verify_ticks.wrapping_sub(before.verify_ticks),
                        copy: stats.copy_ticks.wrapping_sub(before.copy_ticks),
                        sync: stats.sync_ticks.wrapping_sub(before.sync_ticks),
                        construct: stats.construct_ticks.wrapping_sub(before.construct_ticks),
                    },
                })
            }
            Event::Evicted { overlay, slot } => {
                told.counts[usize::from(overlay)].eviction_count += 1;
                // What the load cost so far is told when it is over.
                told.stats = before;
                Some(OverlayEvent::Evicted { overlay, slot })
            }
            Event::Unloaded { overlay } => Some(OverlayEvent::Unloaded { overlay }),
            _ => None,
        }
    });
    if let Some(event) = event {
        recording::overlay(&event);
    }
}

/// Lines for people and for the host's tools: one for each overlay, one for all.
pub(crate) fn tell() {
    let counts = with_told(|told| told.counts);
    for (name, counts) in names().zip(counts) {
        let Counts { load_count, hit_count, eviction_count, read_bytes } = counts;
        println!(
            "overlay {name} loads={load_count} hits={hit_count} evictions={eviction_count} read={read_bytes}"
        );
    }
    let stats = all().stats();
    println!(
        "overlays loads={} restores={} evictions={} failures={} read={} code={} data={}",
        stats.load_count,
        stats.restore_count,
        stats.eviction_count,
        stats.failure_count,
        stats.read_bytes,
        stats.code_bytes,
        stats.data_bytes
    );
}
