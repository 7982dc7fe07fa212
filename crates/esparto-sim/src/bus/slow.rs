//! Every load and store that is not plain: rules, devices, atomics, stores to where code is.

use super::flags::{ATOMIC, MEMORY, READ_BYTE, READ_WORD, WRITE_BYTE, WRITE_WORD};
use super::{At, Bus, Stored};
use crate::trap::{Cause, Trap};

impl Bus {
    fn load(&mut self, addr: u32, size_bytes: u32, at: At) -> Result<u32, Trap> {
        let plain = match size_bytes {
            4 => self.fast.load_word(addr),
            2 => self.fast.load_half(addr),
            _ => self.fast.load_byte(addr),
        };
        plain.map_or_else(|| self.load_slow(addr, size_bytes, at), Ok)
    }

    fn store(&mut self, addr: u32, value: u32, size_bytes: u32, at: At) -> Stored {
        let plain = match size_bytes {
            4 => self.fast.store_word(addr, value),
            2 => self.fast.store_half(addr, value),
            _ => self.fast.store_byte(addr, value),
        };
        plain.map_or_else(|| self.store_slow(addr, value, size_bytes, at), |()| Stored::Done)
    }

    /// A load of 1, 2 or 4 bytes.
    pub(crate) fn load_slow(&mut self, addr: u32, size_bytes: u32, at: At) -> Result<u32, Trap> {
        if !addr.is_multiple_of(size_bytes) {
            if !self.allows_misaligned {
                return Err(Trap::new(Cause::LoadMisaligned, addr));
            }
            if self.is_refused(addr, size_bytes, READ_BYTE) {
                return Err(Trap::new(Cause::LoadAccess, addr));
            }
            let mut value = 0;
            for k in 0..size_bytes {
                let byte = self
                    .load(addr.wrapping_add(k), 1, at)
                    .map_err(|_| Trap::new(Cause::LoadAccess, addr))?;
                value |= byte << (8 * k);
            }
            return Ok(value);
        }
        let fault = Trap::new(Cause::LoadAccess, addr);
        let allowed = self.allowed(addr);
        if allowed & MEMORY == 0 {
            return self.devices.load(addr, size_bytes, at.now).ok_or(fault);
        }
        let needed = if size_bytes == 4 { READ_WORD } else { READ_BYTE };
        if allowed & needed == 0 || self.is_refused(addr, size_bytes, needed) {
            return Err(fault);
        }
        let place = self.place(addr).ok_or(fault)?;
        let bytes = self.fast.bytes().get(place..place + size_bytes as usize).ok_or(fault)?;
        Ok(bytes.iter().rev().fold(0, |value, byte| value << 8 | u32::from(*byte)))
    }

    /// A store of 1, 2 or 4 bytes.
    pub(crate) fn store_slow(&mut self, addr: u32, value: u32, size_bytes: u32, at: At) -> Stored {
        let fault = Stored::Trap(Trap::new(Cause::StoreAccess, addr));
        if !addr.is_multiple_of(size_bytes) {
            if !self.allows_misaligned {
                return Stored::Trap(Trap::new(Cause::StoreMisaligned, addr));
            }
            // A fault leaves everything as it was.
            let last_addr = addr.wrapping_add(size_bytes - 1);
            if (self.allowed(addr) & self.allowed(last_addr)) & WRITE_BYTE == 0
                || self.is_refused(addr, size_bytes, WRITE_BYTE)
            {
                return fault;
            }
            let mut stored = Stored::Done;
            for k in 0..size_bytes {
                match self.store(addr.wrapping_add(k), value >> (8 * k), 1, at) {
                    Stored::Done => {}
                    other => stored = other,
                }
            }
            return stored;
        }
        let allowed = self.allowed(addr);
        if allowed & MEMORY == 0 {
            let stored = self.devices.store(addr, value, size_bytes, at.now).unwrap_or(fault);
            if let Some(is_on) = self.devices.take_cache_request() {
                self.set_cache(is_on);
            }
            return stored;
        }
        let needed = if size_bytes == 4 { WRITE_WORD } else { WRITE_BYTE };
        let is_allowed = allowed & needed != 0 && !self.is_refused(addr, size_bytes, needed);
        let Some(place) = self.place(addr).filter(|_| is_allowed) else { return fault };
        let Some(bytes) = self.fast.bytes_mut().get_mut(place..place + size_bytes as usize) else {
            return fault;
        };
        for (k, byte) in bytes.iter_mut().enumerate() {
            *byte = (value >> (8 * k)) as u8;
        }
        let word = place / 4;
        // Only pages that can be executed somewhere are looked at.
        self.note_writer(word, at.pc);
        if self.code[word / 64] >> (word % 64) & 1 != 0 {
            self.is_code_changed = true;
            return Stored::Stop;
        }
        Stored::Done
    }

    /// `lr.w`
    pub(crate) fn load_reserved(&mut self, addr: u32, at: At) -> Result<u32, Trap> {
        if addr & 3 != 0 {
            return Err(Trap::new(Cause::LoadMisaligned, addr));
        }
        if self.allowed(addr) & ATOMIC == 0 {
            return Err(Trap::new(Cause::LoadAccess, addr));
        }
        let value = self.load(addr, 4, at)?;
        self.reservation = Some((addr, value));
        Ok(value)
    }

    /// A trap comes between `lr.w` and `sc.w`.
    pub(crate) fn break_reservation(&mut self) {
        self.reservation = None;
    }

    /// `sc.w`: 0 if it was stored, 1 if not.
    pub(crate) fn store_conditional(
        &mut self,
        addr: u32,
        value: u32,
        at: At,
    ) -> Result<(u32, Stored), Trap> {
        if addr & 3 != 0 {
            return Err(Trap::new(Cause::StoreMisaligned, addr));
        }
        if self.allowed(addr) & ATOMIC == 0 {
            return Err(Trap::new(Cause::StoreAccess, addr));
        }
        let Some((reserved_addr, read)) = self.reservation.take() else {
            return Ok((1, Stored::Done));
        };
        if reserved_addr != addr || self.load(addr, 4, at)? != read {
            return Ok((1, Stored::Done));
        }
        match self.store(addr, value, 4, at) {
            Stored::Trap(trap) => Err(trap),
            stored => Ok((0, stored)),
        }
    }

    /// An atomic read-modify-write; gives what was there.
    pub(crate) fn modify(
        &mut self,
        addr: u32,
        at: At,
        combine: impl FnOnce(u32) -> u32,
    ) -> Result<(u32, Stored), Trap> {
        if addr & 3 != 0 {
            return Err(Trap::new(Cause::StoreMisaligned, addr));
        }
        let fault = Trap::new(Cause::StoreAccess, addr);
        if self.allowed(addr) & ATOMIC == 0 {
            return Err(fault);
        }
        let old = self.load(addr, 4, at).map_err(|_| fault)?;
        match self.store(addr, combine(old), 4, at) {
            Stored::Trap(trap) => Err(trap),
            stored => Ok((old, stored)),
        }
    }
}
