//! A program for the machine `virt`: code, and memory that it leaves its state in.

use std::ops::Range;

/// Where code begins.
pub(crate) const CODE_ADDR: u32 = 0x8000_0000;
/// Where the state begins.
pub(crate) const STATE_ADDR: u32 = 0x8100_0000;

#[derive(Clone, Debug)]
pub(crate) struct Image {
    pub(crate) code: Vec<u8>,
    pub(crate) state_bytes: u32,
    /// Where the programs of a batch begin.
    pub(crate) starts: Vec<u32>,
}

impl Image {
    pub(crate) fn new(state_bytes: u32) -> Self {
        Self { code: Vec::new(), state_bytes, starts: Vec::new() }
    }

    pub(crate) fn state(&self) -> Range<u32> {
        STATE_ADDR..STATE_ADDR + self.state_bytes
    }

    pub(crate) fn pc(&self) -> u32 {
        CODE_ADDR + self.code.len() as u32
    }

    /// Adds an instruction; 16 bits if that is its length.
    pub(crate) fn push(&mut self, bits: u32) {
        let len = if bits & 3 == 3 { 4 } else { 2 };
        self.code.extend(&bits.to_le_bytes()[..len]);
    }

    pub(crate) fn push_all(&mut self, words: impl IntoIterator<Item = u32>) {
        words.into_iter().for_each(|bits| self.push(bits));
    }

    /// Overwrites a 32-bit instruction.
    pub(crate) fn patch(&mut self, pc: u32, bits: u32) {
        let at = (pc - CODE_ADDR) as usize;
        self.code[at..at + 4].copy_from_slice(&bits.to_le_bytes());
    }

    /// The image as an ELF file.
    pub(crate) fn elf(&self) -> Vec<u8> {
        elf(CODE_ADDR, &[(CODE_ADDR, &self.code, 5)])
    }
}

/// An ELF file for RV32 of segments (address, bytes, flags).
pub(crate) fn elf(entry_addr: u32, segments: &[(u32, &[u8], u32)]) -> Vec<u8> {
    let mut file = vec![0x7F, b'E', b'L', b'F', 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let header_bytes = 52u32;
    let entry_bytes = 32u32;
    let half = |file: &mut Vec<u8>, value: u32| file.extend(&(value as u16).to_le_bytes());
    let word = |file: &mut Vec<u8>, value: u32| file.extend(&value.to_le_bytes());
    half(&mut file, 2);
    half(&mut file, 243);
    word(&mut file, 1);
    word(&mut file, entry_addr);
    word(&mut file, header_bytes);
    word(&mut file, 0);
    word(&mut file, 0);
    half(&mut file, header_bytes);
    half(&mut file, entry_bytes);
    half(&mut file, segments.len() as u32);
    (0..3).for_each(|_| half(&mut file, 0));
    let mut offset = header_bytes + entry_bytes * segments.len() as u32;
    for (addr, bytes, flags) in segments {
        let len = bytes.len() as u32;
        for value in [1, offset, *addr, *addr, len, len, *flags, 4] {
            word(&mut file, value);
        }
        offset += len;
    }
    segments.iter().for_each(|(_, bytes, _)| file.extend(*bytes));
    file
}
