//! Where bits that were never written flow to: through registers, until something is decided by
//! them.

use crate::inst::{Inst, Op, Registers};

/// For each register, the bits that come from memory that was never written.
pub(super) type Undefined = Registers;

/// The undefined bits of the result of an arithmetic instruction; the sources are the registers
/// `x` with undefined bits `u`.
pub(super) fn result(inst: &Inst, x: &Registers, u: &Undefined) -> u32 {
    let (a, b) = (u[inst.rs1 as usize], u[inst.rs2 as usize]);
    let (va, vb) = (x[inst.rs1 as usize], x[inst.rs2 as usize]);
    let imm = inst.imm as u32;
    match inst.op {
        Op::Addi => upwards(a),
        Op::Xori => a,
        Op::Ori => a & !imm,
        Op::Andi => a & imm,
        Op::Slli => a << (imm & 31),
        Op::Srli => a >> (imm & 31),
        Op::Srai => (a as i32 >> (imm & 31)) as u32,
        Op::Slti | Op::Sltiu => u32::from(a != 0),
        Op::Add | Op::Sub => upwards(a | b),
        Op::Xor => a | b,
        // A defined 1 decides an or, a defined 0 an and.
        Op::Or => (a | b) & (a | !va) & (b | !vb),
        Op::And => (a | b) & (a | va) & (b | vb),
        Op::Sll | Op::Srl | Op::Sra if b & 31 != 0 => u32::MAX,
        Op::Sll => a << (vb & 31),
        Op::Srl => a >> (vb & 31),
        Op::Sra => (a as i32 >> (vb & 31)) as u32,
        Op::Slt | Op::Sltu => u32::from(a | b != 0),
        Op::Mul => upwards(a | b),
        Op::Mulh | Op::Mulhsu | Op::Mulhu | Op::Div | Op::Divu | Op::Rem | Op::Remu => {
            if a | b == 0 { 0 } else { u32::MAX }
        }
        _ => 0,
    }
}

/// A sum is undefined from its lowest undefined bit on: carries go up.
fn upwards(bits: u32) -> u32 {
    bits | bits.wrapping_neg()
}

/// States of bytes as undefined bits: those that were never written.
pub(super) fn of_states(states: u32) -> u32 {
    let mut bits = 0;
    for k in 0..4 {
        if states >> (8 * k) & 0xFF == u32::from(super::shadow::UNWRITTEN) {
            bits |= 0xFF << (8 * k);
        }
    }
    bits
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(op: Op, imm: i32, a: (u32, u32), b: (u32, u32)) -> u32 {
        let mut x = [0; 256];
        let mut u = [0; 256];
        (x[1], u[1]) = a;
        (x[2], u[2]) = b;
        result(&Inst { op, rd: 3, rs1: 1, rs2: 2, imm }, &x, &u)
    }

    #[test]
    fn what_is_defined_decides() {
        let unknown = (0, u32::MAX);
        assert_eq!(of(Op::And, 0, unknown, (0xFF, 0)), 0xFF);
        assert_eq!(of(Op::Or, 0, unknown, (0xFF, 0)), !0xFF);
        assert_eq!(of(Op::Andi, 15, unknown, (0, 0)), 15);
        assert_eq!(of(Op::Slli, 24, (0, 0xFF), (0, 0)), 0xFF00_0000);
        assert_eq!(of(Op::Srli, 8, (0, 0xFF), (0, 0)), 0);
        assert_eq!(of(Op::Add, 0, (0, 0x100), (5, 0)), !0xFF);
        assert_eq!(of(Op::Sltu, 0, (0, 1), (5, 0)), 1);
        assert_eq!(of(Op::Divu, 0, (9, 0), (5, 0)), 0);
        assert_eq!(of(Op::Sll, 0, (1, 0), unknown), u32::MAX);
    }

    #[test]
    fn states_become_bits() {
        assert_eq!(of_states(0x0002_0200), 0x00FF_FF00);
        assert_eq!(of_states(0x0100_0003), 0);
    }
}
