//! Functions in overlays: marked one by one in Rust and C, and a crate as a whole. Every answer is
//! checked. Prints `ok`.
#![no_std]
#![no_main]

use core::hint::black_box;
use core::mem::MaybeUninit;

use board_sd::{Card, Sifive};
use board_virt::stack::Stack;
use board_virt::{exit, println};
use esparto_overlay::{Direct, LoadError, Overlays, Resident};
use esparto_overlay_macros::overlay;
use overlay::{Files, Machine, Place};

type All = Overlays<Files, Direct, Machine, Resident, 1, 8>;

static STACK: Place<[MaybeUninit<u8>; 24 << 10]> = Place::new();
static BOUNCE: Place<[u32; 1024]> = Place::new();
static CARD: Place<Card<board_sd::SpiCard<Sifive>>> = Place::new();
static ALL: Place<All> = Place::new();

unsafe extern "C" {
    safe fn filter_calls() -> i32;
    safe fn filter_run(value: i32) -> i32;
    safe fn filter_kind(kind: i32, next: extern "C" fn(i32) -> i32) -> i32;
    safe fn filter_tap(index: i32) -> i32;
    safe fn filter_tap_pointer() -> extern "C" fn(i32) -> i32;
    safe fn report_of_filter(value: i32) -> i32;
}

/// A report, kept in an overlay.
#[derive(Debug)]
struct Report {
    lines: u32,
}

impl Report {
    #[overlay("report")]
    fn add(&mut self, name: &str) -> &mut Self {
        self.lines += name.len() as u32;
        self
    }
}

/// Private, and of more arguments than there are registers.
#[overlay("report")]
#[expect(clippy::too_many_arguments, reason = "some are on the stack")]
fn sum(a: u32, b: u32, c: u32, d: u32, e: u32, f: u32, g: u32, h: u32, i: u32, j: u32) -> u32 {
    a + 2 * b + 3 * c + 4 * d + 5 * e + 6 * f + 7 * g + 8 * h + 9 * i + 10 * j
}

/// Calls the other one of its overlay, resident code, and another overlay.
#[overlay("report")]
pub fn report(samples: &[u32], name: &str) -> u32 {
    let Some(window) = dsp::window(name) else { return u32::MAX };
    let weighed = dsp::weigh(samples, window);
    let one = black_box(1);
    weighed + sum(one, one, one, one, one, one, one, one, one, samples.len() as u32)
}

/// Private, and of more words than there are registers for arguments: the compiler may choose others.
#[overlay("filter")]
#[expect(clippy::too_many_arguments, reason = "to have more than fit")]
fn many(
    a: u32,
    b: u32,
    c: u32,
    d: u32,
    e: u32,
    f: u32,
    g: u32,
    h: u32,
    i: u32,
    j: u32,
    k: u32,
    l: u32,
    m: u32,
    n: u32,
) -> u32 {
    let all = [a, b, c, d, e, f, g, h, i, j, k, l, m, n];
    all.into_iter().enumerate().map(|(index, digit)| digit * (index as u32 + 1)).sum()
}

extern "C" fn cube(value: i32) -> i32 {
    value * value * value
}

fn set_up() -> Result<(), LoadError> {
    let files = match Files::of_command_line() {
        Some(files) => files,
        None => {
            let card = Card::over_spi(Sifive::start()).unwrap_or_else(|error| panic!("{error}"));
            // SAFETY: nothing else touches this place, and this runs once.
            Files::Card(unsafe { CARD.take() }.write(card))
        }
    };
    // SAFETY: nothing else touches these places, and this runs once.
    let (bounce, place) = unsafe { (BOUNCE.take().write([0; 1024]), ALL.take()) };
    let overlays = Overlays::new(files, Direct, Machine::new(), Resident::new()?, bounce)?;
    place.write(overlays).install()
}

#[board_virt::entry]
fn main() -> ! {
    // SAFETY: nothing else touches the place.
    let mut stack = Stack::new(unsafe { STACK.take() }.write([MaybeUninit::uninit(); 24 << 10]));
    stack.run(|| {
        set_up().unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(filter_run(10), 740);
        assert_eq!(filter_run(1), 804);
        assert_eq!(filter_calls(), 2);
        assert_eq!([0, 1, 2, 3, 4].map(|index| filter_tap(index)), [1, 4, 6, 4, 1]);
        let expected = [27, -5, 11, -92, 130, 340, 1241, -1];
        for (kind, expected) in (0..).zip(expected) {
            assert_eq!(filter_kind(kind, cube), expected, "case {kind}");
        }
        println!("filter");

        let pointer = filter_tap_pointer();
        let samples = [10, 20, 30, 40, 50];
        assert_eq!(report(&samples, "flat"), 150 + 45 + 50);
        assert_eq!(pointer(2), 6, "a stub's: its overlay was evicted");
        assert_eq!(report(&samples, "triangle"), 3 + 13 + 30 + 26 + 16 + 45 + 50);
        assert_eq!(report(&samples, "none"), u32::MAX);
        assert_eq!(report_of_filter(0), 805);
        let x = black_box(1);
        assert_eq!(many(x, x, x, x, x, x, x, x, x, x, x, x, x, 2 * x), 105 + 14);
        assert_eq!(report_of_filter(0), 805);
        assert_eq!(many(x, x, x, x, x, x, x, x, 3 * x, x, x, x, x, x), 105 + 18);
        let mut report = Report { lines: 1 };
        assert_eq!(report.add("three").add("lines").lines, 11);
        println!("report");
    });
    // SAFETY: set up above.
    let stats = unsafe { ALL.get() }.stats();
    println!("loads {} restores {}", stats.load_count, stats.restore_count);
    println!("ok");
    exit::success()
}
