//! Keeps the address of a function where an overlay has it, and calls it when the overlay is gone.
//! The simulator's memcheck says so; before that, it finds nothing in loads, calls and evictions.
#![no_std]
#![no_main]

use core::mem::MaybeUninit;

use board_sd::{Card, Sifive, SpiCard};
use board_virt::stack::Stack;
use board_virt::{exit, println};
use esparto_overlay::{Function, LoadError, Overlays, Resident};
use overlay::calls::{self, IntFunction};
use overlay::{Files, Machine, Place, Told};

type All = Overlays<Files, Told, Machine, Resident, 2, 8>;

static STACK: Place<[MaybeUninit<u8>; 24 << 10]> = Place::new();
static BOUNCE: Place<[u32; 1024]> = Place::new();
static CARD: Place<Card<SpiCard<Sifive>>> = Place::new();
static ALL: Place<All> = Place::new();

// SAFETY: `ping` exports `int ping_switch(int)`.
static SWITCH: Function<IntFunction> = unsafe { Function::new("ping", "ping_switch") };

fn set_up() -> Result<&'static All, LoadError> {
    let card = Card::over_spi(Sifive::start()).unwrap_or_else(|error| panic!("{error}"));
    // SAFETY: nothing else touches these places, and this runs once.
    let (card, bounce, place) =
        unsafe { (CARD.take().write(card), BOUNCE.take().write([0; 1024]), ALL.take()) };
    let overlays =
        Overlays::new(Files::Card(card), Told, Machine::new(), Resident::new()?, bounce)?;
    let overlays: &'static All = place.write(overlays);
    overlays.install()?;
    Ok(overlays)
}

#[board_virt::entry]
fn main() -> ! {
    // SAFETY: nothing else touches the place.
    let mut stack = Stack::new(unsafe { STACK.take() }.write([MaybeUninit::uninit(); 24 << 10]));
    stack.run(|| {
        let all = set_up().unwrap_or_else(|error| panic!("{error}"));
        for index in 0..4 {
            println!("{} {}", calls::ping(5, index), calls::moving_table(index));
        }
        let kept: IntFunction = *SWITCH.pin(all).unwrap_or_else(|error| panic!("{error}"));
        println!("{}", kept(3));
        let ping = all.find("ping").unwrap_or_else(|error| panic!("{error}"));
        all.unload(ping).unwrap_or_else(|error| panic!("{error}"));
        println!("{}", kept(3)); // planted
    });
    exit::success()
}
