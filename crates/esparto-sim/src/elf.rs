//! A program: read from an ELF file, checked against the board, put into its memory.

use object::LittleEndian;
use object::elf::{EM_RISCV, ET_EXEC, FileHeader32, PF_W, PF_X, PT_LOAD};
use object::read::elf::{FileHeader, ProgramHeader};

use crate::bus::{Bus, flags};

/// Why a file is not a program for this board.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ElfError {
    /// It is no 32-bit little-endian ELF file, or its headers are cut.
    #[error("not a 32-bit little-endian ELF file: {reason}")]
    NotElf32 {
        /// What the reader of ELF files said.
        reason: String,
    },
    /// It is for another machine.
    #[error("made for machine {actual} (ELF number), expected {expected} (RISC-V)")]
    Machine {
        /// The number in the file.
        actual: u16,
        /// RISC-V.
        expected: u16,
    },
    /// It is an object file or a shared library.
    #[error("ELF type {actual}, expected {expected} (an executable linked to fixed addresses)")]
    NotExecutable {
        /// The number in the file.
        actual: u16,
        /// An executable.
        expected: u16,
    },
    /// There is nothing to load.
    #[error("no segment to load")]
    Empty,
    /// A segment's bytes are not all in the file.
    #[error(
        "segment {index}: its {size_bytes} bytes at offset {offset} reach past the end of the file ({file_bytes} bytes): cut?"
    )]
    Truncated {
        /// Which segment.
        index: usize,
        /// Where it begins in the file.
        offset: u32,
        /// How long it is there.
        size_bytes: u32,
        /// How long the file is.
        file_bytes: usize,
    },
    /// A segment is longer in the file than in memory.
    #[error("segment {index}: {file_bytes} bytes in the file, but only {memory_bytes} in memory")]
    Sizes {
        /// Which segment.
        index: usize,
        /// Its length in the file.
        file_bytes: u32,
        /// Its length in memory.
        memory_bytes: u32,
    },
    /// A segment lies where the board has no memory.
    #[error(
        "segment {index} at {start_addr:#010x}, {size_bytes} bytes: {board} has no memory at {addr:#010x}"
    )]
    Outside {
        /// Which segment.
        index: usize,
        /// Its first address.
        start_addr: u32,
        /// Its length.
        size_bytes: u32,
        /// The first address without memory.
        addr: u32,
        /// The board.
        board: &'static str,
    },
    /// Two segments want the same bytes.
    #[error("segments {first} and {second} overlap at {addr:#010x}")]
    Overlap {
        /// One of them.
        first: usize,
        /// The other.
        second: usize,
        /// An address in both.
        addr: u32,
    },
    /// The entry point is not in executable memory.
    #[error("the entry point {entry_addr:#010x} is not in executable memory of {board}")]
    Entry {
        /// The entry point.
        entry_addr: u32,
        /// The board.
        board: &'static str,
    },
}

/// A segment to load.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Segment {
    pub(crate) addr: u32,
    pub(crate) bytes: Vec<u8>,
    /// Zeros behind the bytes.
    pub(crate) zero_bytes: u32,
    pub(crate) is_writable: bool,
    pub(crate) is_executable: bool,
}

impl Segment {
    fn len_bytes(&self) -> u32 {
        self.bytes.len() as u32 + self.zero_bytes
    }

    fn end(&self) -> u64 {
        u64::from(self.addr) + u64::from(self.len_bytes())
    }
}

/// A program as its file has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Program {
    pub(crate) entry_addr: u32,
    pub(crate) segments: Vec<Segment>,
}

impl Program {
    /// Reads `file` and checks it against the memory of `bus`.
    pub(crate) fn read(file: &[u8], bus: &Bus, board: &'static str) -> Result<Self, ElfError> {
        let not_elf = |error: object::read::Error| ElfError::NotElf32 { reason: error.to_string() };
        let header = FileHeader32::<LittleEndian>::parse(file).map_err(not_elf)?;
        let endian = header.endian().map_err(not_elf)?;
        let machine = header.e_machine(endian);
        if machine != EM_RISCV {
            return Err(ElfError::Machine { actual: machine.0, expected: EM_RISCV.0 });
        }
        let kind = header.e_type(endian);
        if kind != ET_EXEC {
            return Err(ElfError::NotExecutable { actual: kind.0, expected: ET_EXEC.0 });
        }
        let mut segments: Vec<(usize, Segment)> = Vec::new();
        for (index, header) in
            header.program_headers(endian, file).map_err(not_elf)?.iter().enumerate()
        {
            if header.p_type(endian) != PT_LOAD {
                continue;
            }
            let (offset, size_bytes) = header.file_range(endian);
            let (offset, size_bytes) = (offset as u32, size_bytes as u32);
            let memory_bytes = header.p_memsz(endian);
            if size_bytes > memory_bytes {
                return Err(ElfError::Sizes { index, file_bytes: size_bytes, memory_bytes });
            }
            let truncated =
                ElfError::Truncated { index, offset, size_bytes, file_bytes: file.len() };
            let bytes = header.data(endian, file).map_err(|()| truncated)?;
            // Nothing in the file: memory that the program clears itself, or leaves alone.
            if bytes.is_empty() {
                continue;
            }
            let addr = header.p_paddr(endian);
            check_memory(bus, index, addr, memory_bytes, board)?;
            let flags = header.p_flags(endian);
            segments.push((
                index,
                Segment {
                    addr,
                    bytes: bytes.to_vec(),
                    zero_bytes: memory_bytes - size_bytes,
                    is_writable: flags.contains(PF_W),
                    is_executable: flags.contains(PF_X),
                },
            ));
        }
        if segments.is_empty() {
            return Err(ElfError::Empty);
        }
        segments.sort_by_key(|(_, segment)| segment.addr);
        for pair in segments.windows(2) {
            let [(first, a), (second, b)] = pair else { continue };
            if a.end() > u64::from(b.addr) {
                return Err(ElfError::Overlap { first: *first, second: *second, addr: b.addr });
            }
        }
        let entry_addr = header.e_entry(endian);
        if entry_addr & 1 != 0 || bus.allowed(entry_addr) & flags::EXECUTE == 0 {
            return Err(ElfError::Entry { entry_addr, board });
        }
        let segments = segments.into_iter().map(|(_, segment)| segment).collect();
        Ok(Self { entry_addr, segments })
    }

    /// Puts the segments that `wanted` names into memory.
    pub(crate) fn place(&self, bus: &mut Bus, wanted: impl Fn(u32) -> bool) {
        for segment in self.segments.iter().filter(|segment| wanted(segment.addr)) {
            // Every byte was found to be memory when the file was read.
            let _ = bus.put(segment.addr, &segment.bytes);
            let zeros_addr = segment.addr + segment.bytes.len() as u32;
            let _ = bus.put(zeros_addr, &vec![0; segment.zero_bytes as usize]);
        }
    }

    /// Where W^X holds, code is not written and data is not executed.
    pub(crate) fn protect(&self, bus: &mut Bus) {
        for segment in &self.segments {
            let mut taken = 0;
            if segment.is_executable {
                taken |= flags::WRITE;
            } else {
                taken |= flags::EXECUTE;
            }
            if !segment.is_writable {
                taken |= flags::WRITE;
            }
            bus.restrict(segment.addr, segment.len_bytes(), taken);
        }
        bus.protect_rest();
    }
}

fn check_memory(
    bus: &Bus,
    index: usize,
    start_addr: u32,
    size_bytes: u32,
    board: &'static str,
) -> Result<(), ElfError> {
    let end = u64::from(start_addr) + u64::from(size_bytes);
    let mut at = u64::from(start_addr);
    // Memory begins and ends at page boundaries.
    while at < end {
        let addr = at as u32;
        if at > u64::from(u32::MAX) || bus.place(addr).is_none() {
            return Err(ElfError::Outside { index, start_addr, size_bytes, addr, board });
        }
        at = (at & !0xFFF) + 0x1000;
    }
    Ok(())
}
