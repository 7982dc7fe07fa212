//! What a signed manifest costs, in instructions: once, and at every load.
//!
//! `ESPARTO_PUBLIC_KEY` is the key's text when this is built. Prints a line for each figure and `ok`.
#![no_std]
#![no_main]

#[path = "../loads.rs"]
mod loads;

use board_virt::{counter, exit, println};
use esparto_overlay::{Direct, Overlays, PublicKey, Resident, Seal};
use overlay::{Files, Machine, Place};

type All = Overlays<Files, Direct, Machine, Resident, 2, 8>;

/// Hundredths of an instruction for each byte of code, beyond the storage's own read.
const LIMIT: u32 = 10_000;
/// Instructions of reading the manifest and verifying its signature.
const TRUST_LIMIT: u32 = 5_000_000;

static BOUNCE: Place<[u32; 1024]> = Place::new();
static SEALS: Place<[Seal; 16]> = Place::new();
static ALL: Place<All> = Place::new();

#[board_virt::entry]
fn main() -> ! {
    let key = option_env!("ESPARTO_PUBLIC_KEY").unwrap_or_default();
    let key: PublicKey = key.parse().unwrap_or_else(|error| panic!("ESPARTO_PUBLIC_KEY: {error}"));
    let files = Files::of_command_line().expect("the overlays are in a folder of the host");
    let tables = Resident::new().unwrap_or_else(|error| panic!("{error}"));
    // SAFETY: nothing else touches these places, and this runs once.
    let (bounce, place) = unsafe { (BOUNCE.take().write([0; 1024]), ALL.take()) };
    // SAFETY: as above.
    let seals = unsafe { SEALS.take() }.write([Seal::EMPTY; 16]);
    let made = Overlays::new(files, Direct, Machine::new(), tables, bounce);
    let all = place.write(made.unwrap_or_else(|error| panic!("{error}")));
    let start = counter::instructions();
    all.trust(&key, seals).unwrap_or_else(|error| panic!("{error}"));
    let took = counter::instructions() - start;
    println!("trust {took}");
    assert!(took <= TRUST_LIMIT);
    loads::hold(all, "bulk", "bulk-signed", LIMIT);
    println!("ok");
    exit::success()
}
