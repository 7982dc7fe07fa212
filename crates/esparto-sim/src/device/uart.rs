//! The serial line: the registers of a 16550 that a program needs to write text.

use crate::bus::Stored;

const INTERRUPT_ENABLE: u32 = 1;
const INTERRUPT_IDENTITY: u32 = 2;
const LINE_STATUS: u32 = 5;

/// In the enable register: when the transmitter has room.
const TRANSMITTER: u8 = 1 << 1;
/// In the identity register: the transmitter, or nothing.
const IS_TRANSMITTER: u32 = 2;
const IS_NOTHING: u32 = 1;
/// The transmitter has room, and is empty.
const IDLE: u32 = 0x60;

/// A serial line that is always ready and never has input.
#[derive(Debug, Default)]
pub(crate) struct Uart {
    /// What was sent and not yet fetched.
    pub(crate) sent: Vec<u8>,
    /// There is room in the transmitter, and nobody was told since.
    has_room: bool,
    /// The other registers keep what they are given.
    registers: [u8; 8],
}

impl Uart {
    /// Does it want to interrupt?
    pub(crate) fn wants(&self) -> bool {
        self.has_room && self.registers[INTERRUPT_ENABLE as usize] & TRANSMITTER != 0
    }

    pub(crate) fn load(&mut self, offset: u32) -> Option<u32> {
        match offset {
            0 => Some(0),
            INTERRUPT_IDENTITY if self.wants() => {
                // Reading is the answer.
                self.has_room = false;
                Some(IS_TRANSMITTER)
            }
            INTERRUPT_IDENTITY => Some(IS_NOTHING),
            LINE_STATUS => Some(IDLE),
            _ => self.registers.get(offset as usize).map(|&byte| u32::from(byte)),
        }
    }

    pub(crate) fn store(&mut self, offset: u32, value: u32) -> Option<Stored> {
        let is_divisor = self.registers[3] & 0x80 != 0;
        if offset == 0 && !is_divisor {
            self.sent.push(value as u8);
            self.has_room = true;
            // A whole line is shown at once, while the program goes on.
            return Some(if value as u8 == b'\n' { Stored::Stop } else { Stored::Done });
        }
        if offset == INTERRUPT_ENABLE && !is_divisor && value as u8 & TRANSMITTER != 0 {
            // Enabled anew, it tells that there is room.
            self.has_room |= self.registers[INTERRUPT_ENABLE as usize] & TRANSMITTER == 0;
        }
        *self.registers.get_mut(offset as usize)? = value as u8;
        Some(Stored::Done)
    }
}
