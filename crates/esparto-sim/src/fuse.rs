//! Instructions that follow one another often, executed by one look: the dispatch is the cost of an
//! interpreter.
//!
//! Only the first one's operation changes. The others stay as they are and where they are, so an
//! instruction keeps its number in the block, for traps and for what is retired. The choice is by
//! what memory-bound firmware executes most: copies, indexed loads, the ends of loops.

use crate::inst::{Inst, Op};

/// Three at a time: the operation, and those that it stands for.
const THREES: [(Op, [Op; 3]); 6] = [
    (Op::AddiAddiBltu, [Op::Addi, Op::Addi, Op::Bltu]),
    (Op::AddiAddiBne, [Op::Addi, Op::Addi, Op::Bne]),
    (Op::LiSubLw, [Op::Li, Op::Sub, Op::Lw]),
    (Op::LiSubSw, [Op::Li, Op::Sub, Op::Sw]),
    (Op::AddLwBeq, [Op::Add, Op::Lw, Op::Beq]),
    (Op::LwSwAddi, [Op::Lw, Op::Sw, Op::Addi]),
];

/// Two at a time.
const PAIRS: [(Op, [Op; 2]); 50] = [
    (Op::LwSw, [Op::Lw, Op::Sw]),
    (Op::LwAddi, [Op::Lw, Op::Addi]),
    (Op::LwLw, [Op::Lw, Op::Lw]),
    (Op::LwLi, [Op::Lw, Op::Li]),
    (Op::LwBeq, [Op::Lw, Op::Beq]),
    (Op::LwAdd, [Op::Lw, Op::Add]),
    (Op::LwMul, [Op::Lw, Op::Mul]),
    (Op::SwAddi, [Op::Sw, Op::Addi]),
    (Op::SwSw, [Op::Sw, Op::Sw]),
    (Op::SwLi, [Op::Sw, Op::Li]),
    (Op::SwLw, [Op::Sw, Op::Lw]),
    (Op::LbLb, [Op::Lb, Op::Lb]),
    (Op::LbAddi, [Op::Lb, Op::Addi]),
    (Op::LbMul, [Op::Lb, Op::Mul]),
    (Op::LbuAddi, [Op::Lbu, Op::Addi]),
    (Op::LbuAdd, [Op::Lbu, Op::Add]),
    (Op::SbAddi, [Op::Sb, Op::Addi]),
    (Op::SbBne, [Op::Sb, Op::Bne]),
    (Op::AddiAddi, [Op::Addi, Op::Addi]),
    (Op::AddiBltu, [Op::Addi, Op::Bltu]),
    (Op::AddiBne, [Op::Addi, Op::Bne]),
    (Op::AddiAdd, [Op::Addi, Op::Add]),
    (Op::AddiSub, [Op::Addi, Op::Sub]),
    (Op::AddiSw, [Op::Addi, Op::Sw]),
    (Op::AddiSb, [Op::Addi, Op::Sb]),
    (Op::AddiLi, [Op::Addi, Op::Li]),
    (Op::AddiAnd, [Op::Addi, Op::And]),
    (Op::AddiJalr, [Op::Addi, Op::Jalr]),
    (Op::LiSub, [Op::Li, Op::Sub]),
    (Op::LiAddi, [Op::Li, Op::Addi]),
    (Op::LiJalr, [Op::Li, Op::Jalr]),
    (Op::SubLw, [Op::Sub, Op::Lw]),
    (Op::SubSw, [Op::Sub, Op::Sw]),
    (Op::SubAndi, [Op::Sub, Op::Andi]),
    (Op::AddLw, [Op::Add, Op::Lw]),
    (Op::AddBne, [Op::Add, Op::Bne]),
    (Op::AddBltu, [Op::Add, Op::Bltu]),
    (Op::AddAdd, [Op::Add, Op::Add]),
    (Op::AddAddi, [Op::Add, Op::Addi]),
    (Op::AddLi, [Op::Add, Op::Li]),
    (Op::MulAddi, [Op::Mul, Op::Addi]),
    (Op::MulAdd, [Op::Mul, Op::Add]),
    (Op::AndiAdd, [Op::Andi, Op::Add]),
    (Op::SlliAdd, [Op::Slli, Op::Add]),
    (Op::SlliSrli, [Op::Slli, Op::Srli]),
    (Op::SlliOr, [Op::Slli, Op::Or]),
    (Op::SrliAnd, [Op::Srli, Op::And]),
    (Op::SrliOr, [Op::Srli, Op::Or]),
    (Op::AndOr, [Op::And, Op::Or]),
    (Op::BeqBne, [Op::Beq, Op::Bne]),
];

/// Puts instructions of a block together, from its start on, the longest first.
pub(crate) fn fuse(block: &mut [Inst]) {
    let mut at = 0;
    while at < block.len() {
        let ops =
            |len: usize| block.get(at..at + len).unwrap_or_default().iter().map(|inst| inst.op);
        let three = THREES.iter().find(|(_, parts)| ops(3).eq(parts.iter().copied()));
        let pair = PAIRS.iter().find(|(_, parts)| ops(2).eq(parts.iter().copied()));
        let (op, len) = match (three, pair) {
            (Some((op, _)), _) => (*op, 3),
            (None, Some((op, _))) => (*op, 2),
            (None, None) => (block[at].op, 1),
        };
        block[at].op = op;
        at += len;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ops(parts: &[Op]) -> Vec<Op> {
        let inst = |op: &Op| Inst { op: *op, rd: 1, rs1: 2, rs2: 3, imm: 4 };
        let mut block: Vec<Inst> = parts.iter().map(inst).collect();
        fuse(&mut block);
        block.iter().map(|inst| inst.op).collect()
    }

    #[test]
    fn every_entry_is_found_and_changes_its_first_operation_alone() {
        for (op, parts) in PAIRS {
            assert_eq!(ops(&parts), [op, parts[1]]);
        }
        for (op, parts) in THREES {
            assert_eq!(ops(&parts), [op, parts[1], parts[2]]);
        }
    }

    #[test]
    fn what_was_put_together_is_not_put_together_again() {
        let copied = [Op::Lw, Op::Lw, Op::Lw, Op::Mulh, Op::Lw];
        assert_eq!(ops(&copied), [Op::LwLw, Op::Lw, Op::Lw, Op::Mulh, Op::Lw]);
        assert_eq!(ops(&[]), []);
    }
}
