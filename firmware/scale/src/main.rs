//! Hundreds of overlays on an SD card, called in the order that a list on the card gives.
//!
//! `PLAN.BIN` has three words for each call: the number of the function, its argument, and what the
//! host says that the answer is. A wrong one ends the program. Prints `progress …` on the way, then
//! what the loader did, the digest of all answers, and `ok`.
#![no_std]
#![no_main]

mod shelves;

use core::mem::MaybeUninit;

use board_sd::{Card, CardError, Sifive, SpiCard};
use board_virt::stack::Stack;
use board_virt::{counter, exit, println};
use esparto_overlay::{Direct, Overlays, Resident};
use overlay::{Files, Machine, Place};

use shelves::Shelves;

/// The most overlays and slots that a list may be about.
const OVERLAYS: usize = 2048;
const SLOTS: usize = 4;

type All = Overlays<Shelves, Direct, Machine, Resident, SLOTS, OVERLAYS>;
type Generated = extern "C" fn(u32) -> u32;

static STACK: Place<[MaybeUninit<u8>; 24 << 10]> = Place::new();
static BOUNCE: Place<[u32; 1024]> = Place::new();
static CARD: Place<Card<SpiCard<Sifive>>> = Place::new();
static ALL: Place<All> = Place::new();

const PLAN: &str = "PLAN.BIN";
const ENTRY_BYTES: usize = 12;
/// What is read of the plan at once.
const PIECE_BYTES: usize = 512 * ENTRY_BYTES;

/// Lines about progress.
const PROGRESS_COUNT: usize = 50;

unsafe extern "C" {
    /// All functions, by number: each the address of a stub. Generated with them.
    static scale_functions: [Generated; 0];
    static scale_function_count: u32;
}

/// The function of a number.
fn function(number: usize) -> Generated {
    // SAFETY: a constant.
    let count = unsafe { (&raw const scale_function_count).read() } as usize;
    assert!(number < count, "the plan calls function {number} of {count}");
    // SAFETY: there are as many as the count says, one behind the other.
    unsafe { (&raw const scale_functions).cast::<Generated>().add(number).read() }
}

/// Sums of what was seen from outside of the loader.
#[derive(Default)]
struct Seen {
    call_count: usize,
    /// Calls that loaded nothing.
    hit_count: usize,
    /// Instructions of calls that loaded once or more.
    miss_instructions: u64,
    digest: u32,
}

/// FNV-1a, by words.
fn digest(digest: u32, word: u32) -> u32 {
    (digest ^ word).wrapping_mul(0x0100_0193)
}

fn word(entry: &[u8], index: usize) -> u32 {
    let bytes = entry[4 * index..].first_chunk().copied();
    u32::from_le_bytes(bytes.expect("an entry has three words"))
}

fn call(entry: &[u8], all: &All, seen: &mut Seen) {
    let (number, argument, expected) = (word(entry, 0) as usize, word(entry, 1), word(entry, 2));
    let generated = function(number);
    let loads_before = all.stats().load_count;
    let before = counter::instructions_u64();
    let answer = generated(argument);
    let instructions = counter::instructions_u64() - before;
    assert_eq!(answer, expected, "call {} of function {number} by {argument:#x}", seen.call_count);
    if all.stats().load_count == loads_before {
        seen.hit_count += 1;
    } else {
        seen.miss_instructions += instructions;
    }
    seen.call_count += 1;
    seen.digest = digest(seen.digest, answer);
}

fn run(card: &'static Card<SpiCard<Sifive>>) -> Result<Seen, CardError> {
    // SAFETY: nothing else touches these places, and this runs once.
    let (bounce, place) = unsafe { (BOUNCE.take().write([0; 1024]), ALL.take()) };
    let resident = Resident::new().unwrap_or_else(|error| panic!("{error}"));
    let files = Shelves(Files::Card(card));
    let all = Overlays::new(files, Direct, Machine::new(), resident, bounce);
    let all: &'static All = place.write(all.unwrap_or_else(|error| panic!("{error}")));
    all.install().unwrap_or_else(|error| panic!("{error}"));

    let plan_bytes = card.open(PLAN)?.len_bytes();
    let total_count = plan_bytes as usize / ENTRY_BYTES;
    let mut seen = Seen::default();
    let mut offset = 0;
    let mut piece = [0; PIECE_BYTES];
    while offset < plan_bytes {
        // Opened anew: the loader's files come in between.
        let count = card.open(PLAN)?.read_at(offset, &mut piece)?;
        for entry in piece[..count].chunks_exact(ENTRY_BYTES) {
            call(entry, all, &mut seen);
            let done_count = seen.call_count;
            if (done_count * PROGRESS_COUNT / total_count)
                != ((done_count - 1) * PROGRESS_COUNT / total_count)
            {
                let loads = all.stats().load_count;
                println!("progress {done_count}/{total_count} calls, {loads} loads");
            }
        }
        offset += count as u32;
    }
    let stats = all.stats();
    println!(
        "loads {} hits {} evictions {} restores {} failures {}",
        stats.load_count,
        seen.hit_count,
        stats.eviction_count,
        stats.restore_count,
        stats.failure_count
    );
    println!("bytes read {} code {}", stats.read_bytes, stats.code_bytes);
    println!("miss instructions {}", seen.miss_instructions);
    Ok(seen)
}

#[board_virt::entry]
fn main() -> ! {
    let card = Card::over_spi(Sifive::start()).unwrap_or_else(|error| panic!("{error}"));
    // SAFETY: nothing else touches these places, and this runs once.
    let (card, stack) = unsafe { (CARD.take().write(card), STACK.take()) };
    let mut stack = Stack::new(stack.write([MaybeUninit::uninit(); 24 << 10]));
    let mut seen = Seen::default();
    stack.run(|| seen = run(card).unwrap_or_else(|error| panic!("{error}")));
    println!("calls {} digest {:08x}", seen.call_count, seen.digest);
    println!("stack {} of {}", stack.high_water_bytes(), stack.len_bytes());
    println!("ok");
    exit::success()
}
