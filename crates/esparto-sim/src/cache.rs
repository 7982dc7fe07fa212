//! Decoded blocks, found by address.
//!
//! A block is what runs from its start when every branch in it falls through: it goes on behind
//! conditional branches and follows jumps whose target is known, and ends at an indirect jump, at
//! what the machine has to do, or at [`MAX_LEN`]. Each branch remembers the block it led to.

use std::collections::HashSet;

use crate::bus::Bus;
use crate::decode::{self, Decoded};
use crate::fuse;
use crate::inst::{Inst, LOOP, Op};
use crate::isa::Extensions;

/// The longest block, in instructions.
const MAX_LEN: usize = 48;

/// Decoded instructions kept; past this all blocks are dropped. A firmware that loops over more
/// code than this is decoded anew once a round.
const MAX_INSTS: usize = 1 << 20;

/// Places of the table by address, a power of two.
const PLACES: usize = 1 << 16;

/// No block known yet.
pub(crate) const NONE: u32 = u32::MAX;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Block {
    /// Of its first instruction.
    pub(crate) first: u32,
    pub(crate) len: u32,
    /// Where it goes on when nothing jumps away.
    pub(crate) end_pc: u32,
    /// The block there.
    pub(crate) next: u32,
}

/// All blocks, their instructions side by side.
#[derive(Debug)]
pub(crate) struct Cache {
    pub(crate) blocks: Vec<Block>,
    pub(crate) insts: Vec<Inst>,
    /// The same, put together where that is faster: only whole blocks are executed from here.
    pub(crate) fused: Vec<Inst>,
    /// The address of each instruction.
    pub(crate) pcs: Vec<u32>,
    /// The block that a branch led to.
    pub(crate) links: Vec<u32>,
    /// How often a block was left after this instruction; for the profile.
    pub(crate) exit_counts: Vec<u64>,
    places: Vec<(u32, u32)>,
    /// Where a debugger stops. A change counts for what is decoded from then on.
    pub(crate) breakpoints: HashSet<u32>,
}

impl Cache {
    pub(crate) fn new() -> Self {
        Self {
            blocks: Vec::new(),
            insts: Vec::new(),
            fused: Vec::new(),
            pcs: Vec::new(),
            links: Vec::new(),
            exit_counts: Vec::new(),
            places: vec![(0, NONE); PLACES],
            breakpoints: HashSet::new(),
        }
    }

    /// Is it time to drop everything?
    pub(crate) fn is_full(&self) -> bool {
        self.insts.len() >= MAX_INSTS
    }

    /// Drops all blocks.
    pub(crate) fn clear(&mut self) {
        self.blocks.clear();
        self.insts.clear();
        self.fused.clear();
        self.pcs.clear();
        self.links.clear();
        self.exit_counts.clear();
        self.places.fill((0, NONE));
    }

    /// The block at `pc`, if it is there.
    #[inline]
    pub(crate) fn find(&self, pc: u32) -> Option<u32> {
        let (place_pc, id) = self.places[pc as usize >> 1 & (PLACES - 1)];
        (place_pc == pc && id != NONE).then_some(id)
    }

    /// Decodes the block at `pc`. The first instruction is in it even if it is illegal; `Err` is
    /// the address that cannot be fetched.
    pub(crate) fn decode(
        &mut self,
        pc: u32,
        bus: &mut Bus,
        extensions: Extensions,
    ) -> Result<u32, u32> {
        let first = self.insts.len();
        let mut at = pc;
        while self.insts.len() - first < MAX_LEN {
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
            if self.breakpoints.contains(&at) {
                inst = Inst { op: Op::Break, ..inst };
            }
            if inst.op.is_branch() && inst.imm as u32 == pc {
                inst.rd = LOOP;
            }
            self.insts.push(inst);
            self.pcs.push(at);
            at = target.unwrap_or(at.wrapping_add(len_bytes));
            if inst.op == Op::Jalr || inst.op.is_system() {
                break;
            }
        }
        let len = self.insts.len() - first;
        self.fused.extend_from_slice(&self.insts[first..]);
        fuse::fuse(&mut self.fused[first..]);
        self.links.resize(self.insts.len(), NONE);
        self.exit_counts.resize(self.insts.len(), 0);
        let id = self.blocks.len() as u32;
        self.blocks.push(Block { first: first as u32, len: len as u32, end_pc: at, next: NONE });
        self.places[pc as usize >> 1 & (PLACES - 1)] = (pc, id);
        Ok(id)
    }
}
