//! Instructions as numbers.

pub(crate) fn i(opcode: u32, funct3: u32, rd: u32, rs1: u32, imm: i32) -> u32 {
    (imm as u32) << 20 | rs1 << 15 | funct3 << 12 | rd << 7 | opcode
}

pub(crate) fn r(opcode: u32, funct7: u32, funct3: u32, rd: u32, rs1: u32, rs2: u32) -> u32 {
    funct7 << 25 | rs2 << 20 | rs1 << 15 | funct3 << 12 | rd << 7 | opcode
}

pub(crate) fn s(funct3: u32, rs1: u32, rs2: u32, imm: i32) -> u32 {
    let imm = imm as u32;
    (imm >> 5 & 0x7F) << 25 | rs2 << 20 | rs1 << 15 | funct3 << 12 | (imm & 31) << 7 | 0x23
}

pub(crate) fn b(funct3: u32, rs1: u32, rs2: u32, offset: i32) -> u32 {
    let imm = offset as u32;
    (imm >> 12 & 1) << 31
        | (imm >> 5 & 0x3F) << 25
        | rs2 << 20
        | rs1 << 15
        | funct3 << 12
        | (imm >> 1 & 15) << 8
        | (imm >> 11 & 1) << 7
        | 0x63
}

pub(crate) fn jal(rd: u32, offset: i32) -> u32 {
    let imm = offset as u32;
    (imm >> 20 & 1) << 31
        | (imm >> 1 & 0x3FF) << 21
        | (imm >> 11 & 1) << 20
        | (imm >> 12 & 0xFF) << 12
        | rd << 7
        | 0x6F
}

pub(crate) fn lui(rd: u32, value: u32) -> u32 {
    value & 0xFFFF_F000 | rd << 7 | 0x37
}

pub(crate) fn addi(rd: u32, rs1: u32, imm: i32) -> u32 {
    i(0x13, 0, rd, rs1, imm)
}

pub(crate) fn lw(rd: u32, rs1: u32, imm: i32) -> u32 {
    i(0x03, 2, rd, rs1, imm)
}

pub(crate) fn sw(rs2: u32, rs1: u32, imm: i32) -> u32 {
    s(2, rs1, rs2, imm)
}

pub(crate) fn csrrw(rd: u32, csr: u32, rs1: u32) -> u32 {
    i(0x73, 1, rd, rs1, csr as i32)
}

pub(crate) fn csrrs(rd: u32, csr: u32, rs1: u32) -> u32 {
    i(0x73, 2, rd, rs1, csr as i32)
}

/// `rd = value`, in two instructions.
pub(crate) fn li(rd: u32, value: u32) -> [u32; 2] {
    [lui(rd, value.wrapping_add(0x800)), addi(rd, rd, (value as i32) << 20 >> 20)]
}

pub(crate) const MRET: u32 = 0x3020_0073;
pub(crate) const EBREAK: u32 = 0x0010_0073;
pub(crate) const ECALL: u32 = 0x0000_0073;
pub(crate) const FENCE_I: u32 = 0x0000_100F;

pub(crate) const MSTATUS: u32 = 0x300;
pub(crate) const MIE: u32 = 0x304;
pub(crate) const MTVEC: u32 = 0x305;
pub(crate) const MSCRATCH: u32 = 0x340;
pub(crate) const MEPC: u32 = 0x341;
pub(crate) const MCAUSE: u32 = 0x342;
pub(crate) const MTVAL: u32 = 0x343;
pub(crate) const MIP: u32 = 0x344;
pub(crate) const MINSTRET: u32 = 0xB02;
