//! What is not in the instructions alone: external interrupts, and memory protection.

use super::asm::*;
use super::image::{Image, STATE_ADDR};
use super::program::{AREA_BYTES, BASE, LOG_BYTES, destination};
use super::random::Random;

/// What the programs of an image meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Their own traps.
    Plain,
    /// Interrupts of the serial line, by the controller.
    Interrupted,
    /// Memory that is protected from them.
    Guarded,
}

const UART: u32 = 0x1000_0000;
const UART_SOURCE: u32 = 10;
const PRIORITY: u32 = 0x0C00_0000 + 4 * UART_SOURCE;
const PENDING: u32 = 0x0C00_1000;
const ENABLE: u32 = 0x0C00_2000;
const THRESHOLD: u32 = 0x0C20_0000;
const CLAIM: u32 = 0x0C20_0004;

const EXTERNAL: u32 = 1 << 11;

const PMPCFG0: u32 = 0x3A0;
const PMPADDR0: u32 = 0x3B0;
/// In front of the programs.
pub(crate) fn prepare(image: &mut Image, random: &mut Random, kind: Kind) {
    match kind {
        Kind::Plain => {}
        Kind::Interrupted => {
            image.push_all(li(1, EXTERNAL));
            image.push(csrrw(0, MIE, 1));
            image.push(i(0x73, 6, 0, 8, MSTATUS as i32));
            put(image, [1, 2], ENABLE, 1 << UART_SOURCE);
            put(image, [1, 2], PRIORITY, 3);
        }
        Kind::Guarded => {
            for entry in 0..16 {
                image.push_all(li(1, range(random)));
                image.push(csrrw(0, PMPADDR0 + entry, 1));
            }
            for word in 0..4 {
                let entries: Vec<u8> = (0..4).map(|_| config(random)).collect();
                let entries = [entries[0], entries[1], entries[2], entries[3]];
                image.push_all(li(1, u32::from_le_bytes(entries)));
                image.push(csrrw(0, PMPCFG0 + word, 1));
            }
        }
    }
}

/// `pmpaddr` of somewhere in the programs' memory.
fn range(random: &mut Random) -> u32 {
    let addr = STATE_ADDR + LOG_BYTES + random.below(8 * AREA_BYTES);
    let ones = (1 << random.below(8)) - 1;
    (addr >> 2 & !ones) | ones >> 1
}

/// `pmpcfg` of one entry, mostly locked. Writing without reading is reserved.
fn config(random: &mut Random) -> u8 {
    let allowed = random.pick(&[0, 1, 3, 4, 5, 7]);
    let lock = random.pick(&[0, 0x80, 0x80]);
    allowed | lock | (random.below(4) as u8) << 3
}

/// Something that has to do with `kind`.
pub(crate) fn push(image: &mut Image, random: &mut Random, kind: Kind) {
    let rd = destination(random);
    let [a, b] = two(random);
    match kind {
        Kind::Plain => {}
        Kind::Interrupted => match random.below(9) {
            0 | 1 => put_byte(image, [a, b], UART, 0x20 + random.below(64)),
            2 => put_byte(image, [a, b], UART + 1, 2),
            3 => put(image, [a, b], PRIORITY, random.next()),
            4 => {
                // QEMU asks which sources are enabled at the next change of something else.
                image.push(i(0x73, 7, 0, 8, MSTATUS as i32));
                put(image, [a, b], ENABLE, random.next() & !1);
                put(image, [a, b], THRESHOLD, random.next());
                image.push(i(0x73, 6, 0, 8, MSTATUS as i32));
            }
            5 => put(image, [a, b], THRESHOLD, random.next()),
            6 => {
                image.push_all(li(a, EXTERNAL));
                image.push(i(0x73, random.pick(&[2, 3]), rd, a, MIE as i32));
                image.push(i(0x73, random.pick(&[6, 7]), rd, 8, MSTATUS as i32));
            }
            7 => {
                let addr = random.pick(&[PRIORITY, PENDING, PENDING + 4, THRESHOLD]);
                image.push_all(li(a, addr));
                image.push(lw(rd, a, 0));
                // The timer's bit is anything while nobody has set the timer.
                image.push(csrrs(b, MIP, 0));
                image.push_all(li(a, EXTERNAL));
                image.push(r(0x33, 0, 7, b, b, a));
            }
            _ => {
                // Answered by hand, while nothing interrupts.
                image.push(i(0x73, 7, 0, 8, MSTATUS as i32));
                // Where QEMU forgets a request that is withdrawn, or hides it behind the threshold, the
                // specification does not: it is claimed before the line is quiet.
                put(image, [a, b], PRIORITY, 1);
                put(image, [a, b], ENABLE, 1 << UART_SOURCE);
                put(image, [a, b], THRESHOLD, 0);
                push_service(image, [a, b]);
                image.push(i(0x73, 6, 0, 8, MSTATUS as i32));
            }
        },
        Kind::Guarded => match random.below(3) {
            0 => {
                // What is locked stays.
                image.push_all(li(a, range(random)));
                let csr = random.pick(&[PMPADDR0, PMPCFG0]) + random.below(4);
                image.push(csrrs(rd, csr, 0));
                if csr >= PMPADDR0 {
                    image.push(csrrw(rd, csr, a));
                }
            }
            1 => image.push(i(
                0x03,
                random.pick(&[0, 1, 2, 4, 5]),
                rd,
                BASE,
                4 * random.below(64) as i32,
            )),
            _ => image.push(s(random.below(3), BASE, b, 4 * random.below(64) as i32)),
        },
    }
}

/// Claims, quietens the serial line, and completes.
fn push_service(image: &mut Image, [a, b]: [u32; 2]) {
    image.push_all(li(a, CLAIM));
    image.push(lw(b, a, 0));
    image.push_all(li(a, UART));
    image.push(i(0x03, 4, 0, a, 2));
    image.push_all(li(a, CLAIM));
    image.push(sw(b, a, 0));
}

/// In the handler: an interrupt is answered, and what was claimed noted. `x30` and `x31` are free.
pub(crate) fn push_answer(image: &mut Image) {
    push_service(image, [30, 31]);
    image.push(sw(31, BASE, 4));
}

fn put(image: &mut Image, [a, b]: [u32; 2], addr: u32, value: u32) {
    image.push_all(li(a, addr));
    image.push_all(li(b, value));
    image.push(sw(b, a, 0));
}

fn put_byte(image: &mut Image, [a, b]: [u32; 2], addr: u32, value: u32) {
    image.push_all(li(a, addr));
    image.push(addi(b, 0, value as i32));
    image.push(s(0, a, b, 0));
}

/// Two registers that differ, neither of them `x0`.
fn two(random: &mut Random) -> [u32; 2] {
    loop {
        let pair = [destination(random), destination(random)];
        if pair[0] != pair[1] && !pair.contains(&0) {
            return pair;
        }
    }
}
