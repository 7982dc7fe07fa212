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

/// The cache's register, from the start of the device: 0 off, 1 on.
const CACHE: u32 = 4;

/// The test device of QEMU's machine, and behind its register one for the cache.
#[derive(Debug, Default)]
pub(crate) struct Control {
    finished: Option<Finish>,
    cache_request: Option<bool>,
}

impl Control {
    pub(crate) fn finished(&self) -> Option<Finish> {
        self.finished
    }

    /// What was last asked of the cache, once.
    pub(crate) fn take_cache_request(&mut self) -> Option<bool> {
        self.cache_request.take()
    }

    pub(crate) fn store(&mut self, offset: u32, value: u32) -> Option<Stored> {
        if offset == CACHE {
            self.cache_request = Some(value & 1 != 0);
        }
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
