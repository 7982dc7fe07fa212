//! Compressed instructions, as the 32-bit instructions that they stand for.

/// The 32-bit form of `half`; `None` if there is none on RV32 without floats.
pub(super) fn expand(half: u16) -> Option<u32> {
    let c = u32::from(half);
    let bit = |at: u32| c >> at & 1;
    let field = |at: u32, width: u32| c >> at & ((1 << width) - 1);
    // Registers of the short fields are x8 to x15.
    let short_low = 8 + field(2, 3);
    let short_high = 8 + field(7, 3);
    let rd = field(7, 5);
    let rs2 = field(2, 5);
    let sign_6 = 0u32.wrapping_sub(bit(12));
    let imm_6 = sign_6 << 5 | rs2;
    let shift = rs2;
    Some(match (c & 3, c >> 13) {
        (0, 0) => {
            let imm = field(11, 2) << 4 | field(7, 4) << 6 | bit(6) << 2 | bit(5) << 3;
            if imm == 0 {
                return None;
            }
            i_type(0x13, 0, short_low, 2, imm)
        }
        (0, 2) => i_type(0x03, 2, short_low, short_high, word_offset(c)),
        (0, 6) => s_type(2, short_high, short_low, word_offset(c)),
        (1, 0) => i_type(0x13, 0, rd, rd, imm_6),
        (1, 1) => j_type(1, jump_offset(c)),
        (1, 2) => i_type(0x13, 0, rd, 0, imm_6),
        (1, 3) if rd == 2 => {
            let imm = sign_6 << 9 | bit(6) << 4 | bit(5) << 6 | field(3, 2) << 7 | bit(2) << 5;
            if imm == 0 {
                return None;
            }
            i_type(0x13, 0, 2, 2, imm)
        }
        (1, 3) => {
            if imm_6 == 0 {
                return None;
            }
            imm_6 << 12 | rd << 7 | 0x37
        }
        (1, 4) => match field(10, 2) {
            // A shift by 32 or more is for 64-bit cores.
            0 | 1 if bit(12) == 1 => return None,
            0 => i_type(0x13, 5, short_high, short_high, shift),
            1 => i_type(0x13, 5, short_high, short_high, 0x400 | shift),
            2 => i_type(0x13, 7, short_high, short_high, imm_6),
            _ => match (bit(12), field(5, 2)) {
                (0, 0) => r_type(0x20, 0, short_high, short_high, short_low),
                (0, 1) => r_type(0, 4, short_high, short_high, short_low),
                (0, 2) => r_type(0, 6, short_high, short_high, short_low),
                (0, 3) => r_type(0, 7, short_high, short_high, short_low),
                _ => return None,
            },
        },
        (1, 5) => j_type(0, jump_offset(c)),
        (1, 6) => b_type(0, short_high, branch_offset(c)),
        (1, 7) => b_type(1, short_high, branch_offset(c)),
        (2, 0) if bit(12) == 0 => i_type(0x13, 1, rd, rd, shift),
        (2, 2) if rd != 0 => {
            let imm = bit(12) << 5 | field(4, 3) << 2 | field(2, 2) << 6;
            i_type(0x03, 2, rd, 2, imm)
        }
        (2, 4) => match (bit(12), rd, rs2) {
            (0, 0, 0) => return None,
            (0, _, 0) => i_type(0x67, 0, 0, rd, 0),
            (0, _, _) => r_type(0, 0, rd, 0, rs2),
            (1, 0, 0) => 0x0010_0073,
            (1, _, 0) => i_type(0x67, 0, 1, rd, 0),
            _ => r_type(0, 0, rd, rd, rs2),
        },
        (2, 6) => s_type(2, 2, rs2, field(9, 4) << 2 | field(7, 2) << 6),
        _ => return None,
    })
}

fn word_offset(c: u32) -> u32 {
    (c >> 10 & 7) << 3 | (c >> 6 & 1) << 2 | (c >> 5 & 1) << 6
}

fn jump_offset(c: u32) -> u32 {
    let bit = |from: u32, to: u32| (c >> from & 1) << to;
    0u32.wrapping_sub(c >> 12 & 1) << 11
        | bit(11, 4)
        | (c >> 9 & 3) << 8
        | bit(8, 10)
        | bit(7, 6)
        | bit(6, 7)
        | (c >> 3 & 7) << 1
        | bit(2, 5)
}

fn branch_offset(c: u32) -> u32 {
    0u32.wrapping_sub(c >> 12 & 1) << 8
        | (c >> 10 & 3) << 3
        | (c >> 5 & 3) << 6
        | (c >> 3 & 3) << 1
        | (c >> 2 & 1) << 5
}

fn i_type(opcode: u32, funct3: u32, rd: u32, rs1: u32, imm: u32) -> u32 {
    imm << 20 | rs1 << 15 | funct3 << 12 | rd << 7 | opcode
}

fn r_type(funct7: u32, funct3: u32, rd: u32, rs1: u32, rs2: u32) -> u32 {
    funct7 << 25 | rs2 << 20 | rs1 << 15 | funct3 << 12 | rd << 7 | 0x33
}

fn s_type(funct3: u32, rs1: u32, rs2: u32, imm: u32) -> u32 {
    (imm >> 5 & 0x7F) << 25 | rs2 << 20 | rs1 << 15 | funct3 << 12 | (imm & 31) << 7 | 0x23
}

fn b_type(funct3: u32, rs1: u32, offset: u32) -> u32 {
    (offset >> 12 & 1) << 31
        | (offset >> 5 & 0x3F) << 25
        | rs1 << 15
        | funct3 << 12
        | (offset >> 1 & 15) << 8
        | (offset >> 11 & 1) << 7
        | 0x63
}

fn j_type(rd: u32, offset: u32) -> u32 {
    (offset >> 20 & 1) << 31
        | (offset >> 1 & 0x3FF) << 21
        | (offset >> 11 & 1) << 20
        | offset & 0x000F_F000
        | rd << 7
        | 0x6F
}
