//! The machine: a core on a board, running a program.

use std::collections::HashMap;
use std::io::Write;
use std::ops::Range;

use crate::board::Board;
use crate::bus::Bus;
use crate::cache::Cache;
use crate::csr::{Counters, Csrs, MACHINE};
use crate::device::{Card, CardError, Finish, Medium};
use crate::elf::{ElfError, Program};
use crate::execute::{End, Exit, execute};
use crate::inst::{Inst, Op, Registers};
use crate::memcheck::Memcheck;
use crate::semihost::{Answer, Semihost};
use crate::trap::{Cause, Trap};
use crate::watch::{Nobody, Watch};

/// Why a machine stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stop {
    /// The program ended itself.
    Exit {
        /// Its verdict; 0 is good.
        code: u32,
    },
    /// As many instructions as were asked for are done; it can go on.
    Limit,
    /// There was something to say; it can go on.
    Said,
    /// A trap has nowhere to go: its handler cannot be fetched, or it traps itself at its first
    /// instruction.
    Unhandled {
        /// The trap.
        trap: Trap,
        /// Where it happened.
        pc: u32,
    },
    /// A breakpoint stands at the next instruction; it can go on by [`Machine::step`].
    Breakpoint {
        /// Where.
        pc: u32,
    },
    /// A watched access was done; it can go on.
    Watchpoint,
    /// Memcheck found something and was asked to stop at that; it can go on.
    Found,
    /// It waits for an interrupt, and none will ever come.
    Asleep {
        /// Where.
        pc: u32,
    },
}

/// An instruction was fetched that was written since the last `fence.i`: on a chip the core may
/// still see what was there before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct StaleFetch {
    /// Where.
    pub pc: u32,
    /// The instruction that wrote it.
    pub writer_pc: u32,
}

/// A core on a board, running a program.
#[derive(Debug)]
pub struct Machine {
    board: Board,
    pub(crate) x: Box<Registers>,
    pub(crate) pc: u32,
    pub(crate) csrs: Csrs,
    /// Retired since the start.
    instructions: u64,
    pub(crate) bus: Bus,
    pub(crate) cache: Cache,
    program: Program,
    semihost: Semihost,
    text: Vec<u8>,
    stale_fetches: Vec<StaleFetch>,
    /// In the handler of an interrupt, the address that was interrupted.
    interrupted: Option<u32>,
    /// Executions by address; only when asked for.
    profile: Option<HashMap<u32, u64>>,
}

impl Machine {
    /// A machine of `board` with the program of `elf` in its memory, about to start.
    ///
    /// # Errors
    /// The file is not a program for this board.
    pub fn new(board: Board, elf: &[u8]) -> Result<Self, ElfError> {
        let mut bus = board.bus();
        let program = Program::read(elf, &bus, board.name())?;
        program.place(&mut bus, |_| true);
        if board.protects() {
            program.protect(&mut bus);
        }
        Ok(Self {
            x: Box::new([0; 256]),
            pc: program.entry_addr,
            csrs: Csrs::new(board.extensions()),
            instructions: board.boot_instructions(),
            bus,
            cache: Cache::new(),
            program,
            semihost: Semihost::default(),
            text: Vec::new(),
            stale_fetches: Vec::new(),
            interrupted: None,
            profile: None,
            board,
        })
    }

    /// What the program is told when it asks for its command line.
    pub fn set_command_line(&mut self, line: impl Into<String>) {
        self.semihost.command_line = line.into();
    }

    /// The program may create the file called `name`; its bytes go to `file`.
    pub fn offer_file(&mut self, name: impl Into<String>, file: Box<dyn Write>) {
        self.semihost.offer(name.into(), file);
    }

    /// What went wrong with the offered file, once.
    pub fn take_file_error(&mut self) -> Option<std::io::Error> {
        self.semihost.error.take()
    }

    /// Puts an SD card with the bytes of `medium` on the SPI bus.
    ///
    /// # Errors
    /// The medium cannot be read, or its length is not that of a card.
    pub fn insert_card(&mut self, medium: Box<dyn Medium>) -> Result<(), CardError> {
        self.bus.devices.spi.card = Some(Card::new(medium)?);
        Ok(())
    }

    /// What went wrong with the medium of the card, once.
    pub fn take_card_error(&mut self) -> Option<std::io::Error> {
        self.bus.devices.spi.card.as_mut()?.error.take()
    }

    /// Counts executions by address from now on.
    pub fn start_profile(&mut self) {
        self.profile = Some(HashMap::new());
    }

    /// Executions by address; empty without [`Self::start_profile`].
    pub fn take_profile(&mut self) -> HashMap<u32, u64> {
        self.fold_profile();
        self.profile.take().unwrap_or_default()
    }

    /// Instructions retired since the start.
    #[must_use]
    pub fn instructions(&self) -> u64 {
        self.instructions
    }

    /// The address of the next instruction.
    #[must_use]
    pub fn pc(&self) -> u32 {
        self.pc
    }

    /// Register `x0` to `x31`; 0 for any other number.
    #[must_use]
    pub fn register(&self, number: u8) -> u32 {
        if number < 32 { self.x[usize::from(number)] } else { 0 }
    }

    /// The byte at `addr`; `None` where there is no memory.
    #[must_use]
    pub fn byte(&self, addr: u32) -> Option<u8> {
        self.bus.peek(addr)
    }

    /// The places in the backing memory of what the program loads and does not write.
    pub(crate) fn constants(&self) -> Vec<Range<usize>> {
        let segments = self.program.segments.iter().filter(|segment| !segment.is_writable);
        segments
            .filter_map(|segment| {
                let start = self.bus.place(segment.addr)?;
                Some(start..start + segment.bytes.len())
            })
            .collect()
    }

    /// Can an instruction be fetched from `addr`?
    pub(crate) fn is_code(&self, addr: u32) -> bool {
        self.bus.fetch(addr).is_ok()
    }

    /// What the program has said on its serial line since the last call.
    pub fn take_text(&mut self) -> Vec<u8> {
        self.text.append(&mut self.bus.devices.uart.sent);
        std::mem::take(&mut self.text)
    }

    /// Instructions that were fetched without a `fence.i` after they were written, since the
    /// last call. Each is told once for each time it was written.
    pub fn take_stale_fetches(&mut self) -> Vec<StaleFetch> {
        std::mem::take(&mut self.stale_fetches)
    }

    /// Runs for at most `count` instructions.
    pub fn run(&mut self, count: u64) -> Stop {
        self.run_watched(count, &mut Nobody)
    }

    /// Runs for at most `count` instructions, each looked at by `memcheck`.
    pub fn run_checked(&mut self, count: u64, memcheck: &mut Memcheck) -> Stop {
        self.run_watched(count, memcheck)
    }

    /// Is it in the handler of an interrupt?
    #[must_use]
    pub fn is_in_interrupt(&self) -> bool {
        self.interrupted.is_some()
    }

    pub(crate) fn run_watched<W: Watch>(&mut self, count: u64, watch: &mut W) -> Stop {
        let last = self.instructions.saturating_add(count);
        loop {
            if let Some(stop) = self.attend(W::ON) {
                return stop;
            }
            if self.instructions >= last {
                return Stop::Limit;
            }
            if !self.bus.devices.uart.sent.is_empty() && self.bus.devices.uart.sent.ends_with(b"\n")
            {
                self.text.append(&mut self.bus.devices.uart.sent);
                return Stop::Said;
            }
            let due = self.bus.devices.clint.due().unwrap_or(u64::MAX);
            watch.resumes(self);
            if let Some(stop) = self.run_blocks(last.min(due), watch) {
                return stop;
            }
            if W::ON && watch.halts() {
                return W::HALT;
            }
        }
    }

    /// What happens between instructions: the end, interrupts, code that changed.
    fn attend(&mut self, is_watched: bool) -> Option<Stop> {
        if self.bus.is_code_changed || self.cache.is_spent(is_watched) {
            self.fold_profile();
            self.cache.clear(is_watched);
            self.bus.forget_code();
        }
        match self.bus.devices.finished() {
            Some(Finish::Exit(code)) => return Some(Stop::Exit { code }),
            Some(Finish::Reset) => self.reset(is_watched),
            None => {}
        }
        self.bus.devices.clint.advance(self.instructions);
        let pending = self.bus.devices.pending();
        if let Some(cause) = self.csrs.interrupt(pending) {
            self.bus.break_reservation();
            self.interrupted = Some(self.pc);
            self.pc = self.csrs.enter(cause, 0, self.pc);
        }
        None
    }

    /// Starts anew with RTC memory as it is.
    fn reset(&mut self, is_watched: bool) {
        let mut fresh = self.board.bus();
        for addr in self.board.kept_ranges().flatten() {
            if let Some(byte) = self.bus.peek(addr) {
                // The two have the same memory.
                let _ = fresh.put(addr, &[byte]);
            }
        }
        self.text.append(&mut self.bus.devices.uart.sent);
        fresh.devices.spi.card = self.bus.devices.spi.card.take();
        self.bus = fresh;
        let board = self.board;
        self.program.place(&mut self.bus, |addr| !board.keeps(addr));
        if board.protects() {
            self.program.protect(&mut self.bus);
        }
        self.fold_profile();
        self.cache.clear(is_watched);
        self.csrs = Csrs::new(board.extensions());
        self.x.fill(0);
        self.pc = self.program.entry_addr;
    }

    /// Runs block after block until `until` instructions are retired or something has to be
    /// attended to.
    fn run_blocks<W: Watch>(&mut self, until: u64, watch: &mut W) -> Option<Stop> {
        let mut head = match self.block_at(self.pc) {
            Ok(head) => head,
            Err(addr) => return self.trap(Trap::new(Cause::InstructionAccess, addr), self.pc),
        };
        loop {
            let left = (until.saturating_sub(self.instructions), until);
            let (x, bus, cache) = (&mut self.x, &mut self.bus, &mut self.cache);
            let Exit { end, left, first } = if self.profile.is_some() {
                execute::<W, true>(x, bus, cache, head, left, watch)
            } else {
                execute::<W, false>(x, bus, cache, head, left, watch)
            };
            self.instructions = until - left;
            match end {
                End::Cut(block) => {
                    self.pc = self.cache.addr_of(block);
                    if left == 0 {
                        return None;
                    }
                    let extensions = self.board.extensions();
                    let part =
                        self.cache.cut_block(self.pc, left as usize, &mut self.bus, extensions);
                    match part {
                        Ok(part) => head = part,
                        Err(_) => return None,
                    }
                }
                End::Unlinked { step, part, target } => {
                    self.pc = target;
                    if left == 0 {
                        return None;
                    }
                    match self.block_at(target) {
                        Ok(next) => {
                            self.cache.link(step, part, next);
                            head = next;
                        }
                        Err(_) => return None,
                    }
                }
                End::Jump(target) => {
                    self.pc = target;
                    if left == 0 {
                        return None;
                    }
                    match self.block_at(target) {
                        Ok(next) => head = next,
                        Err(_) => return None,
                    }
                }
                End::System(at) => {
                    self.retire(first, at);
                    self.pc = self.cache.pcs[at];
                    let inst = self.cache.insts[at];
                    if W::ON && inst.op == Op::Hint {
                        watch.hint(self, inst.imm);
                    }
                    return self.system(inst);
                }
                End::Watched(at) => {
                    self.retire(first, at);
                    self.pc = self.cache.pcs[at];
                    watch.stopped(self);
                    return None;
                }
                End::Trapped(at, trap) => {
                    self.retire(first, at);
                    return self.trap(trap, self.cache.pcs[at]);
                }
                End::Stopped(at) => {
                    self.retire(first, at + 1);
                    self.pc = self.cache.pcs[at + 1];
                    return None;
                }
            }
        }
    }

    fn block_at(&mut self, pc: u32) -> Result<usize, u32> {
        self.cache.block(pc, &mut self.bus, self.board.extensions())
    }

    /// The instructions from `first` to before `end`, of one block, are done.
    fn retire(&mut self, first: usize, end: usize) {
        self.instructions += (end - first) as u64;
        if self.profile.is_some() && end > first {
            self.cache.exit_counts[end - 1] += 1;
        }
    }

    /// Adds what the cache has counted to the profile.
    fn fold_profile(&mut self) {
        let Some(profile) = &mut self.profile else { return };
        for block in self.cache.blocks() {
            let mut count = 0;
            for at in block.rev() {
                count += self.cache.exit_counts[at];
                if count > 0 {
                    *profile.entry(self.cache.pcs[at]).or_default() += count;
                }
            }
        }
        self.cache.exit_counts.fill(0);
    }

    /// Takes an exception at `pc`.
    fn trap(&mut self, trap: Trap, pc: u32) -> Option<Stop> {
        self.bus.break_reservation();
        let handler = self.csrs.enter(trap.cause.code(), trap.value, pc);
        self.pc = handler;
        let is_lost = self.bus.fetch(handler).is_err() || handler == pc;
        is_lost.then_some(Stop::Unhandled { trap, pc })
    }

    /// Takes an exception that the instruction at `pc` is by itself. It does not retire, but
    /// QEMU's machine counts it.
    fn raise(&mut self, trap: Trap, pc: u32) -> Option<Stop> {
        self.instructions += u64::from(!matches!(self.board, Board::Chip(..)));
        self.trap(trap, pc)
    }

    pub(crate) fn counters(&self) -> Counters {
        // The instruction that reads counts itself.
        let instructions = self.instructions + 1;
        Counters {
            instructions,
            time: self.bus.devices.clint.time(instructions),
            pending: self.bus.devices.pending(),
        }
    }

    /// Does what a block leaves to the machine.
    fn system(&mut self, inst: Inst) -> Option<Stop> {
        let pc = self.pc;
        let next = pc.wrapping_add(u32::from(inst.rs2));
        let bits = inst.imm as u32;
        let refused = Trap::new(Cause::IllegalInstruction, bits);
        match inst.op {
            Op::Csrrw | Op::Csrrs | Op::Csrrc | Op::Csrrwi | Op::Csrrsi | Op::Csrrci => {
                if self.access_csr(inst).is_none() {
                    return self.trap(refused, pc);
                }
            }
            Op::Ecall => {
                let is_machine = self.csrs.mode == MACHINE;
                let cause = if is_machine { Cause::MachineCall } else { Cause::UserCall };
                return self.raise(Trap::new(cause, 0), pc);
            }
            Op::Ebreak if self.is_semihosting(pc) => {
                let (number, block) = (self.x[10], self.x[11]);
                let (bus, text) = (&mut self.bus, &mut self.text);
                text.append(&mut bus.devices.uart.sent);
                match self.semihost.answer(number, block, bus, text, self.instructions) {
                    Answer::Value(value) => self.x[10] = value,
                    Answer::Exit(code) => return Some(Stop::Exit { code }),
                }
                // It may have written anywhere.
                self.bus.is_code_changed |= number == 0x15;
            }
            Op::Ebreak => return self.raise(Trap::new(Cause::Breakpoint, 0), pc),
            Op::Mret => match self.csrs.leave() {
                Some(target) => {
                    self.instructions += 1;
                    self.interrupted = None;
                    self.pc = target;
                    return None;
                }
                None => return self.trap(refused, pc),
            },
            Op::Wfi => {
                if self.csrs.traps_wfi() {
                    return self.raise(refused, pc);
                }
                let is_pending = self.csrs.wakes(self.bus.devices.pending());
                let clint = &mut self.bus.devices.clint;
                let is_awake = is_pending
                    || self.csrs.listens_to_timer() && clint.idle_until_due(self.instructions + 1);
                if !is_awake {
                    return Some(Stop::Asleep { pc });
                }
            }
            Op::FenceI => self.bus.synchronise(),
            Op::Stale => {
                let len_bytes = u32::from(inst.rs2);
                if let Some(writer_pc) = self.bus.writer_of(pc, len_bytes) {
                    self.stale_fetches.push(StaleFetch { pc, writer_pc });
                }
                self.bus.forget_writer_of(pc, len_bytes);
                // Decoded anew, it is what it is.
                self.bus.is_code_changed = true;
                return None;
            }
            Op::Break => return Some(Stop::Breakpoint { pc }),
            Op::Hint => {}
            _ => return self.raise(refused, pc),
        }
        self.instructions += 1;
        self.pc = next;
        None
    }

    fn access_csr(&mut self, inst: Inst) -> Option<()> {
        let number = inst.imm as u32 >> 20;
        let counters = self.counters();
        let old = self.csrs.read(number, &counters)?;
        let is_immediate = matches!(inst.op, Op::Csrrwi | Op::Csrrsi | Op::Csrrci);
        let operand =
            if is_immediate { u32::from(inst.rs1) } else { self.x[usize::from(inst.rs1)] };
        let new = match inst.op {
            Op::Csrrw | Op::Csrrwi => Some(operand),
            // With the register x0, or 0, nothing is written.
            _ if inst.rs1 == 0 => None,
            Op::Csrrs | Op::Csrrsi => Some(old | operand),
            _ => Some(old & !operand),
        };
        if let Some(new) = new {
            self.csrs.write(number, new, &counters)?;
            if let Some(guards) = self.csrs.pmp.take_guards() {
                self.bus.guard(guards);
            }
        }
        self.x[usize::from(inst.rd)] = old;
        Some(())
    }

    /// Is the `ebreak` at `pc` between the two instructions that make it a request to the desk?
    fn is_semihosting(&self, pc: u32) -> bool {
        self.bus.fetch(pc.wrapping_sub(4)) == Ok(0x01F0_1013)
            && self.bus.fetch(pc.wrapping_add(4)) == Ok(0x4070_5013)
    }
}
