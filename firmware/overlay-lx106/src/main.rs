//! Overlays in C and C++ share slots and call one another on the Xtensa core; every answer is
//! checked, by what the RISC-V program holds them to.
//!
//! Prints a line for each part and `ok`.
#![no_std]
#![no_main]

#[path = "../../overlay/src/parts.rs"]
mod parts;

use core::mem::MaybeUninit;

use board_lx106::{exit, println, stack};
use esparto_overlay::{Direct, Function, LoadError, Overlays, Pin, Resident};
use overlay_lx106::calls::{self, IntFunction};
use overlay_lx106::{Files, Machine, Place, REFUSED};

type All = Overlays<Files, Direct, Machine, Resident, 2, 8>;

static STACK: Place<[MaybeUninit<u8>; 24 << 10]> = Place::new();
static BOUNCE: Place<[u32; 1024]> = Place::new();
static ALL: Place<All> = Place::new();

// SAFETY: `moving` exports `int moving_table(int)`.
static MOVING: Function<IntFunction> = unsafe { Function::new("moving", "moving_table") };

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

/// Pins an overlay from the top: of what old calls left on the stack, nobody returns into it.
fn pin(name: &str) -> Pin<'static> {
    let overlay = all().find(name).expect("packed");
    // SAFETY: this program's parts are called by `main`, which is resident.
    unsafe { all().load_at_top(overlay) }.expect("loads");
    all().pin(overlay).expect("is there")
}

/// Code that runs where it was not linked: its literals were moved with it.
fn relocate() {
    let pi = [6, 3, 8, 3, 10, 27, 4, 18];
    for (index, expected) in (0..).zip(pi) {
        assert_eq!(calls::moving_table(index), expected);
    }
    let values = [1, 2, 3];
    // SAFETY: as many values as it is told.
    assert_eq!(unsafe { calls::moving_sum(values.as_ptr(), 3) }, 1000 + 3 + 2 + 12);
    assert_eq!(calls::moving_through_pong(100), 103);
    assert_eq!(all().call(&MOVING, |table| table(5)), Ok(27));
    let value = 0x1234_5678_i32;
    let mixed = (value ^ value << 7).wrapping_mul(0x0100_0193);
    let low = mixed & 0xFF;
    // Wherever there is no pin.
    for other in ["pong", "moving"] {
        let held = pin(other);
        assert_eq!(pin("loose").slot(), 1 - held.slot(), "beside {other}");
        drop(held);
        assert_eq!(calls::loose_mix(value), low * low + (mixed >> 16));
    }
    println!("relocate {}", all().stats().load_count);
}

#[unsafe(no_mangle)]
fn main() -> ! {
    // SAFETY: nothing else touches the place.
    let memory = unsafe { STACK.take() }.write([MaybeUninit::uninit(); 24 << 10]);
    let mut stack = stack::Stack::new(memory);
    stack.run(|| {
        set_up().unwrap_or_else(|error| panic!("{error}"));
        parts::call_c();
        parts::recurse();
        parts::jump();
        parts::call_cpp();
        relocate();
    });
    let stats = all().stats();
    println!(
        "loads {} evictions {} restores {}",
        stats.load_count, stats.eviction_count, stats.restore_count
    );
    println!("stack {} of {}", stack.high_water_bytes(), stack.len_bytes());
    println!("ok");
    exit::success()
}
