//! The serial line: the registers of a 16550 that a program needs to write text.

use crate::bus::Stored;

const LINE_STATUS: u32 = 5;
/// The transmitter has room, and is empty.
const IDLE: u32 = 0x60;

/// A serial line that is always ready and never has input.
#[derive(Debug, Default)]
pub(crate) struct Uart {
    /// What was sent and not yet fetched.
    pub(crate) sent: Vec<u8>,
    /// The other registers keep what they are given.
    registers: [u8; 8],
}

impl Uart {
    pub(crate) fn load(&self, offset: u32) -> Option<u32> {
        match offset {
            0 => Some(0),
            LINE_STATUS => Some(IDLE),
            _ => self.registers.get(offset as usize).map(|&byte| u32::from(byte)),
        }
    }

    pub(crate) fn store(&mut self, offset: u32, value: u32) -> Option<Stored> {
        let is_divisor = self.registers[3] & 0x80 != 0;
        if offset == 0 && !is_divisor {
            self.sent.push(value as u8);
            // A whole line is shown at once, while the program goes on.
            return Some(if value as u8 == b'\n' { Stored::Stop } else { Stored::Done });
        }
        *self.registers.get_mut(offset as usize)? = value as u8;
        Some(Stored::Done)
    }
}
