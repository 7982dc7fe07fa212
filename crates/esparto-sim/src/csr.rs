//! The control and status registers of a hart with machine and user mode.

use crate::isa::Extensions;
use crate::pmp::Pmp;

const MIE: u32 = 1 << 3;
const MPIE: u32 = 1 << 7;
const MPP: u32 = 3 << 11;
/// `wfi` traps in user mode.
const TW: u32 = 1 << 21;

/// `mcounteren`: cycles, time, instructions.
const COUNTERS: u32 = 7;

/// `mcountinhibit`: cycles and instructions.
const INHIBIT_CYCLES: u32 = 1 << 0;
const INHIBIT_INSTRUCTIONS: u32 = 1 << 2;

/// The machine's three interrupts, as bits of `mip` and `mie`.
pub(crate) const SOFTWARE: u32 = 1 << 3;
pub(crate) const TIMER: u32 = 1 << 7;
pub(crate) const EXTERNAL: u32 = 1 << 11;

pub(crate) const MACHINE: u32 = 3;
const USER: u32 = 0;

/// What the registers say that is not stored in them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Counters {
    /// Instructions retired, the one that reads included.
    pub(crate) instructions: u64,
    /// The time, in ticks.
    pub(crate) time: u64,
    /// Interrupts that wait.
    pub(crate) pending: u32,
}

/// A counter that follows the instructions retired.
#[derive(Clone, Copy, Debug, Default)]
struct Counter {
    /// A write moves it: what it shows is the count plus this.
    offset: u64,
    /// What it shows while it stands still.
    frozen: Option<u64>,
}

impl Counter {
    fn shown(self, count: u64) -> u64 {
        self.frozen.unwrap_or(count.wrapping_add(self.offset))
    }

    /// Writes the bits of `mask`.
    fn set(&mut self, count: u64, mask: u64, part: u64) {
        let value = self.shown(count) & !mask | part;
        match &mut self.frozen {
            Some(frozen) => *frozen = value,
            None => self.offset = value.wrapping_sub(count),
        }
    }

    fn inhibit(&mut self, count: u64, is_inhibited: bool) {
        let value = self.shown(count);
        self.offset = value.wrapping_sub(count);
        self.frozen = is_inhibited.then_some(value);
    }
}

/// The registers, and the mode the hart is in.
#[derive(Clone, Debug)]
pub(crate) struct Csrs {
    pub(crate) mode: u32,
    misa: u32,
    mstatus: u32,
    mie: u32,
    mtvec: u32,
    mscratch: u32,
    pub(crate) mepc: u32,
    pub(crate) mcause: u32,
    mtval: u32,
    mcounteren: u32,
    cycles: Counter,
    instret: Counter,
    pub(crate) pmp: Pmp,
}

impl Csrs {
    pub(crate) fn new(extensions: Extensions) -> Self {
        Self {
            mode: MACHINE,
            misa: extensions.misa(),
            mstatus: 0,
            mie: 0,
            mtvec: 0,
            mscratch: 0,
            mepc: 0,
            mcause: 0,
            mtval: 0,
            mcounteren: 0,
            cycles: Counter::default(),
            instret: Counter::default(),
            pmp: Pmp::default(),
        }
    }

    /// `None`: there is no such register in this mode.
    pub(crate) fn read(&self, number: u32, counters: &Counters) -> Option<u32> {
        if number >> 8 & 3 > self.mode {
            return None;
        }
        let is_counter = matches!(number, 0xC00..=0xC02 | 0xC80..=0xC82);
        if is_counter && self.mode == USER && self.mcounteren >> (number & 31) & 1 == 0 {
            return None;
        }
        let cycles = self.cycles.shown(counters.instructions);
        let instret = self.instret.shown(counters.instructions);
        Some(match number {
            0x300 => self.mstatus,
            0x301 => self.misa,
            0x304 => self.mie,
            0x305 => self.mtvec,
            0x306 => self.mcounteren,
            0x340 => self.mscratch,
            0x341 => self.mepc,
            0x342 => self.mcause,
            0x343 => self.mtval,
            0x344 => counters.pending,
            0x3A0..=0x3A3 => self.pmp.config(number as usize),
            0x3B0..=0x3BF => self.pmp.addr(number as usize),
            0xB00 | 0xC00 => cycles as u32,
            0xB80 | 0xC80 => (cycles >> 32) as u32,
            0xB02 | 0xC02 => instret as u32,
            0xB82 | 0xC82 => (instret >> 32) as u32,
            0xC01 => counters.time as u32,
            0xC81 => (counters.time >> 32) as u32,
            0x320 => {
                (u32::from(self.cycles.frozen.is_some()) * INHIBIT_CYCLES)
                    | (u32::from(self.instret.frozen.is_some()) * INHIBIT_INSTRUCTIONS)
            }
            // mstatush, events and counters that count nothing, and the
            // registers that say who made the core.
            0x310 | 0x323..=0x33F | 0xB03..=0xB1F | 0xB83..=0xB9F | 0xF11..=0xF15 => 0,
            _ => return None,
        })
    }

    /// The register as machine mode sees it, whatever the mode is.
    pub(crate) fn peek(&self, number: u32, counters: &Counters) -> Option<u32> {
        Self { mode: MACHINE, ..self.clone() }.read(number, counters)
    }

    /// `None`: it cannot be written in this mode. Call after a successful [`Self::read`].
    pub(crate) fn write(&mut self, number: u32, value: u32, counters: &Counters) -> Option<()> {
        if number >> 10 == 3 {
            return None;
        }
        let count = counters.instructions;
        let (low, high) = (0xFFFF_FFFF, 0xFFFF_FFFF_0000_0000);
        let wide = u64::from(value);
        match number {
            0x300 => {
                let mpp = if value & MPP == MPP { MPP } else { 0 };
                self.mstatus = value & (MIE | MPIE | TW) | mpp;
            }
            0x304 => self.mie = value & (SOFTWARE | TIMER | EXTERNAL),
            // Modes 2 and 3 are reserved: the register keeps what it has.
            0x305 if value & 2 == 0 => self.mtvec = value,
            0x306 => self.mcounteren = value & COUNTERS,
            0x340 => self.mscratch = value,
            0x341 => self.mepc = value & !1,
            0x342 => self.mcause = value,
            0x343 => self.mtval = value,
            0x3A0..=0x3A3 => self.pmp.set_config(number as usize, value),
            0x3B0..=0x3BF => self.pmp.set_addr(number as usize, value),
            0x320 => {
                self.cycles.inhibit(count, value & INHIBIT_CYCLES != 0);
                self.instret.inhibit(count, value & INHIBIT_INSTRUCTIONS != 0);
            }
            0xB00 => self.cycles.set(count, low, wide),
            0xB80 => self.cycles.set(count, high, wide << 32),
            0xB02 => self.instret.set(count, low, wide),
            0xB82 => self.instret.set(count, high, wide << 32),
            _ => {}
        }
        Some(())
    }

    /// The interrupt to take now, of those that wait.
    pub(crate) fn interrupt(&self, pending: u32) -> Option<u32> {
        let waiting = pending & self.mie;
        if waiting == 0 || self.mode == MACHINE && self.mstatus & MIE == 0 {
            return None;
        }
        [EXTERNAL, SOFTWARE, TIMER]
            .into_iter()
            .find(|bit| waiting & bit != 0)
            .map(|bit| 0x8000_0000 | bit.trailing_zeros())
    }

    /// Would `wfi` wake up?
    pub(crate) fn wakes(&self, pending: u32) -> bool {
        pending & self.mie != 0
    }

    /// Is `wfi` refused in this mode?
    pub(crate) fn traps_wfi(&self) -> bool {
        self.mode == USER && self.mstatus & TW != 0
    }

    /// Does the timer's interrupt get through at all?
    pub(crate) fn listens_to_timer(&self) -> bool {
        self.mie & TIMER != 0
    }

    /// Enters a trap at `pc`; gives the address of its handler.
    pub(crate) fn enter(&mut self, cause: u32, value: u32, pc: u32) -> u32 {
        let interrupts = self.mstatus & MIE;
        self.mstatus = self.mstatus & TW | self.mode << 11 | interrupts << 4;
        self.mode = MACHINE;
        self.mepc = pc;
        self.mcause = cause;
        self.mtval = value;
        let base = self.mtvec & !3;
        let is_vectored = self.mtvec & 1 == 1 && cause >> 31 == 1;
        if is_vectored { base.wrapping_add(4 * (cause & 0x3FF)) } else { base }
    }

    /// Leaves a trap; gives the address to go on at. `None`: not in this mode.
    pub(crate) fn leave(&mut self) -> Option<u32> {
        if self.mode != MACHINE {
            return None;
        }
        self.mode = if self.mstatus & MPP == MPP { MACHINE } else { USER };
        let interrupts = self.mstatus & MPIE;
        self.mstatus = self.mstatus & TW | MPIE | interrupts >> 4;
        Some(self.mepc)
    }
}
