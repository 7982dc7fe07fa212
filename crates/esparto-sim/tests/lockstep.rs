//! Random programs on the simulator and on QEMU: registers, memory, traps and instruction counts
//! are the same, with interrupts and with protected memory too. Needs `qemu-system-riscv32`.
//! `ESPARTO_SIM_INSTRUCTIONS` says how many instructions of each kind (10^6 by default).

mod common;

use common::event::Kind;
use common::{image::Image, program, qemu, random::Random};

/// Programs of one image.
const PROGRAMS: u32 = 400;

#[test]
fn random_programs_end_in_the_same_state_as_on_qemu() {
    compare(Kind::Plain);
}

#[test]
fn programs_that_are_interrupted_end_in_the_same_state_as_on_qemu() {
    compare(Kind::Interrupted);
}

#[test]
fn programs_beside_protected_memory_end_in_the_same_state_as_on_qemu() {
    compare(Kind::Guarded);
}

fn compare(kind: Kind) {
    let wanted: u64 = std::env::var("ESPARTO_SIM_INSTRUCTIONS")
        .map_or(1_000_000, |count| count.parse().expect("a number of instructions"));
    let mut done = 0;
    let mut seed = 1;
    while done < wanted {
        let image = program::batch(&mut Random::new(seed), PROGRAMS, kind);
        done += same(seed, &image);
        seed += 1;
    }
    println!("{kind:?}: {done} instructions in {} images, all the same", seed - 1);
}

/// Runs `image` on both; gives the number of instructions.
fn same(seed: u64, image: &Image) -> u64 {
    let (ours, instructions) = common::simulate(image);
    let theirs = qemu::run(image);
    assert_eq!(ours.len(), theirs.len(), "seed {seed}");
    if let Some(at) = ours.iter().zip(&theirs).position(|(a, b)| a != b) {
        panic!("{}", program::explain(seed, image, at, &ours, &theirs));
    }
    instructions
}
