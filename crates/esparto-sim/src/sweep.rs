//! Loops that only copy or fill memory, many rounds by one look.
//!
//! Every firmware spends much of its time in them: they are what `memcpy` and `memset` are made of.
//! A *sweep* stands in front of such a loop and does its rounds but for the last, as far as they
//! stay in plain memory of one page; what it cannot do, the loop does. So registers, memory, traps
//! and counts are what they are without it.

use crate::bus::Fast;
use crate::inst::{Inst, Op, Registers};

/// The longest loop that is looked at, in instructions.
const MAX_LEN: usize = 8;

/// A loop that loads at most one register, stores one, and moves pointers and counters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sweep {
    /// Instructions of a round.
    len: u32,
    load: Option<Inst>,
    store: Inst,
    width_bytes: u32,
    /// Additions to a register of a constant.
    moves: Vec<Inst>,
    branch: Inst,
}

impl Sweep {
    /// The sweep of the loop that `block`, which is at `pc`, begins with.
    pub(crate) fn find(block: &[Inst], pc: u32) -> Option<Self> {
        let end = block.iter().position(|inst| inst.op.is_branch())?;
        let branch = *block.get(..MAX_LEN.min(block.len()))?.get(end)?;
        if branch.imm as u32 != pc {
            return None;
        }
        let (mut load, mut store, mut moves) = (None, None, Vec::new());
        for inst in &block[..end] {
            match inst.op {
                // Pointers move when they have been used.
                Op::Lw | Op::Lhu | Op::Lbu if [&load, &store] == [&None; 2] && moves.is_empty() => {
                    load = Some(*inst);
                }
                Op::Sw | Op::Sh | Op::Sb if store.is_none() => store = Some(*inst),
                Op::Addi if inst.rd == inst.rs1 => moves.push(*inst),
                _ => return None,
            }
        }
        let (store, width_bytes) = match store? {
            store @ Inst { op: Op::Sw, .. } => (store, 4),
            store @ Inst { op: Op::Sh, .. } => (store, 2),
            store => (store, 1),
        };
        let len = end as u32 + 1;
        let sweep = Self { len, load, store, width_bytes, moves, branch };
        sweep.is_plain(block).then_some(sweep)
    }

    /// Is what is stored what was loaded, or always the same, and do the pointers go on by it?
    fn is_plain(&self, block: &[Inst]) -> bool {
        let Self { load, store, width_bytes, moves, branch, .. } = self;
        let goes_on = |register: u8| self.step_of(register) == *width_bytes;
        // The store comes before its pointer moves.
        let at = |wanted: &dyn Fn(&Inst) -> bool| block.iter().position(wanted);
        let moves_behind = at(&|inst| inst.op == Op::Addi && inst.rd == store.rs1)
            > at(&|inst| inst.op == store.op);
        let once = moves.iter().all(|a| moves.iter().filter(|b| a.rd == b.rd).count() == 1);
        let is_copy = load.is_none_or(|load| {
            let is_same_width = matches!(
                (load.op, store.op),
                (Op::Lw, Op::Sw) | (Op::Lhu, Op::Sh) | (Op::Lbu, Op::Sb)
            );
            let value = load.rd;
            let is_free = ![load.rs1, store.rs1, branch.rs1, branch.rs2].contains(&value)
                && self.step_of(value) == 0;
            is_same_width && value == store.rs2 && is_free && goes_on(load.rs1)
        });
        once && moves_behind && is_copy && goes_on(store.rs1) && self.step_of(store.rs2) == 0
    }

    /// What a round adds to a register.
    fn step_of(&self, register: u8) -> u32 {
        self.moves.iter().find(|inst| inst.rd == register).map_or(0, |inst| inst.imm as u32)
    }

    /// Instructions of a round.
    pub(crate) fn len(&self) -> u32 {
        self.len
    }

    /// Does rounds that take no more than `left` instructions in all; gives their number.
    pub(crate) fn run(&self, x: &mut Registers, memory: &mut Fast, left: u64) -> u32 {
        let wanted = (left / u64::from(self.len)).min(u64::from(self.rounds(x).saturating_sub(1)));
        let to_addr = address(x, &self.store);
        let size_bytes = wanted.min(1 << 12) as u32 * self.width_bytes;
        let rounds = match self.load {
            Some(load) => memory.copy(address(x, &load), to_addr, size_bytes, self.width_bytes),
            None => {
                let value = x[self.store.rs2 as usize];
                memory.fill(to_addr, value, size_bytes, self.width_bytes)
            }
        } / self.width_bytes;
        if rounds == 0 {
            return 0;
        }
        for inst in &self.moves {
            let register = &mut x[inst.rd as usize];
            *register = register.wrapping_add((inst.imm as u32).wrapping_mul(rounds));
        }
        if let Some(load) = self.load {
            // What was stored last was loaded last.
            let last_addr = to_addr.wrapping_add((rounds - 1) * self.width_bytes);
            let last = match self.width_bytes {
                4 => memory.load_word(last_addr),
                2 => memory.load_half(last_addr),
                _ => memory.load_byte(last_addr),
            };
            x[load.rd as usize] = last.unwrap_or_default();
        }
        rounds
    }

    /// Rounds until the branch is not taken; 0 if that is not easily said.
    fn rounds(&self, x: &Registers) -> u32 {
        let Inst { op, rs1, rs2, .. } = self.branch;
        let (a, b) = (x[rs1 as usize], x[rs2 as usize]);
        let (distance, step) = match (op, self.step_of(rs1), self.step_of(rs2)) {
            (Op::Bltu, step, 0) if a < b && (step as i32) > 0 => (b - a, step),
            (Op::Bne, step, 0) if (step as i32) > 0 => (b.wrapping_sub(a), step),
            (Op::Bne, step, 0) if (step as i32) < 0 => (a.wrapping_sub(b), step.wrapping_neg()),
            _ => return 0,
        };
        match op {
            Op::Bne if distance % step != 0 => 0,
            _ => distance.div_ceil(step),
        }
    }
}

fn address(x: &Registers, inst: &Inst) -> u32 {
    x[inst.rs1 as usize].wrapping_add(inst.imm as u32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inst::SINK;

    const PC: u32 = 0x8000_0000;
    const LW: Inst = Inst { op: Op::Lw, rd: 14, rs1: 12, rs2: 0, imm: 0 };
    const SW: Inst = Inst { op: Op::Sw, rd: SINK, rs1: 10, rs2: 14, imm: 0 };
    const BLTU: Inst = Inst { op: Op::Bltu, rd: SINK, rs1: 10, rs2: 13, imm: PC as i32 };

    fn moves(register: u8, step: i32) -> Inst {
        Inst { op: Op::Addi, rd: register, rs1: register, rs2: 0, imm: step }
    }

    #[test]
    fn copies_and_fills_are_found() {
        let copy = [LW, SW, moves(10, 4), moves(12, 4), BLTU];
        assert_eq!(Sweep::find(&copy, PC).map(|sweep| sweep.len()), Some(5));
        assert_eq!(Sweep::find(&[SW, moves(10, 4), BLTU], PC).map(|sweep| sweep.len()), Some(3));
        let counted = Inst { op: Op::Bne, rs1: 15, rs2: 0, ..BLTU };
        assert!(
            Sweep::find(&[LW, moves(15, -1), SW, moves(10, 4), moves(12, 4), counted], PC)
                .is_some()
        );
    }

    #[test]
    fn what_does_more_is_none() {
        let add = Inst { op: Op::Add, rd: 15, rs1: 15, rs2: 14, imm: 0 };
        let other = Inst { rs2: 15, ..SW };
        let by_value = Inst { rs1: 14, ..BLTU };
        for body in [
            // What was loaded in the round before is stored.
            [SW, LW, moves(10, 4), moves(12, 4), BLTU],
            [LW, moves(10, 4), SW, moves(12, 4), BLTU],
            [moves(12, 4), LW, SW, moves(10, 4), BLTU],
            [LW, SW, moves(10, 4), moves(12, 8), BLTU],
            [LW, SW, moves(10, 4), moves(10, 4), BLTU],
            [LW, SW, moves(10, -4), moves(12, -4), BLTU],
            [LW, SW, moves(14, 4), moves(10, 4), BLTU],
            [LW, other, moves(10, 4), moves(12, 4), BLTU],
            [LW, SW, moves(10, 4), moves(12, 4), by_value],
            [LW, SW, add, moves(10, 4), BLTU],
            [LW, SW, moves(10, 4), moves(12, 4), Inst { imm: PC as i32 + 4, ..BLTU }],
        ] {
            assert_eq!(Sweep::find(&body, PC), None, "{body:?}");
        }
        assert_eq!(Sweep::find(&[], PC), None);
    }
}
