//! What the tests share: programs made of instructions, and machines to run them on.
#![allow(dead_code, reason = "each test uses a part")]

pub(crate) mod asm;
pub(crate) mod image;
pub(crate) mod program;
pub(crate) mod qemu;
pub(crate) mod random;

use esparto_sim::{Board, Machine, Stop};
use image::Image;

/// The state that `image` leaves behind on the simulator, and the instructions it took.
pub(crate) fn simulate(image: &Image) -> (Vec<u8>, u64) {
    let mut machine = Machine::new(Board::Virt, &image.elf()).expect("the image is a program");
    loop {
        match machine.run(1 << 40) {
            Stop::Exit { code: 0 } => break,
            Stop::Said => {}
            stop => panic!("{stop:?} at {:#x}", machine.pc()),
        }
    }
    let state = image.state();
    let bytes = state.map(|addr| machine.byte(addr).expect("the state is memory")).collect();
    (bytes, machine.instructions())
}
