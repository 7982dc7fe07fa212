//! Overlays in C and C++ share slots and call one another on a core with register windows; every
//! answer is checked, by what the RISC-V program holds them to. A timer interrupts all of it.
//!
//! Prints a line for each part and `ok`.
#![no_std]
#![no_main]

#[path = "../../overlay/src/parts.rs"]
mod parts;
mod wide;

use core::mem::MaybeUninit;
use core::sync::atomic::{AtomicU32, Ordering};

use board_windowed::{exit, println, stack, timer};
use esparto_overlay::{Direct, LoadError, Overlays, Resident};
use overlay_windowed::calls;
use overlay_windowed::{Files, Machine, Place, REFUSED};

type All = Overlays<Files, Direct, Machine, Resident, 2, 8>;

static STACK: Place<[MaybeUninit<u8>; 24 << 10]> = Place::new();
static BOUNCE: Place<[u32; 1024]> = Place::new();
static ALL: Place<All> = Place::new();
static TICK_COUNT: AtomicU32 = AtomicU32::new(0);

/// Times that all is done: often enough to be interrupted anywhere.
const ROUND_COUNT: u32 = 12;

/// Where the overlays are, once they are set up.
fn all() -> &'static All {
    // SAFETY: set up before anything calls this.
    unsafe { ALL.get() }
}

fn set_up() -> Result<(), LoadError> {
    // SAFETY: nothing else touches these places, and this runs once.
    let (bounce, place) = unsafe { (BOUNCE.take().write([0; 1024]), ALL.take()) };
    let overlays = Overlays::new(Files, Direct, Machine::new(), Resident::new()?, bounce)?;
    place.write(overlays).install()
}

#[unsafe(no_mangle)]
fn on_timer() {
    timer::acknowledge();
    TICK_COUNT.fetch_add(1, Ordering::Relaxed);
}

/// In the other slot, and from there into this one.
fn call_others() {
    let pi = [6, 3, 8, 3, 10, 27, 4, 18];
    for (index, expected) in (0..).zip(pi) {
        assert_eq!(calls::moving_table(index), expected);
    }
    assert_eq!(calls::moving_through_pong(100), 103);
    let value = 0x1234_5678_i32;
    let mixed = (value ^ value << 7).wrapping_mul(0x0100_0193);
    let low = mixed & 0xFF;
    assert_eq!(calls::loose_mix(value), low * low + (mixed >> 16));
}

/// A pin keeps what is called through; who is called from is not pushed out by an explicit load.
fn hold() {
    let [ping, pong] = ["ping", "pong"].map(|name| all().find(name).expect("packed"));
    let pin = all().pin(ping).expect("nobody is in the slot");
    let refused = all().pin(pong).map(|_| ());
    assert_eq!(refused, Err(LoadError::AllPinned { slot: 0, pin_count: 1 }));
    drop(pin);
    drop(all().pin(pong).expect("nobody is in the slot"));
}

#[unsafe(no_mangle)]
fn main() -> ! {
    // SAFETY: nothing else touches the place.
    let memory = unsafe { STACK.take() }.write([MaybeUninit::uninit(); 24 << 10]);
    let mut stack = stack::Stack::new(memory);
    stack.run(|| {
        set_up().unwrap_or_else(|error| panic!("{error}"));
        timer::start(1);
        parts::call_c();
        parts::recurse();
        parts::jump();
        parts::call_cpp();
        call_others();
        for _ in 0..ROUND_COUNT {
            wide::call_wide();
            hold();
            parts::recurse();
            parts::jump();
            call_others();
        }
        timer::stop();
    });
    let stats = all().stats();
    println!(
        "loads {} evictions {} restores {} ticks {}",
        stats.load_count,
        stats.eviction_count,
        stats.restore_count,
        TICK_COUNT.load(Ordering::Relaxed)
    );
    println!("stack {} of {}", stack.high_water_bytes(), stack.len_bytes());
    println!("ok");
    exit::success()
}
