//! The timer and the software interrupt, at the offsets of the CLINT.

use crate::bus::Stored;
use crate::csr::{SOFTWARE, TIMER};

const MSIP: u32 = 0;
const MTIMECMP: u32 = 0x4000;
const MTIME: u32 = 0xBFF8;

/// So far away that nobody waits for it: some hundred years.
const NEVER: u64 = 1 << 62;

/// Time is the number of instructions, so that every run is the same.
#[derive(Debug)]
pub(crate) struct Clint {
    is_software: bool,
    compare: u64,
    is_timer: bool,
    /// The number of instructions after which the timer's interrupt waits.
    due: Option<u64>,
    /// Time that passed in `wfi`, in instructions' worth.
    idle: u64,
    /// Instructions for one tick of the timer.
    tick: u64,
}

impl Clint {
    /// A timer that counts once in `tick` instructions.
    pub(crate) fn new(tick: u64) -> Self {
        Self { is_software: false, compare: u64::MAX, is_timer: false, due: None, idle: 0, tick }
    }

    /// The time after `now` instructions, in ticks.
    pub(crate) fn time(&self, now: u64) -> u64 {
        now.saturating_add(self.idle) / self.tick
    }

    /// Interrupts that wait.
    pub(crate) fn pending(&self) -> u32 {
        (u32::from(self.is_software) * SOFTWARE) | (u32::from(self.is_timer) * TIMER)
    }

    /// When something will change by itself, in instructions.
    pub(crate) fn due(&self) -> Option<u64> {
        self.due
    }

    /// `now` instructions have been retired.
    pub(crate) fn advance(&mut self, now: u64) {
        if self.due.is_some_and(|due| now >= due) {
            self.due = None;
            self.is_timer = true;
        }
    }

    /// Lets time pass until the timer is due; false if it never is.
    pub(crate) fn idle_until_due(&mut self, now: u64) -> bool {
        let Some(due) = self.due.filter(|due| *due < NEVER) else { return false };
        self.idle = self.idle.saturating_add(due.saturating_sub(now));
        self.due = None;
        self.is_timer = true;
        true
    }

    pub(crate) fn load(&self, offset: u32, size_bytes: u32, now: u64) -> Option<u32> {
        let time = self.time(now);
        let value = match offset {
            _ if size_bytes != 4 => return None,
            MSIP => u32::from(self.is_software),
            MTIMECMP => self.compare as u32,
            offset if offset == MTIMECMP + 4 => (self.compare >> 32) as u32,
            MTIME => time as u32,
            offset if offset == MTIME + 4 => (time >> 32) as u32,
            _ => 0,
        };
        Some(value)
    }

    pub(crate) fn store(
        &mut self,
        offset: u32,
        value: u32,
        size_bytes: u32,
        now: u64,
    ) -> Option<Stored> {
        let wide = u64::from(value);
        match offset {
            _ if size_bytes != 4 => return None,
            MSIP => self.is_software = value & 1 != 0,
            MTIMECMP => self.set_compare(self.compare >> 32 << 32 | wide, now),
            offset if offset == MTIMECMP + 4 => {
                self.set_compare(self.compare & 0xFFFF_FFFF | wide << 32, now);
            }
            _ => {}
        }
        Some(Stored::Stop)
    }

    fn set_compare(&mut self, compare: u64, now: u64) {
        self.compare = compare;
        let time = self.time(now);
        self.is_timer = compare <= time;
        // Counted from now and not from the last tick, as QEMU does.
        self.due = (!self.is_timer)
            .then(|| now.saturating_add((compare - time).saturating_mul(self.tick)));
    }
}
