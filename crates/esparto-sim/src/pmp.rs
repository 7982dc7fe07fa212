//! Physical memory protection, as far as it binds machine mode: by entries that are locked.

use crate::bus::flags;

const ENTRY_COUNT: usize = 16;
const LOCKED: u8 = 0x80;
const READ: u8 = 1;
const WRITE: u8 = 2;
const EXECUTE: u8 = 4;

/// The registers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pmp {
    config: [u8; ENTRY_COUNT],
    addr: [u32; ENTRY_COUNT],
    is_changed: bool,
}

/// What an entry says of its addresses. The first that holds an address decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Guard {
    pub(crate) start: u64,
    pub(crate) end: u64,
    /// What is refused, as flags of pages.
    pub(crate) refused: u32,
}

impl Guard {
    pub(crate) fn holds(&self, addr: u32) -> bool {
        (self.start..self.end).contains(&u64::from(addr))
    }
}

impl Pmp {
    /// `pmpcfg` number `index`, of 4 entries.
    pub(crate) fn config(&self, index: usize) -> u32 {
        let first = index % (ENTRY_COUNT / 4) * 4;
        let entries = &self.config[first..first + 4];
        entries.iter().rev().fold(0, |word, &entry| word << 8 | u32::from(entry))
    }

    /// Writes the entries that are not locked.
    pub(crate) fn set_config(&mut self, index: usize, value: u32) {
        let first = index % (ENTRY_COUNT / 4) * 4;
        for (entry, byte) in self.config[first..first + 4].iter_mut().zip(value.to_le_bytes()) {
            if *entry & LOCKED == 0 {
                *entry = byte;
                self.is_changed = true;
            }
        }
    }

    /// `pmpaddr` number `index`.
    pub(crate) fn addr(&self, index: usize) -> u32 {
        self.addr[index % ENTRY_COUNT]
    }

    /// Writes it, unless it is locked or is where a locked range begins.
    pub(crate) fn set_addr(&mut self, index: usize, value: u32) {
        let index = index % ENTRY_COUNT;
        let begins_locked = self
            .config
            .get(index + 1)
            .is_some_and(|next| next & LOCKED != 0 && mode(*next) == Mode::Range);
        if self.config[index] & LOCKED == 0 && !begins_locked {
            self.addr[index] = value;
            self.is_changed = true;
        }
    }

    /// What the entries say now, if they were written since this was last asked.
    pub(crate) fn take_guards(&mut self) -> Option<Vec<Guard>> {
        std::mem::take(&mut self.is_changed).then(|| self.guards().collect())
    }

    fn guards(&self) -> impl Iterator<Item = Guard> + '_ {
        (0..ENTRY_COUNT).filter_map(|index| {
            let (config, addr) = (self.config[index], u64::from(self.addr[index]));
            let (start, end) = match mode(config) {
                Mode::Off => return None,
                Mode::Range => {
                    let before = index.checked_sub(1).map_or(0, |before| self.addr[before]);
                    (u64::from(before) << 2, addr << 2)
                }
                Mode::Word => (addr << 2, (addr << 2) + 4),
                Mode::PowerOfTwo => {
                    let ones = addr.trailing_ones();
                    let start = (addr & !((1 << ones) - 1)) << 2;
                    (start, start + (8 << ones))
                }
            };
            let mut refused = 0;
            // An entry that is not locked allows machine mode everything.
            if config & LOCKED != 0 {
                for (bit, flag) in
                    [(READ, flags::READ), (WRITE, flags::WRITE), (EXECUTE, flags::EXECUTE)]
                {
                    refused |= if config & bit == 0 { flag } else { 0 };
                }
            }
            Some(Guard { start, end, refused })
        })
    }
}

#[derive(PartialEq, Eq)]
enum Mode {
    Off,
    Range,
    Word,
    PowerOfTwo,
}

fn mode(config: u8) -> Mode {
    match config >> 3 & 3 {
        0 => Mode::Off,
        1 => Mode::Range,
        2 => Mode::Word,
        _ => Mode::PowerOfTwo,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guards(entries: &[(u8, u32)]) -> Vec<Guard> {
        let mut pmp = Pmp::default();
        for (index, &(config, addr)) in entries.iter().enumerate() {
            pmp.set_addr(index, addr);
            let others = pmp.config(index / 4) & !(0xFF << (8 * (index % 4)));
            pmp.set_config(index / 4, others | u32::from(config) << (8 * (index % 4)));
        }
        pmp.take_guards().expect("it was written")
    }

    #[test]
    fn every_mode_has_its_addresses() {
        let all = flags::READ | flags::WRITE | flags::EXECUTE;
        let guard = |start, end, refused| Guard { start, end, refused };
        assert_eq!(guards(&[(0x00, 7), (0x18, 7)]), [guard(0, 64, 0)], "not locked");
        assert_eq!(
            guards(&[(0x99, 0x2000_0407), (0x90, 0x10), (0x8F, 0x20), (0x9F, u32::MAX)]),
            [
                guard(0x8000_1000, 0x8000_1040, flags::WRITE | flags::EXECUTE),
                guard(0x40, 0x44, all),
                guard(0x40, 0x80, 0),
                guard(0, 8 << 32, 0),
            ]
        );
    }

    #[test]
    fn what_is_locked_stays() {
        let mut pmp = Pmp::default();
        pmp.set_addr(0, 0x10);
        pmp.set_addr(1, 0x20);
        pmp.set_config(0, 0x8800);
        pmp.set_config(0, 0x1818);
        assert_eq!(pmp.config(0), 0x8818);
        pmp.set_addr(0, 1);
        pmp.set_addr(1, 1);
        pmp.set_addr(2, 1);
        assert_eq!((pmp.addr(0), pmp.addr(1), pmp.addr(2)), (0x10, 0x20, 1));
    }
}
