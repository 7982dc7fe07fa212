//! Memcheck: every load, store, branch and atomic of a program against what the program itself
//! says of its memory.
//!
//! The program says it by hints (`slti x0, x0, NUMBER` with arguments in `a0` and on), which are
//! one instruction without effect on any core. Memory that no hint spoke of is not judged.

mod block;
mod finding;
mod flow;
mod leak;
mod shadow;

use std::collections::{HashMap, HashSet};

use crate::bus::Bus;
use crate::inst::{Inst, Op, Registers};
use crate::machine::{Machine, Stop};
use crate::watch::Watch;
use block::{Block, Blocks};
pub use finding::{BlockFound, Finding, Flaw, Leak};
use shadow::{EVICTED, FREE_USE, NO_BLOCK, Shadow, UNWRITTEN};

/// What a program can say. `docs/sim.md` has the arguments.
mod hint {
    pub(super) const ALLOCATE: i32 = 0x7E1;
    pub(super) const FREE: i32 = 0x7E2;
    pub(super) const RESIZE: i32 = 0x7E3;
    pub(super) const HEAP: i32 = 0x7E4;
    pub(super) const STACK: i32 = 0x7E5;
    pub(super) const WRITTEN: i32 = 0x7E6;
    pub(super) const DMA: i32 = 0x7E7;
    pub(super) const LOADED: i32 = 0x7E8;
    pub(super) const EVICTED: i32 = 0x7E9;
}

/// Capabilities as the program gives them with [`hint::HEAP`]: the bits of Esparto's `Caps`.
mod caps {
    pub(super) const DMA: u32 = 1 << 2;
    pub(super) const ATOMIC: u32 = 1 << 6;
    pub(super) const ISR_SAFE: u32 = 1 << 7;
}

/// Return addresses kept of a call.
const MAX_FRAMES: usize = 16;

/// How far below its end a stack is still taken for the one that overflows.
const STACK_REACH_BYTES: u32 = 64 * 1024;

/// How far from a block an access is still told as being beside it.
const BLOCK_REACH_BYTES: u32 = 256;

/// A region of an allocator.
#[derive(Clone, Copy, Debug)]
struct Heap {
    start: u32,
    size_bytes: u32,
    caps: u32,
}

impl Heap {
    fn holds(&self, addr: u32) -> bool {
        addr.wrapping_sub(self.start) < self.size_bytes
    }
}

/// Whose code it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Code {
    /// The allocator's, which may touch memory that is in no block.
    Allocator,
    /// A library's that works for whoever called it, like `memcpy`.
    Runtime,
    /// Anyone else's.
    Program,
}

/// What is known of the program's code.
pub trait CodeMap {
    /// Whose code is at `pc`?
    fn code_at(&self, pc: u32) -> Code;

    /// The first address of the function that `pc` is in; `pc` itself if none is known.
    fn function_at(&self, pc: u32) -> u32;
}

/// Watches a program and collects what it does wrong.
pub struct Memcheck {
    code_map: Box<dyn CodeMap>,
    /// What it said before.
    known: HashMap<u32, Code>,
    shadow: Shadow,
    undefined: Box<Registers>,
    blocks: Blocks,
    heaps: Vec<Heap>,
    /// A heap whose memory is not safe in interrupts, or not for atomics.
    is_picky: bool,
    stack: Option<(u32, u32)>,
    /// The flaw of the instruction that was stopped at, and the address.
    suspect: Option<(Flaw, u32)>,
    /// That instruction has been looked at.
    is_cleared: bool,
    told: HashSet<(Flaw, u32)>,
    findings: Vec<Finding>,
    is_in_interrupt: bool,
    is_halting: bool,
}

impl std::fmt::Debug for Memcheck {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Memcheck").field("findings", &self.findings).finish_non_exhaustive()
    }
}

impl Memcheck {
    /// Nothing is known of memory yet, and of the program's code what `code_map` says.
    #[must_use]
    pub fn new(code_map: Box<dyn CodeMap>) -> Self {
        Self {
            code_map,
            known: HashMap::new(),
            shadow: Shadow::default(),
            undefined: Box::new([0; 256]),
            blocks: Blocks::default(),
            heaps: Vec::new(),
            is_picky: false,
            stack: None,
            suspect: None,
            is_cleared: false,
            told: HashSet::new(),
            findings: Vec::new(),
            is_in_interrupt: false,
            is_halting: false,
        }
    }

    /// Has the machine stop with [`Stop::Found`] where something is wrong.
    pub fn stop_at_findings(&mut self) {
        self.is_halting = true;
    }

    /// What was found since the last call.
    pub fn take_findings(&mut self) -> Vec<Finding> {
        std::mem::take(&mut self.findings)
    }

    /// Blocks that nothing in registers, statics, stacks or other reachable blocks points to,
    /// by who allocated them, the largest first.
    #[must_use]
    pub fn leaks(&self, machine: &Machine) -> Vec<Leak> {
        leak::find(&self.blocks, &self.shadow, machine)
    }

    /// The first flaw of an access of `size` bytes at `addr`.
    #[inline]
    fn flaw_of_access(
        &self,
        place: Option<usize>,
        addr: u32,
        size: usize,
        is_sp: bool,
    ) -> Option<Flaw> {
        let states = place.map_or(0, |place| self.shadow.get(place, size));
        if states != 0 {
            for k in 0..size {
                match (states >> (8 * k)) as u8 {
                    NO_BLOCK => {
                        let place = place.map_or(0, |place| (place + k) as u32);
                        let was_freed = self.blocks.freed_at(place).is_some();
                        return Some(if was_freed {
                            Flaw::UseAfterFree
                        } else {
                            Flaw::OutOfBounds
                        });
                    }
                    EVICTED => return Some(Flaw::EvictedOverlay),
                    _ => {}
                }
            }
        }
        if is_sp
            && let Some((start, _)) = self.stack
            && addr < start
            && start - addr <= STACK_REACH_BYTES
        {
            return Some(Flaw::StackOverflow);
        }
        if self.is_picky && self.is_in_interrupt && self.lacks(addr, caps::ISR_SAFE) {
            return Some(Flaw::InterruptAccess);
        }
        None
    }

    /// Is `addr` in a heap without `cap`?
    fn lacks(&self, addr: u32, cap: u32) -> bool {
        self.heaps.iter().any(|heap| heap.holds(addr) && heap.caps & cap == 0)
    }

    /// Something is suspect: stops, unless it has been looked at.
    fn suspect(&mut self, flaw: Flaw, addr: u32) -> bool {
        if self.is_cleared {
            return false;
        }
        self.suspect = Some((flaw, addr));
        true
    }

    fn load(&mut self, x: &Registers, bus: &Bus, inst: &Inst, size: usize) -> bool {
        let base = inst.rs1 as usize;
        let addr = x[base].wrapping_add(inst.imm as u32);
        if self.undefined[base] != 0 && self.suspect(Flaw::Uninitialised, addr) {
            return true;
        }
        let place = bus.place(addr);
        if let Some(flaw) = self.flaw_of_access(place, addr, size, false)
            && self.suspect(flaw, addr)
        {
            return true;
        }
        let states = place.map_or(0, |place| self.shadow.get(place, size));
        let mut bits = if states == 0 { 0 } else { flow::of_states(states) };
        let is_signed = matches!(inst.op, Op::Lb | Op::Lh);
        if is_signed && bits >> (8 * size - 1) & 1 != 0 {
            bits |= u32::MAX << (8 * size - 1);
        }
        self.undefined[inst.rd as usize] = bits;
        false
    }

    fn store(&mut self, x: &Registers, bus: &Bus, inst: &Inst, size: usize) -> bool {
        let base = inst.rs1 as usize;
        let addr = x[base].wrapping_add(inst.imm as u32);
        if self.undefined[base] != 0 && self.suspect(Flaw::Uninitialised, addr) {
            return true;
        }
        let Some(place) = bus.place(addr) else { return false };
        let states = self.shadow.get(place, size);
        let bits = self.undefined[inst.rs2 as usize];
        if let Some(flaw) = self.flaw_of_access(Some(place), addr, size, base == 2) {
            // What is done by those who may leaves memory what it is.
            return self.suspect(flaw, addr);
        }
        if states | bits != 0 {
            self.shadow.write(place, size, bits);
        }
        false
    }

    fn modify(&mut self, x: &Registers, bus: &Bus, inst: &Inst) -> bool {
        let addr = x[inst.rs1 as usize];
        let place = bus.place(addr);
        if let Some(flaw) = self.flaw_of_access(place, addr, 4, false)
            && self.suspect(flaw, addr)
        {
            return true;
        }
        if self.is_picky && self.lacks(addr, caps::ATOMIC) && self.suspect(Flaw::Atomic, addr) {
            return true;
        }
        if let Some(place) = place {
            self.undefined[inst.rd as usize] = flow::of_states(self.shadow.get(place, 4));
            if inst.op != Op::Lr && self.shadow.get(place, 4) == u32::from_le_bytes([UNWRITTEN; 4])
            {
                self.shadow.fill(place, 4, FREE_USE);
            }
        }
        false
    }

    /// The instruction and the return addresses that led to it, by the chain of frame pointers.
    fn frames(&self, machine: &Machine) -> Vec<u32> {
        let (pc, back) = (machine.pc(), machine.register(1));
        let mut frames = vec![pc];
        // A function that has called another has an address of its own there.
        if self.code_map.function_at(back) != self.code_map.function_at(pc)
            && machine.is_code(back.wrapping_sub(2))
        {
            frames.push(back);
        }
        let mut frame = machine.register(8);
        let word = |addr: u32| {
            let mut bytes = [0; 4];
            for (k, byte) in bytes.iter_mut().enumerate() {
                *byte = machine.byte(addr.wrapping_add(k as u32))?;
            }
            Some(u32::from_le_bytes(bytes))
        };
        while frames.len() < MAX_FRAMES && frame & 3 == 0 {
            let (Some(back), Some(caller)) =
                (word(frame.wrapping_sub(4)), word(frame.wrapping_sub(8)))
            else {
                break;
            };
            if !machine.is_code(back.wrapping_sub(2)) {
                break;
            }
            if frames.last() != Some(&back) {
                frames.push(back);
            }
            if caller <= frame {
                break;
            }
            frame = caller;
        }
        frames
    }

    /// Is the instruction the allocator's, or done for it?
    fn is_allocators(&mut self, machine: &Machine) -> bool {
        let frames = self.frames(machine);
        for (depth, frame) in frames.into_iter().enumerate() {
            // A return address is behind its call.
            let pc = if depth == 0 { frame } else { frame.wrapping_sub(2) };
            let map = &self.code_map;
            match *self.known.entry(pc).or_insert_with(|| map.code_at(pc)) {
                Code::Allocator => return true,
                Code::Runtime => {}
                Code::Program => return false,
            }
        }
        false
    }

    fn tell(&mut self, machine: &Machine, flaw: Flaw, addr: u32) {
        if !self.told.insert((flaw, machine.pc())) {
            return;
        }
        let place = machine.bus.place(addr).map(|place| place as u32);
        let block = place.and_then(|place| {
            let blocks = &self.blocks;
            match flaw {
                Flaw::UseAfterFree | Flaw::DoubleFree => blocks.freed_at(place),
                Flaw::OutOfBounds => blocks.near(place, BLOCK_REACH_BYTES),
                _ => blocks.live_at(place),
            }
        });
        let block = block.map(|block| BlockFound {
            addr: block.addr,
            size_bytes: block.size_bytes,
            allocated_by: block.allocated_by.clone(),
            freed_by: block.freed_by.clone(),
        });
        self.findings.push(Finding { flaw, addr, at: self.frames(machine), block });
    }

    fn add_block(&mut self, machine: &Machine, addr: u32, size_bytes: u32) {
        let Some(place) = machine.bus.place(addr) else { return };
        // No block is longer than memory, whatever the program says.
        let size_bytes = size_bytes.min((machine.bus.memory_len_bytes() - place) as u32);
        self.shadow.cover(machine.bus.memory_len_bytes());
        self.shadow.fill(place, size_bytes as usize, UNWRITTEN);
        let allocated_by = self.frames(machine);
        let place = place as u32;
        self.blocks.add(Block { place, addr, size_bytes, allocated_by, freed_by: None });
    }

    fn free_block(&mut self, machine: &Machine, addr: u32) {
        let place = machine.bus.place(addr);
        let block = place.and_then(|place| self.blocks.take(place as u32));
        let Some(mut block) = block else {
            let was_freed = place.is_some_and(|place| self.blocks.freed_at(place as u32).is_some());
            let flaw = if was_freed { Flaw::DoubleFree } else { Flaw::ForeignFree };
            return self.tell(machine, flaw, addr);
        };
        self.shadow.fill(block.place as usize, block.size_bytes as usize, NO_BLOCK);
        block.freed_by = Some(self.frames(machine));
        self.blocks.bury(block);
    }

    fn resize_block(&mut self, machine: &Machine, old_addr: u32, addr: u32, size_bytes: u32) {
        let places = machine.bus.place(old_addr).zip(machine.bus.place(addr));
        let Some((from, to)) = places else { return };
        let size_bytes = size_bytes.min((machine.bus.memory_len_bytes() - to) as u32);
        let Some(old) = self.blocks.take(from as u32) else {
            return self.tell(machine, Flaw::ForeignFree, old_addr);
        };
        let (size, old_size) = (size_bytes as usize, old.size_bytes as usize);
        let kept = size.min(old_size);
        if from != to {
            self.shadow.copy(from, to, kept);
            self.shadow.fill(from, old_size, NO_BLOCK);
            let mut freed = old.clone();
            freed.freed_by = Some(self.frames(machine));
            self.blocks.bury(freed);
        } else if size < old_size {
            self.shadow.fill(to + kept, old_size - kept, NO_BLOCK);
        }
        self.shadow.fill(to + kept, size - kept, UNWRITTEN);
        self.blocks.add(Block { place: to as u32, addr, size_bytes, ..old });
    }
}

impl Watch for Memcheck {
    const ON: bool = true;
    const HALT: Stop = Stop::Found;

    #[inline(always)]
    fn before(&mut self, x: &Registers, bus: &Bus, inst: &Inst, _: u32) -> bool {
        let stops = match inst.op {
            Op::Lb | Op::Lbu => self.load(x, bus, inst, 1),
            Op::Lh | Op::Lhu => self.load(x, bus, inst, 2),
            Op::Lw => self.load(x, bus, inst, 4),
            Op::Sb => self.store(x, bus, inst, 1),
            Op::Sh => self.store(x, bus, inst, 2),
            Op::Sw => self.store(x, bus, inst, 4),
            Op::Beq | Op::Bne | Op::Blt | Op::Bge | Op::Bltu | Op::Bgeu => {
                let (a, b) = (inst.rs1 as usize, inst.rs2 as usize);
                (self.undefined[a] | self.undefined[b]) != 0
                    && self.suspect(Flaw::Uninitialised, x[a])
            }
            Op::Jalr => {
                let base = inst.rs1 as usize;
                let target = x[base].wrapping_add(inst.imm as u32);
                let state = bus.place(target).map_or(0, |place| self.shadow.get(place, 1));
                self.undefined[inst.rd as usize] = 0;
                state == u32::from(EVICTED) && self.suspect(Flaw::EvictedOverlay, target)
                    || self.undefined[base] != 0 && self.suspect(Flaw::Uninitialised, target)
            }
            Op::Lr
            | Op::Sc
            | Op::AmoSwap
            | Op::AmoAdd
            | Op::AmoXor
            | Op::AmoAnd
            | Op::AmoOr
            | Op::AmoMin
            | Op::AmoMax
            | Op::AmoMinu
            | Op::AmoMaxu => self.modify(x, bus, inst),
            Op::Ebreak => {
                self.undefined[10] = 0;
                false
            }
            Op::Hint | Op::Fence | Op::Stale | Op::Break => false,
            _ => {
                // Most instructions have defined sources and a defined target.
                let sources = self.undefined[inst.rs1 as usize] | self.undefined[inst.rs2 as usize];
                self.undefined[inst.rd as usize] =
                    if sources == 0 { 0 } else { flow::result(inst, x, &self.undefined) };
                false
            }
        };
        self.is_cleared = false;
        stops
    }

    fn halts(&self) -> bool {
        self.is_halting && !self.findings.is_empty()
    }

    fn resumes(&mut self, machine: &Machine) {
        self.is_in_interrupt = machine.is_in_interrupt();
    }

    fn stopped(&mut self, machine: &Machine) {
        self.is_cleared = true;
        let Some((flaw, addr)) = self.suspect.take() else { return };
        let is_allowed =
            matches!(flaw, Flaw::OutOfBounds | Flaw::UseAfterFree | Flaw::Uninitialised)
                && self.is_allocators(machine);
        if is_allowed {
            return;
        }
        self.tell(machine, flaw, addr);
        if flaw == Flaw::Uninitialised {
            // Told once: what follows from it is not news.
            self.undefined.fill(0);
        }
        if flaw == Flaw::StackOverflow {
            self.stack = None;
        }
    }

    fn hint(&mut self, machine: &Machine, number: i32) {
        let [a0, a1, a2] = [10, 11, 12].map(|register| machine.register(register));
        let place = machine.bus.place(a0);
        let cover = machine.bus.memory_len_bytes();
        match number {
            hint::ALLOCATE => self.add_block(machine, a0, a1),
            hint::FREE => self.free_block(machine, a0),
            hint::RESIZE => self.resize_block(machine, a0, a1, a2),
            hint::HEAP => {
                self.shadow.cover(cover);
                if let Some(place) = place {
                    self.shadow.fill(place, a1 as usize, NO_BLOCK);
                }
                let wanted = caps::ISR_SAFE | caps::ATOMIC;
                self.is_picky |= a2 & wanted != wanted;
                self.heaps.push(Heap { start: a0, size_bytes: a1, caps: a2 });
            }
            hint::STACK => self.stack = (a1 != 0).then_some((a0, a1)),
            hint::WRITTEN => {
                if let Some(place) = place {
                    self.shadow.fill(place, a1 as usize, FREE_USE);
                }
            }
            hint::DMA => {
                let last = a0.wrapping_add(a1.max(1) - 1);
                if [a0, last].into_iter().any(|addr| self.lacks(addr, caps::DMA)) {
                    self.tell(machine, Flaw::Dma, a0);
                }
            }
            hint::LOADED | hint::EVICTED => {
                self.shadow.cover(cover);
                let state = if number == hint::LOADED { FREE_USE } else { EVICTED };
                if let Some(place) = place {
                    self.shadow.fill(place, a1 as usize, state);
                }
            }
            _ => {}
        }
    }
}
