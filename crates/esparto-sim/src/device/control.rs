//! The end of the program, and the cache.

use crate::bus::Stored;

const PASS: u32 = 0x5555;
const FAIL: u32 = 0x3333;
const RESET: u32 = 0x7777;

/// How a program ended itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Finish {
    Exit(u32),
    Reset,
}

/// The test device of QEMU's machine: one register.
#[derive(Debug, Default)]
pub(crate) struct Control {
    finished: Option<Finish>,
}

impl Control {
    pub(crate) fn finished(&self) -> Option<Finish> {
        self.finished
    }

    pub(crate) fn store(&mut self, offset: u32, value: u32) -> Option<Stored> {
        if offset == 0 {
            self.finished = match value & 0xFFFF {
                PASS => Some(Finish::Exit(0)),
                FAIL => Some(Finish::Exit(value >> 16)),
                RESET => Some(Finish::Reset),
                _ => self.finished,
            };
        }
        Some(Stored::Stop)
    }
}
