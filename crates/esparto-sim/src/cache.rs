//! Decoded blocks, found by address.
//!
//! A block is what runs from its start when every branch in it falls through: it goes on behind
//! conditional branches and follows jumps whose target is known, and ends at an indirect jump, at
//! what the machine has to do, or at [`MAX_LEN`].
//!
//! ```text
//!  code:  head  step  step  step   head  step …     what is executed
//!          │      \_    \_     \_
//!  insts: inst inst inst inst inst inst end  …      what was decoded, with pcs
//! ```
//!
//! A branch begins with the address it leads to, which is even; once the block there is known it has
//! a *link* to the block's head, which is odd.

use std::collections::HashSet;

use crate::bus::Bus;
use crate::decode::{self, Decoded};
use crate::fuse;
use crate::inst::{Inst, Op, Step};
use crate::isa::Extensions;
use crate::sweep::Sweep;

/// The longest block, in instructions.
const MAX_LEN: usize = 64;

/// Decoded instructions kept; past this all blocks are dropped. A firmware that loops over more
/// code than this is decoded anew once a round.
const MAX_INSTS: usize = 1 << 20;

/// Places of the table by address, a power of two.
const PLACES: usize = 1 << 16;

/// No block known.
const NONE: u32 = u32::MAX;

/// All blocks, side by side.
#[derive(Debug)]
pub(crate) struct Cache {
    /// What is executed: for each block its head, then its steps.
    pub(crate) code: Vec<Step>,
    /// The number of each step's first instruction.
    pub(crate) numbers: Vec<u32>,
    /// The decoded instructions, and one more for the end of each block.
    pub(crate) insts: Vec<Inst>,
    /// The address of each instruction; for the end of a block, where it goes on.
    pub(crate) pcs: Vec<u32>,
    /// How often a block was left after this instruction; for the profile.
    pub(crate) exit_counts: Vec<u64>,
    /// Loops that copy or fill, by the number in their step.
    pub(crate) sweeps: Vec<Sweep>,
    pub(crate) places: Places,
    /// Is every instruction a step of its own?
    is_watched: bool,
    /// Where a debugger stops. A change counts for what is decoded from then on.
    pub(crate) breakpoints: HashSet<u32>,
}

impl Cache {
    pub(crate) fn new() -> Self {
        let places = vec![(0, NONE); PLACES].into_boxed_slice();
        Self {
            code: Vec::new(),
            numbers: Vec::new(),
            insts: Vec::new(),
            pcs: Vec::new(),
            exit_counts: Vec::new(),
            sweeps: Vec::new(),
            places: Places(places.try_into().expect("the table has this length")),
            is_watched: false,
            breakpoints: HashSet::new(),
        }
    }

    /// Is it time to drop everything, for room or because what is decoded is not for one who
    /// watches, or not for one who does not?
    pub(crate) fn is_spent(&self, is_watched: bool) -> bool {
        self.insts.len() >= MAX_INSTS || self.is_watched != is_watched
    }

    /// Drops all blocks. What is decoded from now on is for one who watches, or not.
    pub(crate) fn clear(&mut self, is_watched: bool) {
        self.code.clear();
        self.numbers.clear();
        self.insts.clear();
        self.pcs.clear();
        self.exit_counts.clear();
        self.sweeps.clear();
        self.places.0.fill((0, NONE));
        self.is_watched = is_watched;
    }

    /// The address of the block whose head is at `head`.
    pub(crate) fn addr_of(&self, head: usize) -> u32 {
        self.pcs[self.numbers[head] as usize]
    }

    /// The numbers of each block's first instruction and of its end.
    pub(crate) fn blocks(&self) -> impl Iterator<Item = std::ops::Range<usize>> + '_ {
        let heads = self.code.iter().zip(&self.numbers).filter(|(step, _)| step.a.op == Op::Head);
        heads.map(|(head, &first)| first as usize..(first as usize + head.a.imm as usize))
    }

    /// The head of the block at `pc`, decoded if need be. The first instruction is in it even if it
    /// is illegal; `Err` is the address that cannot be fetched.
    pub(crate) fn block(
        &mut self,
        pc: u32,
        bus: &mut Bus,
        extensions: Extensions,
    ) -> Result<usize, u32> {
        if let Some(head) = self.places.find(pc) {
            return Ok(head);
        }
        let head = self.decode(pc, MAX_LEN, bus, extensions)?;
        self.places.0[Places::place(pc)] = (pc, head as u32);
        Ok(head)
    }

    /// The same for the first `len` instructions, which nobody finds again.
    pub(crate) fn cut_block(
        &mut self,
        pc: u32,
        len: usize,
        bus: &mut Bus,
        extensions: Extensions,
    ) -> Result<usize, u32> {
        self.decode(pc, len.min(MAX_LEN), bus, extensions)
    }

    fn decode(
        &mut self,
        pc: u32,
        max_len: usize,
        bus: &mut Bus,
        extensions: Extensions,
    ) -> Result<usize, u32> {
        let first = self.insts.len();
        let mut at = pc;
        while self.insts.len() - first < max_len {
            let bits = match bus.fetch(at) {
                Ok(bits) => bits,
                Err(addr) if self.insts.len() == first => return Err(addr),
                // It is fetched again, and fails, if execution gets there.
                Err(_) => break,
            };
            let Decoded { mut inst, len_bytes, target } = decode::decode(bits, at, extensions);
            bus.note_code(at, len_bytes);
            if bus.writer_of(at, len_bytes).is_some() {
                inst = Inst { op: Op::Stale, rs2: len_bytes as u8, ..inst };
            }
            if inst.op == Op::Hint && !self.is_watched {
                // Nobody listens.
                inst.op = Op::Fence;
            }
            if self.breakpoints.contains(&at) {
                inst = Inst { op: Op::Break, ..inst };
            }
            self.insts.push(inst);
            self.pcs.push(at);
            at = target.unwrap_or(at.wrapping_add(len_bytes));
            if inst.op == Op::Jalr || inst.op.is_system() {
                break;
            }
        }
        let len = self.insts.len() - first;
        let head_inst = Inst { op: Op::Head, rd: 0, rs1: 0, rs2: 0, imm: len as i32 };
        let head = self.code.len();
        self.code.push(Step { a: head_inst, b: head_inst, c: head_inst });
        self.numbers.push(first as u32);
        if let Some(sweep) = Sweep::find(&self.insts[first..], pc).filter(|_| !self.is_watched) {
            let inst = Inst { op: Op::Sweep, imm: self.sweeps.len() as i32, ..head_inst };
            self.code.push(Step { a: inst, b: inst, c: inst });
            self.numbers.push(first as u32);
            self.sweeps.push(sweep);
        }
        for (step, number) in fuse::steps(&self.insts[first..], at, self.is_watched) {
            self.code.push(step);
            self.numbers.push(first as u32 + number);
        }
        self.insts.push(head_inst);
        self.pcs.push(at);
        self.exit_counts.resize(self.insts.len(), 0);
        Ok(head)
    }

    /// From now on part `part` of a step leads to the block at `head`.
    pub(crate) fn link(&mut self, step: usize, part: usize, head: usize) {
        let Step { a, b, c } = &mut self.code[step];
        [a, b, c][part].imm = (head as i32) << 1 | 1;
    }
}

/// Blocks by address: the table knows the last one of each place.
#[derive(Debug)]
pub(crate) struct Places(Box<[(u32, u32); PLACES]>);

impl Places {
    /// The head of the block at `pc`, if it is there.
    #[inline(always)]
    pub(crate) fn find(&self, pc: u32) -> Option<usize> {
        let (place_pc, head) = self.0[Self::place(pc)];
        (place_pc == pc && head != NONE).then_some(head as usize)
    }

    #[inline(always)]
    fn place(pc: u32) -> usize {
        pc as usize >> 1 & (PLACES - 1)
    }
}
