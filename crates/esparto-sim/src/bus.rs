//! What an address means: memory by pages of 4 KiB, each with what it allows, and devices.

mod guard;

use std::collections::HashSet;

use crate::device::{self, Devices};
use crate::pmp::Guard;
use crate::trap::{Cause, Trap};

/// How a store ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stored {
    Done,
    /// Done, but what comes next may have changed: code was written, or a device has news.
    Stop,
    Trap(Trap),
}

/// What a page allows. The low bits of a page's entry; the high 20 bits are its place in the
/// backing memory.
pub(crate) mod flags {
    /// Loads of 8 and 16 bits.
    pub(crate) const READ_BYTE: u32 = 1 << 0;
    /// Loads of 32 bits.
    pub(crate) const READ_WORD: u32 = 1 << 1;
    /// Stores of 8 and 16 bits.
    pub(crate) const WRITE_BYTE: u32 = 1 << 2;
    /// Stores of 32 bits.
    pub(crate) const WRITE_WORD: u32 = 1 << 3;
    /// Fetches.
    pub(crate) const EXECUTE: u32 = 1 << 4;
    /// Atomic instructions.
    pub(crate) const ATOMIC: u32 = 1 << 5;
    /// Stores need a closer look: decoded code lies here, or writers are remembered.
    pub(crate) const LOOK: u32 = 1 << 6;
    /// The words of the page run backwards.
    pub(crate) const INVERTED: u32 = 1 << 7;
    /// Answers only while the cache is on.
    pub(crate) const CACHED: u32 = 1 << 8;
    /// A device.
    pub(crate) const DEVICE: u32 = 1 << 9;
    /// There is memory, whatever is allowed.
    pub(crate) const MEMORY: u32 = 1 << 10;

    pub(crate) const READ: u32 = READ_BYTE | READ_WORD;
    pub(crate) const WRITE: u32 = WRITE_BYTE | WRITE_WORD;
}

use flags::{
    ATOMIC, CACHED, DEVICE, EXECUTE, INVERTED, LOOK, MEMORY, READ_BYTE, READ_WORD, WRITE_BYTE,
    WRITE_WORD,
};

const PAGE_BYTES: u32 = 4096;
const PAGE_COUNT: usize = 1 << 20;

/// A store that has to be remembered: the word written, and the instruction of the block.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Written {
    pub(crate) word: u32,
    pub(crate) index: u32,
}

/// Where backing memory is shown.
#[derive(Clone, Copy, Debug)]
struct Mapping {
    first_page: u32,
    page_count: u32,
    place: u32,
    is_inverted: bool,
}

impl Mapping {
    /// The page that shows the backing page at `place`.
    fn page_of(self, place: u32) -> Option<usize> {
        let k = place.checked_sub(self.place)? / PAGE_BYTES;
        let k = if self.is_inverted { self.page_count.checked_sub(k + 1)? } else { k };
        (k < self.page_count).then_some((self.first_page + k) as usize % PAGE_COUNT)
    }

    fn pages(self) -> impl Iterator<Item = usize> {
        (0..self.page_count).map(move |k| (self.first_page + k) as usize % PAGE_COUNT)
    }
}

/// The memory and the devices, as the core sees them.
#[derive(Debug)]
pub(crate) struct Bus {
    pages: Box<[u32; PAGE_COUNT]>,
    memory: Vec<u8>,
    /// One bit for each word that holds decoded code.
    code: Vec<u64>,
    /// For each word, who wrote it since the last `fence.i`; empty if nobody asks.
    writers: Vec<u32>,
    /// Words written in this block, for `writers`.
    pub(crate) written: Vec<Written>,
    /// Words with a writer.
    stale_words: Vec<u32>,
    /// Decoded code was overwritten.
    pub(crate) is_code_changed: bool,
    allows_misaligned: bool,
    is_cache_on: bool,
    /// What `lr.w` read, and where.
    reservation: Option<(u32, u32)>,
    mappings: Vec<Mapping>,
    /// What the core's memory protection says of addresses, before what a page allows.
    guards: Vec<Guard>,
    /// Pages of the backing memory with decoded code.
    code_pages: HashSet<u32>,
    /// Instructions retired before the present block.
    pub(crate) base: u64,
    pub(crate) devices: Devices,
}

impl Bus {
    /// Nothing but devices.
    pub(crate) fn new(devices: Devices, allows_misaligned: bool) -> Self {
        let pages = vec![0; PAGE_COUNT].into_boxed_slice();
        let mut bus = Self {
            pages: pages.try_into().expect("the table has one entry for each page"),
            memory: Vec::new(),
            code: Vec::new(),
            writers: Vec::new(),
            written: Vec::new(),
            stale_words: Vec::new(),
            is_code_changed: false,
            allows_misaligned,
            is_cache_on: true,
            reservation: None,
            mappings: Vec::new(),
            guards: Vec::new(),
            code_pages: HashSet::new(),
            base: 0,
            devices,
        };
        for page_addr in device::PAGES {
            bus.pages[page_addr as usize / PAGE_BYTES as usize] = DEVICE;
        }
        bus
    }

    /// Adds `len_bytes` of backing memory; gives its place.
    pub(crate) fn add_memory(&mut self, len_bytes: u32) -> u32 {
        let place = self.memory.len();
        let len = place + len_bytes.next_multiple_of(PAGE_BYTES) as usize;
        if place == 0 {
            // Fresh zeros cost nothing until they are touched.
            self.memory = vec![0; len];
            self.code = vec![0; len / 4 / 64];
        } else {
            self.memory.resize(len, 0);
        }
        self.code.resize(len / 4 / 64, 0);
        place as u32
    }

    /// Shows the backing memory at `place` at `addr`, whole pages.
    pub(crate) fn map(&mut self, addr: u32, len_bytes: u32, place: u32, allowed: u32) {
        let page_count = len_bytes.div_ceil(PAGE_BYTES);
        let first_page = addr / PAGE_BYTES;
        let is_inverted = allowed & INVERTED != 0;
        self.mappings.push(Mapping { first_page, page_count, place, is_inverted });
        for k in 0..page_count {
            let backing = if is_inverted { page_count - 1 - k } else { k };
            let entry = (place + backing * PAGE_BYTES) | allowed | MEMORY;
            self.pages[(first_page + k) as usize % PAGE_COUNT] = entry;
        }
    }

    /// Remembers who writes what from now on, where code can be.
    pub(crate) fn remember_writers(&mut self) {
        self.writers = vec![0; self.memory.len() / 4];
        let shown: Vec<usize> = self.mappings.iter().flat_map(|mapping| mapping.pages()).collect();
        let executable: HashSet<u32> = shown
            .iter()
            .map(|&page| self.pages[page])
            .filter(|entry| entry & EXECUTE != 0)
            .map(|entry| entry >> 12)
            .collect();
        for page in shown {
            let entry = &mut self.pages[page];
            if *entry & WRITE_WORD != 0 && executable.contains(&(*entry >> 12)) {
                *entry |= LOOK;
            }
        }
    }

    /// Takes away (or gives) what `allowed` says on the pages of a range.
    pub(crate) fn restrict(&mut self, addr: u32, len_bytes: u32, taken: u32) {
        let first = addr / PAGE_BYTES;
        let last = addr.saturating_add(len_bytes.max(1) - 1) / PAGE_BYTES;
        for page in first..=last {
            self.pages[page as usize] &= !taken;
        }
    }

    /// What can still be written can no longer be executed, at any of its addresses.
    pub(crate) fn protect_rest(&mut self) {
        let shown: Vec<usize> = self.mappings.iter().flat_map(|mapping| mapping.pages()).collect();
        for &page in &shown {
            if self.pages[page] & WRITE_WORD != 0 {
                self.pages[page] &= !EXECUTE;
            }
        }
        let executable: HashSet<u32> = shown
            .iter()
            .filter(|&&page| self.pages[page] & EXECUTE != 0)
            .map(|&page| self.pages[page] >> 12)
            .collect();
        for page in shown {
            if executable.contains(&(self.pages[page] >> 12)) {
                self.pages[page] &= !(WRITE_BYTE | WRITE_WORD);
            }
        }
    }

    /// Puts `bytes` into memory at `addr`, whatever is allowed there. `Err` is the first address
    /// that is no memory.
    pub(crate) fn put(&mut self, addr: u32, bytes: &[u8]) -> Result<(), u32> {
        for (k, byte) in bytes.iter().enumerate() {
            let at = addr.wrapping_add(k as u32);
            let place = self.place(at).ok_or(at)?;
            self.memory[place] = *byte;
        }
        Ok(())
    }

    /// The byte at `addr`, whatever is allowed there.
    pub(crate) fn peek(&self, addr: u32) -> Option<u8> {
        self.memory.get(self.place(addr)?).copied()
    }

    /// The place of a byte in the backing memory.
    #[inline]
    pub(crate) fn place(&self, addr: u32) -> Option<usize> {
        let page = self.pages[(addr >> 12) as usize];
        if page & MEMORY == 0 {
            return None;
        }
        Some((page >> 12 << 12 | offset_in(page, addr)) as usize)
    }

    /// The size of all backing memory in bytes.
    pub(crate) fn memory_len_bytes(&self) -> usize {
        self.memory.len()
    }

    /// All backing memory.
    pub(crate) fn backing(&self) -> &[u8] {
        &self.memory
    }

    /// What the page of `addr` allows now.
    pub(crate) fn allowed(&self, addr: u32) -> u32 {
        let page = self.pages[(addr >> 12) as usize] & 0xFFF;
        if page & CACHED != 0 && !self.is_cache_on { page & (CACHED | MEMORY) } else { page }
    }

    /// Is the cache in front of flash and PSRAM on?
    pub(crate) fn is_cache_on(&self) -> bool {
        self.is_cache_on
    }

    /// Does the memory at `addr` answer only while the cache is on?
    pub(crate) fn is_cached(&self, addr: u32) -> bool {
        self.pages[(addr >> 12) as usize] & CACHED != 0
    }

    /// The instruction bits at `pc`, 16 of them if it is a short one. `Err` is the address that
    /// cannot be fetched.
    pub(crate) fn fetch(&self, pc: u32) -> Result<u32, u32> {
        let low = self.fetch_half(pc)?;
        if !crate::decode::is_long(low) {
            return Ok(u32::from(low));
        }
        let high = self.fetch_half(pc.wrapping_add(2))?;
        Ok(u32::from(high) << 16 | u32::from(low))
    }

    fn fetch_half(&self, pc: u32) -> Result<u16, u32> {
        if self.allowed(pc) & EXECUTE == 0 || self.is_refused(pc, EXECUTE) {
            return Err(pc);
        }
        let place = self.place(pc).ok_or(pc)?;
        let bytes = self.memory.get(place..place + 2).ok_or(pc)?;
        Ok(u16::from_le_bytes([bytes[0], bytes[1]]))
    }

    /// Decoded code lies at `pc`.
    pub(crate) fn note_code(&mut self, pc: u32, len_bytes: u32) {
        for half in [pc, pc.wrapping_add(len_bytes - 2)] {
            let Some(place) = self.place(half) else { continue };
            let word = place / 4;
            self.code[word / 64] |= 1 << (word % 64);
            self.look_at_stores_to(place as u32 & !0xFFF);
        }
    }

    fn look_at_stores_to(&mut self, place: u32) {
        if self.code_pages.insert(place) {
            for page in self.mappings.iter().filter_map(|mapping| mapping.page_of(place)) {
                self.pages[page] |= LOOK;
            }
        }
    }

    /// All decoded code was dropped.
    pub(crate) fn forget_code(&mut self) {
        self.code.fill(0);
        self.is_code_changed = false;
    }

    /// Who wrote the instruction at `pc` since the last `fence.i`.
    pub(crate) fn writer_of(&self, pc: u32, len_bytes: u32) -> Option<u32> {
        [pc, pc.wrapping_add(len_bytes - 2)].into_iter().find_map(|half| {
            let writer = *self.writers.get(self.place(half)? / 4)?;
            (writer != 0).then_some(writer)
        })
    }

    /// Nobody wrote the instruction at `pc`: its writer has been told.
    pub(crate) fn forget_writer_of(&mut self, pc: u32, len_bytes: u32) {
        for half in [pc, pc.wrapping_add(len_bytes - 2)] {
            let Some(place) = self.place(half) else { continue };
            if let Some(writer) = self.writers.get_mut(place / 4) {
                *writer = 0;
            }
        }
    }

    /// The stores of the block that just ended were made by these instructions.
    pub(crate) fn settle_writers(&mut self, pc_of: impl Fn(u32) -> u32) {
        for Written { word, index } in self.written.drain(..) {
            let writer = &mut self.writers[word as usize];
            if *writer == 0 {
                self.stale_words.push(word);
            }
            *writer = pc_of(index);
        }
    }

    /// `fence.i`: what was written is what is fetched.
    pub(crate) fn synchronise(&mut self) {
        for word in self.stale_words.drain(..) {
            self.writers[word as usize] = 0;
        }
    }

    /// Turns the cache in front of flash and PSRAM on or off.
    fn set_cache(&mut self, is_on: bool) {
        self.is_cache_on = is_on;
        for page in self.mappings.iter().flat_map(|mapping| mapping.pages()) {
            let entry = &mut self.pages[page];
            if *entry & CACHED != 0 {
                // This bit sends loads and stores the slow way, which asks `allowed`.
                if is_on { *entry &= !DEVICE } else { *entry |= DEVICE }
            }
        }
        self.slow_guarded_pages();
        self.is_code_changed = true;
    }

    #[inline(always)]
    pub(crate) fn load_word(&mut self, addr: u32, index: usize) -> Result<u32, Trap> {
        let page = self.pages[(addr >> 12) as usize];
        if page & (READ_WORD | DEVICE | INVERTED) == READ_WORD && addr & 3 == 0 {
            let place = (page >> 12 << 12 | addr & 0xFFF) as usize;
            if let Some(&[a, b, c, d]) = self.memory.get(place..place + 4) {
                return Ok(u32::from_le_bytes([a, b, c, d]));
            }
        }
        self.load_slow(addr, 4, index)
    }

    #[inline(always)]
    pub(crate) fn load_half(&mut self, addr: u32, index: usize) -> Result<u32, Trap> {
        let page = self.pages[(addr >> 12) as usize];
        if page & (READ_BYTE | DEVICE | INVERTED) == READ_BYTE && addr & 1 == 0 {
            let place = (page >> 12 << 12 | addr & 0xFFF) as usize;
            if let Some(&[a, b]) = self.memory.get(place..place + 2) {
                return Ok(u32::from(u16::from_le_bytes([a, b])));
            }
        }
        self.load_slow(addr, 2, index)
    }

    #[inline(always)]
    pub(crate) fn load_byte(&mut self, addr: u32, index: usize) -> Result<u32, Trap> {
        let page = self.pages[(addr >> 12) as usize];
        if page & (READ_BYTE | DEVICE | INVERTED) == READ_BYTE {
            let place = (page >> 12 << 12 | addr & 0xFFF) as usize;
            if let Some(&byte) = self.memory.get(place) {
                return Ok(u32::from(byte));
            }
        }
        self.load_slow(addr, 1, index)
    }

    #[inline(always)]
    pub(crate) fn store_word(&mut self, addr: u32, value: u32, index: usize) -> Stored {
        let page = self.pages[(addr >> 12) as usize];
        if page & (WRITE_WORD | LOOK | DEVICE | INVERTED) == WRITE_WORD && addr & 3 == 0 {
            let place = (page >> 12 << 12 | addr & 0xFFF) as usize;
            if let Some(bytes) = self.memory.get_mut(place..place + 4) {
                bytes.copy_from_slice(&value.to_le_bytes());
                return Stored::Done;
            }
        }
        self.store_slow(addr, value, 4, index)
    }

    #[inline(always)]
    pub(crate) fn store_half(&mut self, addr: u32, value: u32, index: usize) -> Stored {
        let page = self.pages[(addr >> 12) as usize];
        if page & (WRITE_BYTE | LOOK | DEVICE | INVERTED) == WRITE_BYTE && addr & 1 == 0 {
            let place = (page >> 12 << 12 | addr & 0xFFF) as usize;
            if let Some(bytes) = self.memory.get_mut(place..place + 2) {
                bytes.copy_from_slice(&(value as u16).to_le_bytes());
                return Stored::Done;
            }
        }
        self.store_slow(addr, value, 2, index)
    }

    #[inline(always)]
    pub(crate) fn store_byte(&mut self, addr: u32, value: u32, index: usize) -> Stored {
        let page = self.pages[(addr >> 12) as usize];
        if page & (WRITE_BYTE | LOOK | DEVICE | INVERTED) == WRITE_BYTE {
            let place = (page >> 12 << 12 | addr & 0xFFF) as usize;
            if let Some(byte) = self.memory.get_mut(place) {
                *byte = value as u8;
                return Stored::Done;
            }
        }
        self.store_slow(addr, value, 1, index)
    }

    #[cold]
    #[inline(never)]
    fn load_slow(&mut self, addr: u32, size_bytes: u32, index: usize) -> Result<u32, Trap> {
        if !addr.is_multiple_of(size_bytes) {
            if !self.allows_misaligned {
                return Err(Trap::new(Cause::LoadMisaligned, addr));
            }
            let mut value = 0;
            for k in 0..size_bytes {
                let byte = self
                    .load_byte(addr.wrapping_add(k), index)
                    .map_err(|_| Trap::new(Cause::LoadAccess, addr))?;
                value |= byte << (8 * k);
            }
            return Ok(value);
        }
        let fault = Trap::new(Cause::LoadAccess, addr);
        let allowed = self.allowed(addr);
        if allowed & MEMORY == 0 {
            let now = self.base + index as u64 + 1;
            return self.devices.load(addr, size_bytes, now).ok_or(fault);
        }
        let needed = if size_bytes == 4 { READ_WORD } else { READ_BYTE };
        if allowed & needed == 0 || self.is_refused(addr, needed) {
            return Err(fault);
        }
        let place = self.place(addr).ok_or(fault)?;
        let bytes = self.memory.get(place..place + size_bytes as usize).ok_or(fault)?;
        Ok(bytes.iter().rev().fold(0, |value, byte| value << 8 | u32::from(*byte)))
    }

    #[cold]
    #[inline(never)]
    fn store_slow(&mut self, addr: u32, value: u32, size_bytes: u32, index: usize) -> Stored {
        let fault = Stored::Trap(Trap::new(Cause::StoreAccess, addr));
        if !addr.is_multiple_of(size_bytes) {
            if !self.allows_misaligned {
                return Stored::Trap(Trap::new(Cause::StoreMisaligned, addr));
            }
            // A fault leaves everything as it was.
            let last_addr = addr.wrapping_add(size_bytes - 1);
            if (self.allowed(addr) & self.allowed(last_addr)) & WRITE_BYTE == 0 {
                return fault;
            }
            let mut stored = Stored::Done;
            for k in 0..size_bytes {
                match self.store_byte(addr.wrapping_add(k), value >> (8 * k), index) {
                    Stored::Done => {}
                    other => stored = other,
                }
            }
            return stored;
        }
        let allowed = self.allowed(addr);
        if allowed & MEMORY == 0 {
            let now = self.base + index as u64 + 1;
            let stored = self.devices.store(addr, value, size_bytes, now).unwrap_or(fault);
            if let Some(is_on) = self.devices.take_cache_request() {
                self.set_cache(is_on);
            }
            return stored;
        }
        let needed = if size_bytes == 4 { WRITE_WORD } else { WRITE_BYTE };
        let is_allowed = allowed & needed != 0 && !self.is_refused(addr, needed);
        let Some(place) = self.place(addr).filter(|_| is_allowed) else { return fault };
        let Some(bytes) = self.memory.get_mut(place..place + size_bytes as usize) else {
            return fault;
        };
        for (k, byte) in bytes.iter_mut().enumerate() {
            *byte = (value >> (8 * k)) as u8;
        }
        let word = place / 4;
        // Only pages that can be executed somewhere are looked at.
        if !self.writers.is_empty() {
            self.written.push(Written { word: word as u32, index: index as u32 });
        }
        if self.code[word / 64] >> (word % 64) & 1 != 0 {
            self.is_code_changed = true;
            return Stored::Stop;
        }
        Stored::Done
    }

    /// `lr.w`
    pub(crate) fn load_reserved(&mut self, addr: u32, index: usize) -> Result<u32, Trap> {
        if addr & 3 != 0 {
            return Err(Trap::new(Cause::LoadMisaligned, addr));
        }
        if self.allowed(addr) & ATOMIC == 0 {
            return Err(Trap::new(Cause::LoadAccess, addr));
        }
        let value = self.load_word(addr, index)?;
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
        index: usize,
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
        if reserved_addr != addr || self.load_word(addr, index)? != read {
            return Ok((1, Stored::Done));
        }
        match self.store_word(addr, value, index) {
            Stored::Trap(trap) => Err(trap),
            stored => Ok((0, stored)),
        }
    }

    /// An atomic read-modify-write; gives what was there.
    pub(crate) fn modify(
        &mut self,
        addr: u32,
        index: usize,
        combine: impl FnOnce(u32) -> u32,
    ) -> Result<(u32, Stored), Trap> {
        if addr & 3 != 0 {
            return Err(Trap::new(Cause::StoreMisaligned, addr));
        }
        let fault = Trap::new(Cause::StoreAccess, addr);
        if self.allowed(addr) & ATOMIC == 0 {
            return Err(fault);
        }
        let old = self.load_word(addr, index).map_err(|_| fault)?;
        match self.store_word(addr, combine(old), index) {
            Stored::Trap(trap) => Err(trap),
            stored => Ok((old, stored)),
        }
    }
}

/// The offset of `addr` in its page's backing memory.
fn offset_in(page: u32, addr: u32) -> u32 {
    let offset = addr & 0xFFF;
    if page & INVERTED == 0 { offset } else { (0xFFC - (offset & 0xFFC)) | offset & 3 }
}
