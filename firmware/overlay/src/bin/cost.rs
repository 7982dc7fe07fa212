//! What loading and calling cost, in instructions, each held to its limit.
//!
//! Prints a line for each figure and `ok`.
#![no_std]
#![no_main]

#[path = "../loads.rs"]
mod loads;

use core::hint::black_box;
use core::mem::MaybeUninit;

use board_virt::stack::Stack;
use board_virt::{counter, exit, println};
use esparto_overlay::{Direct, Function, Overlays, Resident};
use overlay::calls::{self, IntFunction};
use overlay::{Files, Machine, Place};

type All = Overlays<Files, Direct, Machine, Resident, 2, 32>;

/// Hundredths of an instruction for each byte of code, beyond the storage's own read.
const PRELINKED_LIMIT: u32 = 600;
const RELOCATABLE_LIMIT: u32 = 900;
/// Instructions that a call through a stub takes more than a call of a resident function.
const STUB_LIMIT: u32 = 8;
/// The same for a pinned handle.
const PINNED_LIMIT: u32 = 2;
/// What the overlays take in RAM besides the bounce buffer.
const RAM_LIMIT: usize = 2048;

const CALLS: u32 = 100;

static STACK: Place<[MaybeUninit<u8>; 24 << 10]> = Place::new();
static BOUNCE: Place<[u32; 1024]> = Place::new();
static ALL: Place<All> = Place::new();

// SAFETY: `bulk` exports `int bulk(int)`.
static BULK: Function<IntFunction> = unsafe { Function::new("bulk", "bulk") };

fn set_up() -> &'static All {
    let files = Files::of_command_line().expect("the overlays are in a folder of the host");
    let tables = Resident::new().unwrap_or_else(|error| panic!("{error}"));
    // SAFETY: nothing else touches these places, and this runs once.
    let (bounce, place) = unsafe { (BOUNCE.take().write([0; 1024]), ALL.take()) };
    let made = Overlays::new(files, Direct, Machine::new(), tables, bounce);
    let all = place.write(made.unwrap_or_else(|error| panic!("{error}")));
    all.install().unwrap_or_else(|error| panic!("{error}"));
    all
}

/// Instructions of so many calls of `function`, with what the loop takes.
#[inline(always)]
fn calls(function: impl Fn(i32) -> i32) -> u32 {
    let mut value = black_box(0);
    let start = counter::instructions();
    for _ in 0..CALLS {
        value = function(value);
    }
    let count = counter::instructions() - start;
    assert_eq!(black_box(value), CALLS as i32);
    count
}

fn hold_call(name: &str, own: u32, resident: u32, limit: u32) {
    let more = own.saturating_sub(resident);
    println!("call {name} {}.{:02} more", more / CALLS, more % CALLS);
    assert!(more <= limit * CALLS, "{name}: {more} for {CALLS} calls, at most {limit} each");
}

#[board_virt::entry]
fn main() -> ! {
    // SAFETY: nothing else touches the place.
    let mut stack = Stack::new(unsafe { STACK.take() }.write([MaybeUninit::uninit(); 24 << 10]));
    stack.run(|| {
        let all = set_up();
        loads::hold(all, "bulk", "bulk", PRELINKED_LIMIT);
        loads::hold(all, "drift", "drift", RELOCATABLE_LIMIT);

        let resident = calls(|value| calls::resident_bulk(value));
        assert_eq!(calls::bulk(1), 2);
        hold_call("stub", calls(|value| calls::bulk(value)), resident, STUB_LIMIT);
        let pinned = BULK.pin(all).unwrap_or_else(|error| panic!("{error}"));
        hold_call("pinned", calls(|value| (*pinned)(value)), resident, PINNED_LIMIT);
    });
    println!("stack {} of {}", stack.high_water_bytes(), stack.len_bytes());
    println!("ram {}", size_of::<All>());
    assert!(size_of::<All>() <= RAM_LIMIT);
    println!("ok");
    exit::success()
}
