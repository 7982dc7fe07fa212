//! What the tests share: programs made of instructions, and machines to run them on.
#![allow(dead_code, reason = "each test uses a part")]

pub(crate) mod asm;
pub(crate) mod event;
pub(crate) mod image;
pub(crate) mod program;
pub(crate) mod qemu;
pub(crate) mod random;
pub(crate) mod sweep;

use esparto_sim::{Board, Machine, Stop};
use image::Image;

/// A machine of `board` whose program is `code` at `addr`.
pub(crate) fn machine(board: &str, addr: u32, code: &[u32]) -> Machine {
    machine_on(Board::find(board).expect("the board exists"), addr, code)
}

pub(crate) fn machine_on(board: Board, addr: u32, code: &[u32]) -> Machine {
    let mut image = Image::new(0);
    image.push_all(code.iter().copied());
    let elf = image::elf(addr, &[(addr, &image.code, 5)]);
    Machine::new(board, &elf).expect("the code is a program")
}

/// Code that stores `value` at `addr` with `x28` and `x29`.
pub(crate) fn put(addr: u32, value: u32) -> Vec<u32> {
    let mut code = asm::li(28, addr).to_vec();
    code.extend(asm::li(29, value));
    code.push(asm::sw(29, 28, 0));
    code
}

/// Code that ends the program.
pub(crate) fn exit() -> Vec<u32> {
    put(0x0010_0000, 0x5555)
}

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
