//! Overlays in C and C++ share slots and call one another; every answer is checked.
//!
//! Prints a line for each part and `ok`.
#![no_std]
#![no_main]

#[path = "../parts.rs"]
mod parts;

use core::hint::black_box;
use core::mem::MaybeUninit;

use board_sd::{Card, Sifive, SpiCard};
use board_virt::stack::Stack;
use board_virt::{doorbell, exit, println};
use esparto_overlay::{Direct, Function, LoadError, Overlays, Pin, Resident, Tables as _};
use overlay::calls::{self, IntFunction};
use overlay::{Files, Machine, Place, REFUSED};

type All = Overlays<Files, Direct, Machine, Resident, 2, 8>;

static STACK: Place<[MaybeUninit<u8>; 24 << 10]> = Place::new();
static BOUNCE: Place<[u32; 1024]> = Place::new();
static CARD: Place<Card<SpiCard<Sifive>>> = Place::new();
static ALL: Place<All> = Place::new();

// SAFETY: `ping` exports `int ping(int, int)` and so on.
static DIGIT_SWITCH: Function<IntFunction> = unsafe { Function::new("ping", "ping_switch") };
// SAFETY: `moving` exports `int moving_table(int)`.
static MOVING: Function<IntFunction> = unsafe { Function::new("moving", "moving_table") };
// SAFETY: nothing exports it, so it is never called.
static ABSENT: Function<IntFunction> = unsafe { Function::new("ping", "no_such_function") };

/// Where the overlays are, once they are set up.
fn all() -> &'static All {
    // SAFETY: set up before anything calls this.
    unsafe { ALL.get() }
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

/// Loads an overlay from the top: of what old calls left on the stack, nobody returns into it.
fn load(name: &str) -> usize {
    let overlay = all().find(name).expect("packed");
    // SAFETY: this program's parts are called by `main`, which is resident.
    unsafe { all().load_at_top(overlay) }.expect("loads");
    overlay
}

/// Pins it, too.
fn pin(name: &str) -> Pin<'static> {
    all().pin(load(name)).expect("is there")
}

/// The start of the slot that `pong` is linked for.
fn slot_addr() -> usize {
    all().tables().slot(0).start_addr as usize
}

/// Leaves nothing below the frames of now that looks like an address.
#[inline(never)]
fn clean() {
    black_box(&mut [0_u32; 1024]);
}

/// Pins `ping`, in the slot of `pong`, from a frame with this word in it.
fn pin_above(word: usize) -> Result<(), LoadError> {
    load("pong");
    let overlay = all().find("ping")?;
    clean();
    let frame = black_box([word; 2]);
    let outcome = all().pin(overlay).map(drop);
    black_box(&frame);
    outcome
}

/// An address in the code of `pong` that is behind a call, or one that is not.
#[inline(never)]
fn find(is_call: bool) -> usize {
    load("pong");
    let half = |addr: usize| {
        let word = core::ptr::with_exposed_provenance::<u32>(addr & !3);
        // SAFETY: a word of the slot.
        let word = unsafe { word.read_volatile() };
        word >> (8 * (addr & 2)) & 0xFFFF
    };
    let behind_call = |addr: usize| {
        // `jal` and `jalr` to `ra`; `c.jal`, `c.jalr`.
        let (four, two) = (half(addr - 4) & 0xFFF, half(addr - 2));
        four == 0xEF || four == 0xE7 || two & 0xE003 == 0x2001 || two & 0xF07F == 0x9002
    };
    let mut places = (slot_addr() + 4..slot_addr() + 48).step_by(2);
    places.find(|&at| behind_call(at) == is_call).expect("there is one")
}

/// What old frames left on the stack: only what is behind a call may be a return address.
fn leave() {
    for word in [slot_addr(), slot_addr() + 1, find(false)] {
        assert_eq!(pin_above(word), Ok(()), "nobody returns there");
    }
    assert_eq!(pin_above(find(true)), Err(LoadError::InUse { slot: 0 }), "somebody may");
    println!("leave {}", all().stats().failure_count);
}

/// Code that runs where it was not linked.
fn relocate() {
    assert_eq!(calls::bulk(7), 8, "prelinked for the slot");
    let pi = [6, 3, 8, 3, 10, 27, 4, 18];
    for (index, expected) in (0..).zip(pi) {
        assert_eq!(calls::moving_table(index), expected);
    }
    let values = [1, 2, 3];
    // SAFETY: as many values as it is told.
    assert_eq!(unsafe { calls::moving_sum(values.as_ptr(), 3) }, 1000 + 3 + 2 + 12);
    assert_eq!(calls::moving_through_pong(100), 103);
    assert_eq!(pin("moving").slot(), 0, "that was empty or asked for longest ago");
    // Relocatable code without data takes whichever slot is free to go.
    let value = 0x1234_5678_i32;
    let mixed = (value ^ value << 7).wrapping_mul(0x0100_0193);
    let low = mixed & 0xFF;
    for (slot, other) in ["pong", "bulk"].into_iter().enumerate() {
        let held = pin(other);
        assert_eq!(pin("loose").slot(), 1 - slot);
        drop(held);
        assert_eq!(calls::loose_mix(value), low * low + (mixed >> 16));
        drop(pin(other));
        drop(pin(["bulk", "pong"][slot]));
    }
    println!("relocate {}", all().stats().load_count);
}

/// Handles in Rust: typed, pinned.
fn hold() {
    assert_eq!(calls::pong(0, 4), 4);
    assert_eq!(all().call(&DIGIT_SWITCH, |switch| switch(6)), Ok(42));
    assert_eq!(all().call(&MOVING, |table| table(5)), Ok(27));
    assert_eq!(all().call(&ABSENT, |_| ()), Err(LoadError::NoSymbol));
    drop(pin("ping"));
    let switch = DIGIT_SWITCH.pin(all()).expect("is there");
    assert_eq!((*switch)(3), 10_000);
    assert_eq!(calls::pong_calls() as u32, REFUSED, "its slot is pinned");
    assert_eq!((*switch)(0), 17, "and everything goes on");
    drop(switch);
    assert!(calls::pong_calls() > 0);
    println!("hold {}", all().stats().load_count);
}

static mut FROM_INTERRUPT: i32 = 0;

#[riscv_rt::core_interrupt(riscv::interrupt::Interrupt::MachineSoft)]
fn on_doorbell() {
    doorbell::silence();
    all().platform().set_interrupt(true);
    let answer = calls::shapes_made();
    all().platform().set_interrupt(false);
    // SAFETY: read only after the interrupt.
    unsafe { (&raw mut FROM_INTERRUPT).write(answer) };
}

/// An interrupt handler calls what is not mapped, and what is.
fn interrupt() {
    // SAFETY: written by the handler only, which is over.
    let answer = || unsafe { (&raw const FROM_INTERRUPT).read_volatile() };
    calls::pong_calls();
    doorbell::listen();
    doorbell::ring();
    while answer() == 0 {
        core::hint::spin_loop();
    }
    assert_eq!(answer() as u32, REFUSED);
    assert_eq!(calls::shapes_made(), 0);
    doorbell::ring();
    while answer() != 0 {
        core::hint::spin_loop();
    }
    doorbell::ignore();
    println!("interrupt {}", all().stats().load_count);
}

#[board_virt::entry]
fn main() -> ! {
    // SAFETY: nothing else touches the place.
    let mut stack = Stack::new(unsafe { STACK.take() }.write([MaybeUninit::uninit(); 24 << 10]));
    stack.run(|| {
        set_up().unwrap_or_else(|error| panic!("{error}"));
        parts::call_c();
        parts::recurse();
        parts::jump();
        parts::call_cpp();
        clean();
        leave();
        relocate();
        hold();
        interrupt();
    });
    let stats = all().stats();
    println!(
        "loads {} hits {} evictions {} failures {} restores {} read {} code {} data {}",
        stats.load_count,
        stats.hit_count,
        stats.eviction_count,
        stats.failure_count,
        stats.restore_count,
        stats.read_bytes,
        stats.code_bytes,
        stats.data_bytes
    );
    println!("stack {} of {}", stack.high_water_bytes(), stack.len_bytes());
    println!("ok");
    exit::success()
}
