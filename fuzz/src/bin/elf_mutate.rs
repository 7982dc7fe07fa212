//! Damages firmware files and has the simulator read and run them: it may refuse, trap and report,
//! but not panic or hang. Runs on stable Rust: `elf_mutate [INPUTS [SEED [FIRMWARE...]]]`; without
//! firmware of yours it makes its own. The same seed gives the same inputs.

use esparto_sim::{Board, Code, CodeMap, Machine, Memcheck, Stop};
use oorandom::Rand64;

/// Boards that differ in what they allow.
const BOARDS: [&str; 6] = ["esp32c3", "esp32c6", "esp32", "esp32s3", "esp32c5", "virt"];

/// Instructions that a firmware may try.
const STEPS: u64 = 1500;

/// Damaged versions made of each firmware.
const MUTANTS: u64 = 16;

/// One in so many ends with a search for leaks, which looks at all memory.
const LEAK_SEARCH: u64 = 64;

/// Nothing is known of the code.
struct Unknown;

impl CodeMap for Unknown {
    fn code_at(&self, pc: u32) -> Code {
        [Code::Program, Code::Runtime, Code::Allocator][pc as usize / 2 % 3]
    }

    fn function_at(&self, pc: u32) -> u32 {
        pc & !63
    }
}

#[derive(Debug, Default)]
struct Tally {
    refused: u64,
    ran: u64,
    instructions: u64,
    findings: usize,
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let mut number = |default: u64| {
        arguments.next().map_or(default, |text| {
            text.parse().unwrap_or_else(|error| panic!("{text} is not a number: {error}"))
        })
    };
    let (input_count, seed) = (number(100_000), number(1));
    let given: Vec<Vec<u8>> = arguments
        .map(|path| std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}")))
        .collect();

    let mut rng = Rand64::new(seed.into());
    let mut tally = Tally::default();
    let mut done = 0;
    while done < input_count {
        let board = BOARDS[below(&mut rng, BOARDS.len())];
        let elf = match below(&mut rng, given.len() + 1) {
            0 => firmware(board, &mut rng),
            k => given[k - 1].clone(),
        };
        for k in 0..MUTANTS.min(input_count - done) {
            // The first is whole.
            let elf = if k == 0 { elf.clone() } else { mutate(&elf, &mut rng) };
            try_one(board, &elf, done % LEAK_SEARCH == 0, &mut tally);
            done += 1;
        }
    }
    assert!(tally.ran > 0 && tally.refused > 0, "the inputs are too alike: {tally:?}");
    println!(
        "{done} firmware files, seed {seed}: no panic, no hang; {} refused, {} ran for {} instructions with {} findings",
        tally.refused, tally.ran, tally.instructions, tally.findings
    );
}

fn try_one(board: &str, elf: &[u8], has_leak_search: bool, tally: &mut Tally) {
    let board = Board::find(board).expect("the board exists");
    let mut machine = match Machine::new(board, elf) {
        Ok(machine) => machine,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            tally.refused += 1;
            return;
        }
    };
    let mut memcheck = Memcheck::new(Box::new(Unknown));
    let is_checked = elf.len().is_multiple_of(2);
    // It may stop to say something after each instruction.
    for _ in 0..STEPS {
        let left = STEPS.saturating_sub(machine.instructions());
        let stop = match is_checked {
            true => machine.run_checked(left, &mut memcheck),
            false => machine.run(left),
        };
        if stop != Stop::Said {
            break;
        }
    }
    if has_leak_search && is_checked {
        tally.findings += memcheck.leaks(&machine).len();
    }
    tally.ran += 1;
    tally.instructions += machine.instructions();
    tally.findings += memcheck.take_findings().len();
}

fn below(rng: &mut Rand64, limit: usize) -> usize {
    rng.rand_range(0..limit.max(1) as u64) as usize
}

/// A firmware of random instructions, most of which are some.
fn firmware(board: &str, rng: &mut Rand64) -> Vec<u8> {
    let (code_addr, data_addr) = match board {
        "esp32" => (0x4008_0000, 0x3FFB_0000),
        "esp32s3" => (0x4037_8000, 0x3FC9_0000),
        "esp32c3" => (0x4038_0000, 0x3FC9_0000),
        "virt" => (0x8000_0000, 0x8100_0000),
        _ => (0x4080_0000, 0x4081_0000),
    };
    let mut code: Vec<u8> = Vec::new();
    // Addresses to begin with, of memory, of a device, and of a handler.
    for (register, value) in [(5, data_addr), (6, 0x1005_0000u32), (7, 0x0C20_0000), (8, code_addr)]
    {
        let upper = value.wrapping_add(0x800) & 0xFFFF_F000;
        code.extend((upper | register << 7 | 0x37).to_le_bytes());
    }
    code.extend(0x3054_1073u32.to_le_bytes());
    for _ in 0..below(rng, 200) {
        code.extend(instruction(rng).to_le_bytes());
    }
    let data: Vec<u8> = (0..below(rng, 64)).map(|_| rng.rand_u64() as u8).collect();
    elf(code_addr, &[(code_addr, &code, 5), (data_addr, &data, 6)])
}

fn instruction(rng: &mut Rand64) -> u32 {
    let bits = rng.rand_u64() as u32;
    // The registers of the addresses stay mostly what they are.
    let low = [0x33, 0x13, 0x03, 0x23, 0x63, 0x6F, 0x67, 0x2F, 0x73, 0x0F, 0x37, 0x17, 1, 2, 0];
    let opcode = low[below(rng, low.len())];
    match below(rng, 10) {
        0 => bits,
        // A hint, as memcheck takes them.
        1 => (0x7E1 + bits % 10) << 20 | 0x2013,
        2 | 3 => bits & 0x01F0_0F80 | (5 + bits % 4) << 15 | (bits >> 29) << 12 | opcode,
        _ => bits & !0x7F | opcode,
    }
}

/// An ELF file for RV32 of segments (address, bytes, flags).
fn elf(entry_addr: u32, segments: &[(u32, &[u8], u32)]) -> Vec<u8> {
    let (header_bytes, entry_bytes) = (52u32, 32u32);
    let mut file = vec![0x7F, b'E', b'L', b'F', 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    file.extend([2u16, 243].map(u16::to_le_bytes).concat());
    file.extend([1, entry_addr, header_bytes, 0, 0].map(u32::to_le_bytes).concat());
    let halves = [header_bytes as u16, entry_bytes as u16, segments.len() as u16, 0, 0, 0];
    file.extend(halves.map(u16::to_le_bytes).concat());
    let mut offset = header_bytes + entry_bytes * segments.len() as u32;
    for (addr, bytes, flags) in segments {
        let len = bytes.len() as u32;
        file.extend(
            [1, offset, *addr, *addr, len, len + 16, *flags, 4].map(u32::to_le_bytes).concat(),
        );
        offset += len;
    }
    segments.iter().for_each(|(_, bytes, _)| file.extend(*bytes));
    file
}

/// Damages some bytes, more often of the headers, or cuts.
fn mutate(elf: &[u8], rng: &mut Rand64) -> Vec<u8> {
    let mut elf = elf.to_vec();
    for _ in 0..=below(rng, 4) {
        let reach = if below(rng, 3) == 0 { elf.len() } else { elf.len().min(116) };
        if reach < 4 {
            break;
        }
        let at = below(rng, reach - 3);
        match below(rng, 6) {
            0 => elf[at] ^= 1 << below(rng, 8),
            1 => elf[at] = rng.rand_u64() as u8,
            2 => elf[at..at + 4].copy_from_slice(&(rng.rand_u64() as u32).to_le_bytes()),
            3 => elf[at..at + 4].copy_from_slice(&u32::MAX.to_le_bytes()),
            4 => elf[at..at + 4].copy_from_slice(&0x7FFF_FFFCu32.to_le_bytes()),
            _ => elf.truncate(below(rng, reach)),
        }
        if elf.is_empty() {
            break;
        }
    }
    elf
}
