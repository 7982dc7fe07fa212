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
    pub(super) const NAME: i32 = 0x7EA;
}

/// Capabilities as the program gives them with [`hint::HEAP`]: the bits of Esparto's `Caps`.
mod caps {
    pub(super) const EXTERNAL: u32 = 1 << 1;
    pub(super) const DMA: u32 = 1 << 2;
    pub(super) const ATOMIC: u32 = 1 << 6;
    pub(super) const ISR_SAFE: u32 = 1 << 7;
}

/// Return addresses kept of a call.
const MAX_FRAMES: usize = 16;

/// How far below its end a stack is still taken for the one that overflows.
const STACK_REACH_BYTES: u32 = 64 * 1024;

/// The longest name of an owner that is kept, in bytes.
const MAX_NAME_BYTES: u32 = 64;

/// Places of the table of trusted instructions, a power of two.
const TRUSTED_PLACES: usize = 1 << 12;

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

/// The stack in use.
#[derive(Clone, Copy, Debug)]
struct Stack {
    start: u32,
    size_bytes: u32,
    /// The task it is of; 0 is nobody in particular.
    owner: u16,
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
    stack: Option<Stack>,
    /// What owners are called.
    names: HashMap<u16, String>,
    /// Instructions of an allocator, by their addresses.
    trusted: Vec<u32>,
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
            names: HashMap::new(),
            trusted: vec![0; TRUSTED_PLACES],
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

    /// The first flaw of an access of `size` bytes at `addr`, by `sp` or not.
    #[inline]
    fn flaw_of_access(&self, bus: &Bus, addr: u32, size: usize, is_sp: bool) -> Option<Flaw> {
        if is_sp
            && let Some(stack) = self.stack
            && addr < stack.start
            && stack.start - addr <= STACK_REACH_BYTES
        {
            return Some(Flaw::StackOverflow);
        }
        let states = bus.place(addr).map_or(0, |place| self.shadow.get(place, size));
        if states != 0 {
            for k in 0..size {
                match (states >> (8 * k)) as u8 {
                    // Whether it was freed is asked when it is told.
                    NO_BLOCK => return Some(Flaw::OutOfBounds),
                    EVICTED => return Some(Flaw::EvictedOverlay),
                    _ => {}
                }
            }
        }
        if !bus.is_cache_on() && (bus.is_cached(addr) || self.has(addr, caps::EXTERNAL)) {
            return Some(Flaw::CacheOff);
        }
        if self.is_picky && self.is_in_interrupt && self.lacks(addr, caps::ISR_SAFE) {
            return Some(Flaw::InterruptAccess);
        }
        None
    }

    /// Is `addr` in a heap with `cap`?
    fn has(&self, addr: u32, cap: u32) -> bool {
        self.heaps.iter().any(|heap| heap.holds(addr) && heap.caps & cap != 0)
    }

    /// Is `addr` in a heap without `cap`?
    fn lacks(&self, addr: u32, cap: u32) -> bool {
        self.heaps.iter().any(|heap| heap.holds(addr) && heap.caps & cap == 0)
    }

    /// Something is suspect: stops, unless it has been looked at or is done by who may.
    fn suspect(&mut self, flaw: Flaw, addr: u32, pc: u32) -> bool {
        if self.is_cleared || flaw.is_allocators() && self.trusted[trusted_place(pc)] == pc {
            return false;
        }
        self.suspect = Some((flaw, addr));
        true
    }

    fn load(&mut self, x: &Registers, bus: &Bus, inst: &Inst, pc: u32, size: usize) -> bool {
        let base = inst.rs1 as usize;
        let addr = x[base].wrapping_add(inst.imm as u32);
        if self.undefined[base] != 0 && self.suspect(Flaw::Uninitialised, addr, pc) {
            return true;
        }
        if let Some(flaw) = self.flaw_of_access(bus, addr, size, false)
            && self.suspect(flaw, addr, pc)
        {
            return true;
        }
        let states = bus.place(addr).map_or(0, |place| self.shadow.get(place, size));
        let mut bits = if states == 0 { 0 } else { flow::of_states(states) };
        let is_signed = matches!(inst.op, Op::Lb | Op::Lh);
        if is_signed && bits >> (8 * size - 1) & 1 != 0 {
            bits |= u32::MAX << (8 * size - 1);
        }
        self.undefined[inst.rd as usize] = bits;
        false
    }

    fn store(&mut self, x: &Registers, bus: &Bus, inst: &Inst, pc: u32, size: usize) -> bool {
        let base = inst.rs1 as usize;
        let addr = x[base].wrapping_add(inst.imm as u32);
        if self.undefined[base] != 0 && self.suspect(Flaw::Uninitialised, addr, pc) {
            return true;
        }
        if let Some(flaw) = self.flaw_of_access(bus, addr, size, base == 2) {
            // What is done by those who may leaves memory what it is.
            return self.suspect(flaw, addr, pc);
        }
        let Some(place) = bus.place(addr) else { return false };
        let bits = self.undefined[inst.rs2 as usize];
        if self.shadow.get(place, size) | bits != 0 {
            self.shadow.write(place, size, bits);
        }
        false
    }

    fn modify(&mut self, x: &Registers, bus: &Bus, inst: &Inst, pc: u32) -> bool {
        let addr = x[inst.rs1 as usize];
        if let Some(flaw) = self.flaw_of_access(bus, addr, 4, false)
            && self.suspect(flaw, addr, pc)
        {
            return true;
        }
        if self.is_picky && self.lacks(addr, caps::ATOMIC) && self.suspect(Flaw::Atomic, addr, pc) {
            return true;
        }
        if let Some(place) = bus.place(addr) {
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

    /// Memory in no block may have been in one.
    fn refined(&self, machine: &Machine, flaw: Flaw, addr: u32) -> Flaw {
        // The access may begin in a block and end behind it.
        let bad = (0..4).filter_map(|k| machine.bus.place(addr.wrapping_add(k)));
        let bad = bad.into_iter().find(|&place| self.shadow.get(place, 1) == u32::from(NO_BLOCK));
        let was_freed = bad.is_some_and(|place| self.blocks.freed_at(place as u32).is_some());
        if flaw == Flaw::OutOfBounds && was_freed { Flaw::UseAfterFree } else { flaw }
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
            owner: self.name_of(block.owner),
        });
        let task = self.stack.and_then(|stack| self.name_of(stack.owner));
        let stack = self.stack.filter(|_| flaw == Flaw::StackOverflow);
        let stack = stack.map(|stack| (stack.start, stack.size_bytes));
        self.findings.push(Finding { flaw, addr, at: self.frames(machine), block, task, stack });
    }

    /// The name of an owner, or its number; `None` for nobody in particular.
    fn name_of(&self, owner: u16) -> Option<String> {
        let name = self.names.get(&owner).cloned();
        name.or_else(|| (owner != 0).then(|| format!("owner {owner}")))
    }

    fn add_block(&mut self, machine: &Machine, addr: u32, size_bytes: u32, owner: u16) {
        let Some(place) = machine.bus.place(addr) else { return };
        // No block is longer than memory, whatever the program says.
        let size_bytes = size_bytes.min((machine.bus.memory_len_bytes() - place) as u32);
        self.shadow.cover(machine.bus.memory_len_bytes());
        self.shadow.fill(place, size_bytes as usize, UNWRITTEN);
        let allocated_by = self.frames(machine);
        let place = place as u32;
        self.blocks.add(Block { place, addr, size_bytes, owner, allocated_by, freed_by: None });
    }

    fn free_block(&mut self, machine: &Machine, addr: u32) {
        let place = machine.bus.place(addr);
        let block = place.and_then(|place| self.blocks.take(place as u32));
        if let Some(block) = &block {
            let held =
                |heap: &Heap| heap.start == block.addr && heap.size_bytes <= block.size_bytes;
            self.heaps.retain(|heap| !held(heap));
        }
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
    fn before(&mut self, x: &Registers, bus: &Bus, inst: &Inst, pc: u32) -> bool {
        let stops = match inst.op {
            Op::Lb | Op::Lbu => self.load(x, bus, inst, pc, 1),
            Op::Lh | Op::Lhu => self.load(x, bus, inst, pc, 2),
            Op::Lw => self.load(x, bus, inst, pc, 4),
            Op::Sb => self.store(x, bus, inst, pc, 1),
            Op::Sh => self.store(x, bus, inst, pc, 2),
            Op::Sw => self.store(x, bus, inst, pc, 4),
            Op::Beq | Op::Bne | Op::Blt | Op::Bge | Op::Bltu | Op::Bgeu => {
                let (a, b) = (inst.rs1 as usize, inst.rs2 as usize);
                (self.undefined[a] | self.undefined[b]) != 0
                    && self.suspect(Flaw::Uninitialised, x[a], pc)
            }
            Op::Jalr => {
                let base = inst.rs1 as usize;
                let target = x[base].wrapping_add(inst.imm as u32);
                let state = bus.place(target).map_or(0, |place| self.shadow.get(place, 1));
                self.undefined[inst.rd as usize] = 0;
                state == u32::from(EVICTED) && self.suspect(Flaw::EvictedOverlay, target, pc)
                    || self.undefined[base] != 0 && self.suspect(Flaw::Uninitialised, target, pc)
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
            | Op::AmoMaxu => self.modify(x, bus, inst, pc),
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
        if flaw.is_allocators() && self.is_allocators(machine) {
            let pc = machine.pc();
            if self.known.get(&pc) == Some(&Code::Allocator) {
                self.trusted[trusted_place(pc)] = pc;
            }
            return;
        }
        let flaw = self.refined(machine, flaw, addr);
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
            hint::ALLOCATE => self.add_block(machine, a0, a1, a2 as u16),
            hint::FREE => self.free_block(machine, a0),
            hint::RESIZE => self.resize_block(machine, a0, a1, a2),
            hint::HEAP => {
                self.shadow.cover(cover);
                if let Some(place) = place {
                    self.shadow.fill(place, a1 as usize, NO_BLOCK);
                    // A block that is divided further, by a pool, is no block of its own.
                    self.blocks.divide(place as u32);
                }
                let wanted = caps::ISR_SAFE | caps::ATOMIC;
                self.is_picky |= a2 & wanted != wanted;
                self.heaps.push(Heap { start: a0, size_bytes: a1, caps: a2 });
            }
            hint::STACK => {
                let stack = Stack { start: a0, size_bytes: a1, owner: a2 as u16 };
                self.stack = (a1 != 0).then_some(stack);
            }
            hint::NAME => {
                let bytes =
                    (0..a2.min(MAX_NAME_BYTES)).map_while(|k| machine.byte(a1.wrapping_add(k)));
                let name = String::from_utf8_lossy(&bytes.collect::<Vec<u8>>()).into_owned();
                self.names.insert(a0 as u16, name);
            }
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

fn trusted_place(pc: u32) -> usize {
    pc as usize >> 1 & (TRUSTED_PLACES - 1)
}
