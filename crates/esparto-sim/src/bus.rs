//! What an address means: memory by pages of 4 KiB, each with what it allows, and devices.

mod fast;
mod guard;
mod slow;

use std::collections::HashSet;

use crate::device::{self, Devices};
use crate::pmp::Guard;
use crate::trap::Trap;
pub(crate) use fast::Fast;

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

use flags::{CACHED, DEVICE, EXECUTE, INVERTED, LOOK, MEMORY, WRITE_BYTE, WRITE_WORD};

const PAGE_BYTES: u32 = 4096;
const PAGE_COUNT: usize = 1 << 20;

/// The instruction that accesses memory.
#[derive(Clone, Copy, Debug)]
pub(crate) struct At {
    pub(crate) pc: u32,
    /// Instructions retired, this one included.
    pub(crate) now: u64,
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
    pub(crate) fast: Fast,
    /// One bit for each word that holds decoded code.
    code: Vec<u64>,
    /// For each word, who wrote it since the last `fence.i`; empty if nobody asks.
    writers: Vec<u32>,
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
    pub(crate) devices: Devices,
}

impl Bus {
    /// Nothing but devices.
    pub(crate) fn new(devices: Devices, allows_misaligned: bool) -> Self {
        let pages = vec![0; PAGE_COUNT].into_boxed_slice();
        let mut bus = Self {
            pages: pages.try_into().expect("the table has one entry for each page"),
            fast: Fast::new(),
            code: Vec::new(),
            writers: Vec::new(),
            stale_words: Vec::new(),
            is_code_changed: false,
            allows_misaligned,
            is_cache_on: true,
            reservation: None,
            mappings: Vec::new(),
            guards: Vec::new(),
            code_pages: HashSet::new(),
            devices,
        };
        for page_addr in device::PAGES {
            bus.pages[page_addr as usize / PAGE_BYTES as usize] = DEVICE;
        }
        bus
    }

    /// Adds `len_bytes` of backing memory; gives its place.
    pub(crate) fn add_memory(&mut self, len_bytes: u32) -> u32 {
        let place = self.fast.bytes().len();
        self.fast.grow(len_bytes.div_ceil(PAGE_BYTES) as usize);
        self.code.resize(self.fast.bytes().len() / 4 / 64, 0);
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
            self.set_page((first_page + k) as usize % PAGE_COUNT, entry);
        }
    }

    /// Every page that shows memory.
    fn shown_pages(&self) -> Vec<usize> {
        self.mappings.iter().flat_map(|mapping| mapping.pages()).collect()
    }

    /// Changes what a page is and allows.
    fn set_page(&mut self, page: usize, entry: u32) {
        self.pages[page] = entry;
        let is_plain = |allowed: u32, never: u32| entry & (allowed | never) == allowed;
        let reads = is_plain(flags::READ | MEMORY, DEVICE | INVERTED);
        let writes = is_plain(flags::WRITE | MEMORY, LOOK | DEVICE | INVERTED);
        self.fast.show(page, entry, reads, writes);
    }

    /// Remembers who writes what from now on, where code can be.
    pub(crate) fn remember_writers(&mut self) {
        self.writers = vec![0; self.fast.bytes().len() / 4];
        let shown = self.shown_pages();
        let executable: HashSet<u32> = shown
            .iter()
            .map(|&page| self.pages[page])
            .filter(|entry| entry & EXECUTE != 0)
            .map(|entry| entry >> 12)
            .collect();
        for page in shown {
            let entry = self.pages[page];
            if entry & WRITE_WORD != 0 && executable.contains(&(entry >> 12)) {
                self.set_page(page, entry | LOOK);
            }
        }
    }

    /// Takes away (or gives) what `allowed` says on the pages of a range.
    pub(crate) fn restrict(&mut self, addr: u32, len_bytes: u32, taken: u32) {
        let first = addr / PAGE_BYTES;
        let last = addr.saturating_add(len_bytes.max(1) - 1) / PAGE_BYTES;
        for page in first..=last {
            self.set_page(page as usize, self.pages[page as usize] & !taken);
        }
    }

    /// What can still be written can no longer be executed, at any of its addresses.
    pub(crate) fn protect_rest(&mut self) {
        let shown = self.shown_pages();
        for &page in &shown {
            if self.pages[page] & WRITE_WORD != 0 {
                self.set_page(page, self.pages[page] & !EXECUTE);
            }
        }
        let executable: HashSet<u32> = shown
            .iter()
            .filter(|&&page| self.pages[page] & EXECUTE != 0)
            .map(|&page| self.pages[page] >> 12)
            .collect();
        for page in shown {
            if executable.contains(&(self.pages[page] >> 12)) {
                self.set_page(page, self.pages[page] & !(WRITE_BYTE | WRITE_WORD));
            }
        }
    }

    /// Puts `bytes` into memory at `addr`, whatever is allowed there. `Err` is the first address
    /// that is no memory.
    pub(crate) fn put(&mut self, addr: u32, bytes: &[u8]) -> Result<(), u32> {
        let (mut at, mut rest) = (addr, bytes);
        while !rest.is_empty() {
            let place = self.place(at).ok_or(at)?;
            // The words of an inverted page run backwards: byte by byte.
            let is_inverted = self.pages[(at >> 12) as usize] & INVERTED != 0;
            let room = if is_inverted { 1 } else { (PAGE_BYTES - at % PAGE_BYTES) as usize };
            let (now, later) = rest.split_at(rest.len().min(room));
            self.fast.bytes_mut()[place..place + now.len()].copy_from_slice(now);
            (at, rest) = (at.wrapping_add(now.len() as u32), later);
        }
        Ok(())
    }

    /// The byte at `addr`, whatever is allowed there.
    pub(crate) fn peek(&self, addr: u32) -> Option<u8> {
        self.fast.bytes().get(self.place(addr)?).copied()
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
        self.fast.bytes().len()
    }

    /// All backing memory.
    pub(crate) fn backing(&self) -> &[u8] {
        self.fast.bytes()
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
        if self.allowed(pc) & EXECUTE == 0 || self.is_refused(pc, 2, EXECUTE) {
            return Err(pc);
        }
        let place = self.place(pc).ok_or(pc)?;
        let bytes = self.fast.bytes().get(place..place + 2).ok_or(pc)?;
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
            let shown = self.mappings.iter().filter_map(|mapping| mapping.page_of(place));
            for page in shown.collect::<Vec<_>>() {
                self.set_page(page, self.pages[page] | LOOK);
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

    /// The instruction at `pc` wrote `word`.
    fn note_writer(&mut self, word: usize, pc: u32) {
        let Some(writer) = self.writers.get_mut(word) else { return };
        if *writer == 0 {
            self.stale_words.push(word as u32);
        }
        *writer = pc;
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
        for page in self.shown_pages() {
            let entry = self.pages[page];
            if entry & CACHED != 0 {
                // This bit sends loads and stores the slow way, which asks `allowed`.
                self.set_page(page, if is_on { entry & !DEVICE } else { entry | DEVICE });
            }
        }
        self.slow_guarded_pages();
        self.is_code_changed = true;
    }
}

/// The offset of `addr` in its page's backing memory.
fn offset_in(page: u32, addr: u32) -> u32 {
    let offset = addr & 0xFFF;
    if page & INVERTED == 0 { offset } else { (0xFFC - (offset & 0xFFC)) | offset & 3 }
}
