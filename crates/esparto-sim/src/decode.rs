//! From bits to instructions.
//!
//! Our own and not a crate's: the simulator has to be exact about what is *not* an instruction
//! (reserved encodings, extensions that a chip lacks), and the result is shaped for the block
//! cache. The tests hold it to QEMU.

mod compressed;

use crate::inst::{Inst, Op, SINK};
use crate::isa::Extensions;

/// An instruction, its length, and where a jump with a known target goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Decoded {
    pub(crate) inst: Inst,
    pub(crate) len_bytes: u32,
    /// The target of [`Op::Jal`].
    pub(crate) target: Option<u32>,
}

/// Is this the first half of a 32-bit instruction?
pub(crate) const fn is_long(low_half: u16) -> bool {
    low_half & 3 == 3
}

/// Decodes `bits`, fetched from `pc`; the upper half counts only for 32-bit instructions. What is
/// no instruction becomes [`Op::Illegal`].
pub(crate) fn decode(bits: u32, pc: u32, extensions: Extensions) -> Decoded {
    if is_long(bits as u16) {
        return decode_long(bits, bits, pc, 4, extensions);
    }
    let half = bits & 0xFFFF;
    match compressed::expand(half as u16) {
        Some(long) => decode_long(long, half, pc, 2, extensions),
        None => illegal(half, 2),
    }
}

fn illegal(bits: u32, len_bytes: u32) -> Decoded {
    Decoded { inst: plain(Op::Illegal, 0, 0, bits as i32), len_bytes, target: None }
}

fn plain(op: Op, rd: u32, rs1: u32, imm: i32) -> Inst {
    Inst { op, rd: sink(rd), rs1: rs1 as u8, rs2: 0, imm }
}

fn sink(rd: u32) -> u8 {
    if rd == 0 { SINK } else { rd as u8 }
}

/// `bits` is the 32-bit form; `original` is what the memory holds.
fn decode_long(
    bits: u32,
    original: u32,
    pc: u32,
    len_bytes: u32,
    extensions: Extensions,
) -> Decoded {
    let rd = bits >> 7 & 31;
    let rs1 = bits >> 15 & 31;
    let rs2 = bits >> 20 & 31;
    let funct3 = bits >> 12 & 7;
    let funct7 = bits >> 25;
    let i_imm = bits as i32 >> 20;
    let s_imm = (bits as i32 >> 25) << 5 | rd as i32;
    let u_imm = bits & 0xFFFF_F000;
    let one = |inst| Decoded { inst, len_bytes, target: None };
    let three = |op| one(Inst { op, rd: sink(rd), rs1: rs1 as u8, rs2: rs2 as u8, imm: 0 });
    let no = illegal(original, len_bytes);
    match bits & 0x7F {
        0x37 => one(plain(Op::Li, rd, 0, u_imm as i32)),
        0x17 => one(plain(Op::Li, rd, 0, pc.wrapping_add(u_imm) as i32)),
        0x6F => {
            let link = pc.wrapping_add(len_bytes);
            let target = pc.wrapping_add(j_imm(bits));
            Decoded { target: Some(target), ..one(plain(Op::Jal, rd, 0, link as i32)) }
        }
        0x67 if funct3 == 0 => {
            one(Inst { rs2: len_bytes as u8, ..plain(Op::Jalr, rd, rs1, i_imm) })
        }
        0x63 => {
            let op = match funct3 {
                0 => Op::Beq,
                1 => Op::Bne,
                4 => Op::Blt,
                5 => Op::Bge,
                6 => Op::Bltu,
                7 => Op::Bgeu,
                _ => return no,
            };
            let target = pc.wrapping_add(b_imm(bits));
            one(Inst { op, rd: SINK, rs1: rs1 as u8, rs2: rs2 as u8, imm: target as i32 })
        }
        0x03 => {
            let op = match funct3 {
                0 => Op::Lb,
                1 => Op::Lh,
                2 => Op::Lw,
                4 => Op::Lbu,
                5 => Op::Lhu,
                _ => return no,
            };
            one(plain(op, rd, rs1, i_imm))
        }
        0x23 => {
            let op = match funct3 {
                0 => Op::Sb,
                1 => Op::Sh,
                2 => Op::Sw,
                _ => return no,
            };
            one(Inst { op, rd: SINK, rs1: rs1 as u8, rs2: rs2 as u8, imm: s_imm })
        }
        0x13 => {
            let op = match (funct3, funct7) {
                (0, _) => Op::Addi,
                (1, 0) => Op::Slli,
                (2, _) if rd == 0 && rs1 == 0 => {
                    let hint = plain(Op::Hint, 0, 0, i_imm);
                    return one(Inst { rs2: len_bytes as u8, ..hint });
                }
                (2, _) => Op::Slti,
                (3, _) => Op::Sltiu,
                (4, _) => Op::Xori,
                (5, 0) => Op::Srli,
                (5, 0x20) => Op::Srai,
                (6, _) => Op::Ori,
                (7, _) => Op::Andi,
                _ => return no,
            };
            let is_shift = matches!(op, Op::Slli | Op::Srli | Op::Srai);
            one(plain(op, rd, rs1, if is_shift { rs2 as i32 } else { i_imm }))
        }
        0x33 => match (funct7, funct3) {
            (0, 0) => three(Op::Add),
            (0x20, 0) => three(Op::Sub),
            (0, 1) => three(Op::Sll),
            (0, 2) => three(Op::Slt),
            (0, 3) => three(Op::Sltu),
            (0, 4) => three(Op::Xor),
            (0, 5) => three(Op::Srl),
            (0x20, 5) => three(Op::Sra),
            (0, 6) => three(Op::Or),
            (0, 7) => three(Op::And),
            (1, 0) => three(Op::Mul),
            (1, 1) => three(Op::Mulh),
            (1, 2) => three(Op::Mulhsu),
            (1, 3) => three(Op::Mulhu),
            (1, 4) => three(Op::Div),
            (1, 5) => three(Op::Divu),
            (1, 6) => three(Op::Rem),
            (1, 7) => three(Op::Remu),
            _ => no,
        },
        0x2F if extensions.atomics && funct3 == 2 => match funct7 >> 2 {
            0x02 if rs2 == 0 => three(Op::Lr),
            0x03 => three(Op::Sc),
            0x01 => three(Op::AmoSwap),
            0x00 => three(Op::AmoAdd),
            0x04 => three(Op::AmoXor),
            0x0C => three(Op::AmoAnd),
            0x08 => three(Op::AmoOr),
            0x10 => three(Op::AmoMin),
            0x14 => three(Op::AmoMax),
            0x18 => three(Op::AmoMinu),
            0x1C => three(Op::AmoMaxu),
            _ => no,
        },
        0x0F if funct3 == 0 => one(plain(Op::Fence, 0, 0, 0)),
        0x0F if funct3 == 1 => one(Inst { rs2: len_bytes as u8, ..plain(Op::FenceI, 0, 0, 0) }),
        0x73 => {
            let op = match (funct3, bits) {
                (0, 0x0000_0073) => Op::Ecall,
                (0, 0x0010_0073) => Op::Ebreak,
                (0, 0x3020_0073) => Op::Mret,
                (0, 0x1050_0073) => Op::Wfi,
                (1, _) => Op::Csrrw,
                (2, _) => Op::Csrrs,
                (3, _) => Op::Csrrc,
                (5, _) => Op::Csrrwi,
                (6, _) => Op::Csrrsi,
                (7, _) => Op::Csrrci,
                _ => return no,
            };
            // The bits themselves: the number of the CSR is in them, and an access that is
            // refused reports them.
            one(Inst { rs2: len_bytes as u8, ..plain(op, rd, rs1, bits as i32) })
        }
        _ => no,
    }
}

fn j_imm(bits: u32) -> u32 {
    let sign = (bits as i32 >> 31) as u32;
    sign << 20 | bits & 0x000F_F000 | (bits >> 20 & 1) << 11 | (bits >> 21 & 0x3FF) << 1
}

fn b_imm(bits: u32) -> u32 {
    let sign = (bits as i32 >> 31) as u32;
    sign << 12 | (bits >> 7 & 1) << 11 | (bits >> 25 & 0x3F) << 5 | (bits >> 8 & 15) << 1
}
