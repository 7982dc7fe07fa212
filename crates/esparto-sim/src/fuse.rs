//! From the instructions of a block to its steps: the dispatch is the cost of an interpreter, so
//! there are as few as possible. What follows one another often is executed by one look, what does
//! nothing by none.
//!
//! An instruction keeps its number in the block, for traps and for what is retired: each step knows
//! that of its first half, and what leads away how many instructions have gone before.

use crate::inst::{Inst, Op, SINK, Step};
use crate::runs::with_runs;

macro_rules! look_up {
    (
        pairs { $($pair:ident = $first:ident $second:ident,)* }
        threes { $($three:ident = $one:ident $two:ident $last:ident,)* }
    ) => {
        /// The operation that stands for these one behind the other.
        const fn run_of(ops: &[Op]) -> Option<Op> {
            match ops {
                $([Op::$first, Op::$second] => Some(Op::$pair),)*
                $([Op::$one, Op::$two, Op::$last] => Some(Op::$three),)*
                _ => None,
            }
        }
    };
}

with_runs!(look_up);

/// The steps of `block`, which goes on at `end_pc`, each with the number of its first instruction.
/// Watched, every instruction is a step of its own.
pub(crate) fn steps(block: &[Inst], end_pc: u32, is_watched: bool) -> Vec<(Step, u32)> {
    let halves: Vec<(Inst, u32)> = (0..)
        .zip(block)
        .map(|(number, inst)| (half(*inst, number), number))
        .filter(|(inst, _)| is_watched || !is_idle(inst))
        .collect();
    let mut steps = Vec::with_capacity(halves.len() + 1);
    let mut rest = &halves[..];
    while let [(a, number), ..] = rest {
        // The longest run from here on.
        let run = [3, 2].into_iter().filter(|_| !is_watched).find_map(|len| {
            let run = rest.get(..len)?;
            let is_unbroken =
                (*number..).zip(run).all(|(expected, (_, number))| *number == expected);
            let ops: Vec<Op> = run.iter().map(|(inst, _)| inst.op).collect();
            Some((run_of(&ops).filter(|_| is_unbroken)?, len))
        });
        let (op, len) = run.unwrap_or((a.op, 1));
        let part = |k: usize| rest.get(k).filter(|_| k < len).map(|(inst, _)| *inst);
        // An indirect jump leaves the address behind it.
        let link = Inst { imm: end_pc as i32, ..*a };
        let b = part(1).unwrap_or(link);
        steps.push((Step { a: Inst { op, ..*a }, b, c: part(2).unwrap_or(link) }, *number));
        rest = &rest[len..];
    }
    if !block.last().is_some_and(|last| last.op == Op::Jalr || last.op.is_system()) {
        let through = through(block.len(), end_pc);
        steps.push((Step { a: through, b: through, c: through }, block.len() as u32));
    }
    steps
}

/// The end of a block of `len` instructions.
fn through(len: usize, end_pc: u32) -> Inst {
    Inst { op: Op::Through, rd: len as u8, rs1: 0, rs2: 0, imm: end_pc as i32 }
}

/// The instruction as it is executed. What leads away says how many instructions that makes.
fn half(inst: Inst, number: u32) -> Inst {
    let count = number as u8 + 1;
    match inst.op {
        op if op.is_branch() => Inst { rd: count, ..inst },
        Op::Jalr => Inst { rs2: count, ..inst },
        // What is known is loaded, what is moved is moved by one operation.
        Op::Jal => Inst { op: Op::Li, ..inst },
        Op::Addi if inst.rs1 == 0 => Inst { op: Op::Li, ..inst },
        Op::Add if inst.rs1 == 0 => Inst { op: Op::Addi, rs1: inst.rs2, imm: 0, ..inst },
        Op::Add if inst.rs2 == 0 => Inst { op: Op::Addi, imm: 0, ..inst },
        _ => inst,
    }
}

/// Does it do nothing but be retired?
fn is_idle(inst: &Inst) -> bool {
    inst.op == Op::Fence || inst.rd == SINK && matches!(inst.op, Op::Li | Op::Addi)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inst(op: Op) -> Inst {
        Inst { op, rd: 1, rs1: 2, rs2: 3, imm: 4 }
    }

    /// The operation of each step, and the number of its first instruction.
    fn fused(ops: &[Op]) -> Vec<(Op, u32)> {
        let block: Vec<Inst> = ops.iter().copied().map(inst).collect();
        steps(&block, 100, false).iter().map(|(step, number)| (step.a.op, *number)).collect()
    }

    macro_rules! every_run {
        (
            pairs { $($pair:ident = $first:ident $second:ident,)* }
            threes { $($three:ident = $one:ident $two:ident $last:ident,)* }
        ) => {
            [
                $((Op::$pair, vec![Op::$first, Op::$second]),)*
                $((Op::$three, vec![Op::$one, Op::$two, Op::$last]),)*
            ]
        };
    }

    #[test]
    fn every_run_is_one_step() {
        for (run, ops) in with_runs!(every_run) {
            assert_eq!(fused(&ops), [(run, 0), (Op::Through, ops.len() as u32)]);
        }
    }

    #[test]
    fn what_was_put_together_is_not_put_together_again() {
        let ops = [Op::Lw, Op::Lw, Op::Lw, Op::Mulh, Op::Lw, Op::Lw];
        let steps = [(Op::LwLwLw, 0), (Op::Mulh, 3), (Op::LwLw, 4), (Op::Through, 6)];
        assert_eq!(fused(&ops), steps);
        assert_eq!(fused(&[]), [(Op::Through, 0)]);
    }

    #[test]
    fn what_does_nothing_is_no_step_but_counts() {
        let nothing = Inst { rd: SINK, ..inst(Op::Addi) };
        let branch = inst(Op::Beq);
        let block = [inst(Op::Lw), nothing, inst(Op::Sw), branch];
        let steps = steps(&block, 100, false);
        assert_eq!(steps.len(), 4, "not put together over it");
        assert_eq!((steps[1].1, steps[2].0.a.rd, steps[3].0.a.rd), (2, 4, 4));
    }

    #[test]
    fn watched_every_instruction_is_a_step() {
        let block = [inst(Op::Lw), inst(Op::Fence), inst(Op::Sw), inst(Op::Jalr)];
        let steps = steps(&block, 100, true);
        assert_eq!(steps.len(), 4);
        assert_eq!((steps[3].0.a.rs2, steps[3].0.b.imm), (4, 100));
    }
}
