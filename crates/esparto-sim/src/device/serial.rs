//! The serial line of `sifive_u`: the registers of SiFive's, as far as a program that writes text needs
//! them.

use crate::bus::Stored;

const TRANSMIT: u32 = 0x00;
const RECEIVE: u32 = 0x04;
const LAST: u32 = 0x18;

/// Nothing was received.
const EMPTY: u32 = 1 << 31;

/// A serial line that is always ready, never has input, and does not interrupt.
#[derive(Debug, Default)]
pub(crate) struct Serial {
    /// They keep what they are given.
    registers: [u32; LAST as usize / 4 + 1],
}

impl Serial {
    pub(crate) fn load(&self, offset: u32, size_bytes: u32) -> Option<u32> {
        match offset {
            _ if size_bytes != 4 => None,
            TRANSMIT => Some(0),
            RECEIVE => Some(EMPTY),
            _ => self.registers.get(offset as usize / 4).copied(),
        }
    }

    /// A store; what is sent goes to `sent`.
    pub(crate) fn store(
        &mut self,
        offset: u32,
        value: u32,
        size_bytes: u32,
        sent: &mut Vec<u8>,
    ) -> Option<Stored> {
        let register = self.registers.get_mut(offset as usize / 4).filter(|_| size_bytes == 4)?;
        if offset != TRANSMIT {
            *register = value;
            return Some(Stored::Done);
        }
        sent.push(value as u8);
        // A whole line is shown at once, while the program goes on.
        Some(if value as u8 == b'\n' { Stored::Stop } else { Stored::Done })
    }
}
