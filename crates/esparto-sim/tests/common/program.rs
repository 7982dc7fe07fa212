//! Random programs.
//!
//! Each loads all registers with random values, runs its body a few times, and stores all
//! registers. `x9` points to the program's own memory and `x5` counts the rounds; nothing else
//! writes these two. Traps are logged (cause, value, address, instructions so far) and skipped.

use super::asm::*;
use super::event::{self, Kind};
use super::image::{Image, STATE_ADDR};
use super::random::Random;
use super::sweep;

/// The memory of one program. `x9` points to its middle.
pub(crate) const AREA_BYTES: u32 = 2048;
/// Where the registers go, from `x9`.
const DUMP_OFFSET: i32 = 896;
pub(crate) const LOG_BYTES: u32 = 4 << 20;
const BODY: u32 = 60;
const ROUNDS: u32 = 12;

pub(crate) const BASE: u32 = 9;
pub(crate) const ROUND: u32 = 5;

/// Many programs in one image.
pub(crate) fn batch(random: &mut Random, count: u32, kind: Kind) -> Image {
    let mut image = Image::new(LOG_BYTES + count * AREA_BYTES);
    let over_handler = image.pc();
    image.push(0x13 | 0x6F);
    let handler = image.pc();
    push_handler(&mut image);
    let start = image.pc();
    image.patch(over_handler, jal(0, (start - over_handler) as i32));
    image.push_all(li(1, handler));
    image.push(csrrw(0, MTVEC, 1));
    image.push_all(li(1, STATE_ADDR));
    image.push(csrrw(0, MSCRATCH, 1));
    event::prepare(&mut image, random, kind);
    image.push_all(li(BASE, STATE_ADDR + LOG_BYTES + AREA_BYTES / 2));
    for _ in 0..count {
        image.starts.push(image.pc());
        push_program(&mut image, random, kind);
        image.push_all(li(1, AREA_BYTES));
        image.push(r(0x33, 0, 0, BASE, BASE, 1));
    }
    // Nothing interrupts the end.
    image.push(csrrw(0, MIE, 0));
    push_end(&mut image);
    image
}

/// Says what differs: in the log of traps, or in which program.
pub(crate) fn explain(seed: u64, image: &Image, at: usize, ours: &[u8], theirs: &[u8]) -> String {
    let word = |bytes: &[u8], at: usize| {
        u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
    };
    let at = at & !3;
    if at < LOG_BYTES as usize {
        let entry = at / 24 * 24;
        let show = |bytes: &[u8]| {
            let values: Vec<_> =
                (0..6).map(|k| format!("{:#x}", word(bytes, entry + 4 * k))).collect();
            values.join(" ")
        };
        return format!(
            "seed {seed}: trap {} (cause, value, pc, instructions, x31, x30): ours {}, QEMU's {}",
            at / 24,
            show(ours),
            show(theirs)
        );
    }
    let program = (at - LOG_BYTES as usize) / AREA_BYTES as usize;
    let offset = (at - LOG_BYTES as usize) % AREA_BYTES as usize;
    let offset = offset as i32 - AREA_BYTES as i32 / 2;
    format!(
        "seed {seed}: program {program} at {:#x}, memory {offset} (x{} if positive): ours {:#x}, QEMU's {:#x}",
        image.starts[program],
        (offset - DUMP_OFFSET) / 4,
        word(ours, at),
        word(theirs, at)
    )
}

fn push_handler(image: &mut Image) {
    image.push_all([
        csrrw(BASE, MSCRATCH, BASE),
        sw(31, BASE, 16),
        sw(30, BASE, 20),
        csrrs(31, MCAUSE, 0),
        sw(31, BASE, 0),
        csrrs(31, MTVAL, 0),
        sw(31, BASE, 4),
        csrrs(30, MEPC, 0),
        sw(30, BASE, 8),
        csrrs(31, MINSTRET, 0),
        sw(31, BASE, 12),
        lw(31, BASE, 0),
    ]);
    let over = image.pc();
    image.push(addi(0, 0, 0));
    event::push_answer(image);
    let resume_at = image.pc();
    image.push(addi(0, 0, 0));
    // An exception is a cause that is not negative.
    image.patch(over, b(5, 31, 0, (image.pc() - over) as i32));
    image.push_all([
        // Two bytes further, or four if the low bits say so.
        i(0x03, 5, 31, 30, 0),
        i(0x13, 7, 31, 31, 3),
        i(0x13, 3, 31, 31, 3),
        i(0x13, 4, 31, 31, 1),
        i(0x13, 1, 31, 31, 1),
        addi(31, 31, 2),
        r(0x33, 0, 0, 31, 30, 31),
        csrrw(0, MEPC, 31),
    ]);
    image.patch(resume_at, jal(0, (image.pc() - resume_at) as i32));
    image.push_all([
        lw(31, BASE, 16),
        lw(30, BASE, 20),
        addi(BASE, BASE, 24),
        csrrw(BASE, MSCRATCH, BASE),
        MRET,
    ]);
}

fn push_program(image: &mut Image, random: &mut Random, kind: Kind) {
    for register in (1..32).filter(|register| *register != BASE && *register != ROUND) {
        image.push_all(li(register, random.value()));
    }
    image.push(addi(ROUND, 0, ROUNDS as i32));
    let top = image.pc();
    for _ in 0..BODY {
        push_random(image, random, kind);
    }
    image.push(addi(ROUND, ROUND, -1));
    let back = top.wrapping_sub(image.pc() + 8) as i32;
    // The body may be longer than a conditional branch reaches.
    image.push(b(0, ROUND, 0, 8));
    image.push(addi(0, 0, 0));
    image.patch(image.pc() - 4, jal(0, back + 4));
    for register in 1..32 {
        image.push(sw(register, BASE, DUMP_OFFSET + 4 * register as i32));
    }
}

pub(crate) fn destination(random: &mut Random) -> u32 {
    loop {
        let register = random.below(32);
        if register != BASE && register != ROUND {
            return register;
        }
    }
}

/// One of the registers of compressed instructions, as its field.
fn short_destination(random: &mut Random) -> u32 {
    loop {
        let field = random.below(8);
        if field + 8 != BASE {
            return field;
        }
    }
}

/// An offset from `x9` inside of the program's memory, below the registers' place.
fn offset(random: &mut Random) -> i32 {
    random.below(AREA_BYTES / 2 + DUMP_OFFSET as u32 - 8) as i32 - AREA_BYTES as i32 / 2
}

fn push_random(image: &mut Image, random: &mut Random, kind: Kind) {
    let rd = destination(random);
    let (rs1, rs2) = (random.below(32), random.below(32));
    match random.below(if kind == Kind::Plain { 21 } else { 26 }) {
        20 => sweep::push(image, random),
        21.. => event::push(image, random, kind),
        0..=3 => {
            let funct7 = random.pick(&[0, 0, 1, 1]);
            image.push(r(0x33, funct7, random.below(8), rd, rs1, rs2));
        }
        4 => image.push(r(0x33, 0x20, random.pick(&[0, 5]), rd, rs1, rs2)),
        5 | 6 => {
            let funct3 = random.pick(&[0, 2, 3, 4, 6, 7]);
            image.push(i(0x13, funct3, rd, rs1, random.next() as i32 >> 20));
        }
        7 => {
            let kind = random.pick(&[(1, 0), (5, 0), (5, 0x20)]);
            image.push(r(0x13, kind.1, kind.0, rd, rs1, rs2));
        }
        8 => {
            let opcode = random.pick(&[0x37, 0x17]);
            image.push(random.next() & 0xFFFF_F000 | rd << 7 | opcode);
        }
        9 => image.push(i(0x03, random.pick(&[0, 1, 2, 4, 5]), rd, BASE, offset(random))),
        10 => image.push(s(random.below(3), BASE, rs2, offset(random))),
        11 => {
            // A branch over one or two instructions.
            let at = image.pc();
            image.push(addi(0, 0, 0));
            push_simple(image, random);
            push_simple(image, random);
            let over = (image.pc() - at) as i32;
            image.patch(at, b(random.pick(&[0, 1, 4, 5, 6, 7]), rs1, rs2, over));
        }
        12 => {
            let at = image.pc();
            image.push(addi(0, 0, 0));
            push_simple(image, random);
            image.patch(at, jal(rd, (image.pc() - at) as i32));
        }
        // An atomic that may not load has a store's cause here and a load's in QEMU.
        13 if kind == Kind::Guarded => {}
        13 => push_atomic(image, random, rd, rs2),
        14 | 15 => push_compressed(image, random),
        16 => push_compressed_memory(image, random),
        17 => image.push(csrrs(rd, random.pick(&[MINSTRET, 0xB00, 0xB82]), 0)),
        18 => push_garbage(image, random),
        _ => match random.below(6) {
            0 => image.push(0x0000_000F | random.next() & 0x0FF0_0000),
            1 => image.push(FENCE_I),
            2 => image.push(if random.below(2) == 0 { ECALL } else { 0x9002 }),
            3 => {
                // An address where nothing is.
                let target = destination(random).max(1);
                image.push_all(li(target, 0x9000_0000 + (random.below(0x0FFF_F000) & !3)));
                let funct3 = random.below(3);
                image.push(match random.below(2) {
                    0 => i(0x03, funct3, rd, target, 0),
                    _ => s(funct3, target, rs2, 0),
                });
            }
            4 => {
                // `jalr` over an instruction, relative to here.
                let register = destination(random).max(1);
                if register == BASE || register == ROUND {
                    return;
                }
                image.push(register << 7 | 0x17);
                let at = image.pc();
                image.push(addi(0, 0, 0));
                push_simple(image, random);
                let over = (image.pc() - at) as i32 + 4;
                let odd = random.below(2) as i32;
                image.patch(at, i(0x67, 0, rd, register, over | odd));
            }
            _ => {
                // CSRs that are not there, or cannot be written.
                let bad = random.pick(&[0x7FF, 0x0C5, 0x9AA, 0xF14]);
                image.push(csrrw(rd, bad, rs1));
            }
        },
    }
}

fn push_simple(image: &mut Image, random: &mut Random) {
    let rd = destination(random);
    if random.below(2) == 0 {
        image.push(r(0x33, 0, random.below(8), rd, random.below(32), random.below(32)));
    } else {
        push_compressed(image, random);
    }
}

fn push_atomic(image: &mut Image, random: &mut Random, rd: u32, rs2: u32) {
    let pointer = loop {
        let register = destination(random);
        if register != 0 {
            break register;
        }
    };
    // Always a multiple of four: otherwise QEMU reports a load's cause where the specification
    // has the store's.
    let point = addi(pointer, BASE, offset(random) & !3);
    image.push(point);
    let order = random.below(4);
    let amo = |funct5: u32, rs2: u32| r(0x2F, funct5 << 2 | order, 2, rd, pointer, rs2);
    match random.below(4) {
        0 => {
            image.push(amo(2, 0));
            if random.below(2) == 0 {
                push_simple(image, random);
                image.push(point);
            }
            if rd != pointer {
                image.push(addi(0, 0, 0));
                image.push(amo(3, rs2));
            }
        }
        _ => image.push(amo(random.pick(&[0, 1, 4, 8, 12, 16, 20, 24, 28]), rs2)),
    }
}

/// Arithmetic in 16 bits, reserved forms included.
fn push_compressed(image: &mut Image, random: &mut Random) {
    loop {
        let half = random.next() & 0xFFFF;
        let (quadrant, funct3) = (half & 3, half >> 13);
        let is_arithmetic = match (quadrant, funct3) {
            (0, 0) | (1, 0 | 2 | 3 | 4) | (2, 0) => true,
            // Moves and additions, but no jumps.
            (2, 4) => half >> 2 & 31 != 0,
            _ => false,
        };
        let fields = [half >> 7 & 31, 8 + (half >> 7 & 7), 8 + (half >> 2 & 7)];
        if is_arithmetic && !fields.contains(&BASE) && !fields.contains(&ROUND) {
            return image.push(half);
        }
    }
}

fn push_compressed_memory(image: &mut Image, random: &mut Random) {
    let field = short_destination(random);
    let imm = random.below(32);
    let offset = (imm >> 1 & 7) << 10 | (imm & 1) << 6 | (imm >> 4) << 5;
    let funct3 = random.pick(&[2, 6]);
    image.push(funct3 << 13 | offset | (BASE - 8) << 7 | field << 2);
}

/// Bits of every kind that cannot do harm: most are no instruction.
fn push_garbage(image: &mut Image, random: &mut Random) {
    let opcode = random.pick(&[
        0x33, 0x13, 0x0F, 0x07, 0x27, 0x53, 0x43, 0x0B, 0x2B, 0x5B, 0x7B, 0x6B, 0x3B, 0x1B, 0x77,
    ]);
    let bits = random.next() & !0x7F | opcode;
    let rd = bits >> 7 & 31;
    if rd != BASE && rd != ROUND {
        image.push(bits);
    }
}

/// Writes the state to a file called `state`, and ends.
fn push_end(image: &mut Image) {
    let block = STATE_ADDR - 64;
    let name = STATE_ADDR - 32;
    let call = [0x01F0_1013, EBREAK, 0x4070_5013];
    let put = |image: &mut Image, addr: u32, value: u32| {
        image.push_all(li(12, addr));
        image.push_all(li(13, value));
        image.push(sw(13, 12, 0));
    };
    put(image, name, u32::from_le_bytes(*b"stat"));
    put(image, name + 4, u32::from(b'e'));
    put(image, block, name);
    put(image, block + 4, 4);
    put(image, block + 8, 5);
    image.push_all(li(10, 1));
    image.push_all(li(11, block));
    image.push_all(call);
    image.push_all(li(11, block));
    image.push(sw(10, 11, 0));
    put(image, block + 4, STATE_ADDR);
    put(image, block + 8, image.state_bytes);
    image.push_all(li(10, 5));
    image.push_all(call);
    image.push_all(li(10, 0x0010_0000));
    image.push_all(li(11, 0x5555));
    image.push(sw(11, 10, 0));
    image.push(jal(0, 0));
}
