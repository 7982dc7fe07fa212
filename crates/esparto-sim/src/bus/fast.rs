//! Loads and stores of plain memory, which most are: a look at a table, and done.
//!
//! Tables and memory begin as fresh zeros, which cost nothing until they are touched.

use bytemuck::allocation::zeroed_slice_box;

use super::{PAGE_BYTES, PAGE_COUNT};

type Page = [u8; PAGE_BYTES as usize];
/// For each page of addresses the number of its page of memory and 1; 0 sends accesses the slow
/// way, which knows everything.
type Table = Box<[u32; PAGE_COUNT]>;

/// The memory, and which addresses show it without any rule.
#[derive(Debug)]
pub(crate) struct Fast {
    reads: Table,
    writes: Table,
    memory: Box<[Page]>,
}

impl Fast {
    pub(super) fn new() -> Self {
        let table = || -> Table {
            let zeros = vec![0; PAGE_COUNT].into_boxed_slice();
            zeros.try_into().expect("the table has one entry for each page")
        };
        Self { reads: table(), writes: table(), memory: Box::default() }
    }

    /// Makes room for whole pages of zeros, behind those that are there.
    pub(super) fn grow(&mut self, page_count: usize) {
        let mut memory = zeroed_slice_box(self.memory.len() + page_count);
        memory[..self.memory.len()].copy_from_slice(&self.memory);
        self.memory = memory;
    }

    /// The addresses of `page` show the memory at `place` to plain loads and stores, or not.
    pub(super) fn show(&mut self, page: usize, place: u32, reads: bool, writes: bool) {
        let shown = place / PAGE_BYTES + 1;
        self.reads[page] = if reads { shown } else { 0 };
        self.writes[page] = if writes { shown } else { 0 };
    }

    pub(super) fn bytes(&self) -> &[u8] {
        self.memory.as_flattened()
    }

    pub(super) fn bytes_mut(&mut self) -> &mut [u8] {
        self.memory.as_flattened_mut()
    }

    #[inline(always)]
    fn read<const N: usize>(&self, addr: u32) -> Option<[u8; N]> {
        let page = self.memory.get(self.reads[page_of(addr)].wrapping_sub(1) as usize)?;
        page[offset::<N>(addr)?..].first_chunk().copied()
    }

    #[inline(always)]
    fn write<const N: usize>(&mut self, addr: u32, bytes: [u8; N]) -> Option<()> {
        let page = self.memory.get_mut(self.writes[page_of(addr)].wrapping_sub(1) as usize)?;
        *page[offset::<N>(addr)?..].first_chunk_mut()? = bytes;
        Some(())
    }

    /// Copies as much of `size_bytes` as lies in one page at both addresses, as loads and stores of
    /// `width_bytes` each would, one behind the other; gives the bytes done, a multiple of the width.
    pub(crate) fn copy(&mut self, from: u32, to: u32, size_bytes: u32, width_bytes: u32) -> u32 {
        let len = size_bytes.min(room(from)).min(room(to));
        let (Some(source), Some(target)) =
            (self.place(&self.reads, from), self.place(&self.writes, to))
        else {
            return 0;
        };
        // Where the target lies ahead in the source, what is loaded was stored before.
        let is_ahead = (source + 1..source + len as usize).contains(&target);
        if !(from | to).is_multiple_of(width_bytes) || is_ahead {
            return 0;
        }
        self.bytes_mut().copy_within(source..source + len as usize, target);
        len
    }

    /// The same for stores of `value`.
    pub(crate) fn fill(&mut self, to: u32, value: u32, size_bytes: u32, width_bytes: u32) -> u32 {
        let len = size_bytes.min(room(to));
        let Some(target) = self.place(&self.writes, to).filter(|_| to.is_multiple_of(width_bytes))
        else {
            return 0;
        };
        let bytes = &mut self.bytes_mut()[target..target + len as usize];
        for unit in bytes.chunks_exact_mut(width_bytes as usize) {
            unit.copy_from_slice(&value.to_le_bytes()[..width_bytes as usize]);
        }
        len
    }

    /// The place of `addr` in the memory, if `table` shows it.
    fn place(&self, table: &Table, addr: u32) -> Option<usize> {
        let page = table[page_of(addr)].wrapping_sub(1) as usize;
        (page < self.memory.len()).then(|| page * PAGE_BYTES as usize + offset_in_page(addr))
    }

    #[inline(always)]
    pub(crate) fn load_word(&self, addr: u32) -> Option<u32> {
        self.read(addr).map(u32::from_le_bytes)
    }

    #[inline(always)]
    pub(crate) fn load_half(&self, addr: u32) -> Option<u32> {
        self.read(addr).map(|bytes| u32::from(u16::from_le_bytes(bytes)))
    }

    #[inline(always)]
    pub(crate) fn load_byte(&self, addr: u32) -> Option<u32> {
        self.read(addr).map(|[byte]| u32::from(byte))
    }

    #[inline(always)]
    pub(crate) fn store_word(&mut self, addr: u32, value: u32) -> Option<()> {
        self.write(addr, value.to_le_bytes())
    }

    #[inline(always)]
    pub(crate) fn store_half(&mut self, addr: u32, value: u32) -> Option<()> {
        self.write(addr, (value as u16).to_le_bytes())
    }

    #[inline(always)]
    pub(crate) fn store_byte(&mut self, addr: u32, value: u32) -> Option<()> {
        self.write(addr, [value as u8])
    }
}

#[inline(always)]
fn page_of(addr: u32) -> usize {
    (addr / PAGE_BYTES) as usize
}

#[inline(always)]
fn offset_in_page(addr: u32) -> usize {
    (addr % PAGE_BYTES) as usize
}

/// Bytes from `addr` to the end of its page.
fn room(addr: u32) -> u32 {
    PAGE_BYTES - addr % PAGE_BYTES
}

/// The offset in its page; `None` if `addr` is no multiple of the size.
#[inline(always)]
fn offset<const N: usize>(addr: u32) -> Option<usize> {
    // A multiple below the page's end: the compiler sees that no access leaves the page.
    (addr as usize).is_multiple_of(N).then_some(offset_in_page(addr) / N * N)
}
