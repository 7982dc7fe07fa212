//! Reads every file of an SD card that its list names, holds each to its sum, and writes what it
//! found to the card.
//!
//! `SUMS.TXT` has a line `CRC LENGTH PATH` for each file. Prints a line `file …` for each and `ok` at
//! the end; what goes wrong is a line `error: …` that names the file, and the verdict 1.
#![no_std]
#![no_main]

use core::fmt;

use allocator_api2::vec::Vec;
use board_sd::{Card, CardError, File, Sifive, SpiCard};
use board_virt::{exit, memory, println};
use crc32fast::Hasher;
use esparto::{Caps, LinkedList, Memory};

const SUMS: &str = "SUMS.TXT";
const REPORT: &str = "REPORT.TXT";

/// What is read at once.
const PIECE_BYTES: usize = 4096;
/// The longest list.
const LIST_BYTES: u32 = 64 << 10;

#[global_allocator]
static MEMORY: Memory<4> = Memory::new();

type SdFile<'c> = File<'c, SpiCard<Sifive>>;

/// What is wrong, and with what.
#[derive(Debug)]
enum Trouble<'a> {
    Card(CardError),
    File(&'a str, CardError),
    /// The list cannot be one.
    List(&'a str),
    /// A line of the list that is none.
    Line(&'a str),
    Length {
        path: &'a str,
        actual: u32,
        expected: u32,
    },
    Sum {
        path: &'a str,
        actual: u32,
        expected: u32,
    },
}

impl fmt::Display for Trouble<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Card(error) => write!(f, "card: {error}"),
            Self::File(path, error) => write!(f, "{path}: {error}"),
            Self::List(what) => write!(f, "{SUMS}: {what}: write it anew"),
            Self::Line(line) => {
                write!(f, "{SUMS}: `{line}` is not `CRC LENGTH PATH`: write it anew")
            }
            Self::Length { path, actual, expected } => {
                write!(f, "{path}: {actual} bytes, expected {expected}: copy it to the card again")
            }
            Self::Sum { path, actual, expected } => write!(
                f,
                "{path}: its sum is {actual:08x}, expected {expected:08x}: copy it to the card again"
            ),
        }
    }
}

/// The bytes of a file, in pieces through `buffer`.
fn pieces(
    file: &SdFile<'_>,
    buffer: &mut [u8],
    mut take: impl FnMut(&[u8]),
) -> Result<(), CardError> {
    let mut offset = 0;
    while offset < file.len_bytes() {
        let count = file.read_at(offset, buffer)?;
        take(&buffer[..count]);
        offset += count as u32;
    }
    Ok(())
}

/// Holds a file to its line of the list, and says so.
fn check<'l>(
    card: &Card<SpiCard<Sifive>>,
    line: &'l str,
    buffer: &mut [u8],
    report: &SdFile<'_>,
) -> Result<(), Trouble<'l>> {
    let mut words = line.splitn(3, ' ');
    let sum = words.next().and_then(|word| u32::from_str_radix(word, 16).ok());
    let len_bytes = words.next().and_then(|word| word.parse::<u32>().ok());
    let (Some(sum), Some(len_bytes), Some(path)) = (sum, len_bytes, words.next()) else {
        return Err(Trouble::Line(line));
    };
    let of_file = |error| Trouble::File(path, error);
    let file = card.open(path).map_err(of_file)?;
    let actual = file.len_bytes();
    if actual != len_bytes {
        return Err(Trouble::Length { path, actual, expected: len_bytes });
    }
    let mut hasher = Hasher::new();
    pieces(&file, buffer, |piece| hasher.update(piece)).map_err(of_file)?;
    let actual = hasher.finalize();
    if actual != sum {
        return Err(Trouble::Sum { path, actual, expected: sum });
    }
    println!("file {path} bytes={len_bytes} sum={actual:08x}");
    let written = [path.as_bytes(), b" is whole\n"].iter().try_for_each(|part| report.write(part));
    written.map_err(|error| Trouble::File(REPORT, error))
}

/// Says what went wrong and ends.
fn fail(trouble: &Trouble<'_>) -> ! {
    println!("error: {trouble}");
    exit::failure()
}

fn or_fail<T>(outcome: Result<T, CardError>, path: &str) -> T {
    outcome.unwrap_or_else(|error| fail(&Trouble::File(path, error)))
}

#[board_virt::entry]
fn main() -> ! {
    for region in memory::regions() {
        // SAFETY: the linker keeps these ranges free, and they are added once.
        unsafe { MEMORY.add::<LinkedList>(region) }.expect("the memory map is sound");
    }
    // Where a device could reach it.
    let mut buffer = Vec::new_in(MEMORY.with(Caps::DMA));
    buffer.resize(PIECE_BYTES, 0);

    let card = Card::over_spi(Sifive::start()).unwrap_or_else(|error| fail(&Trouble::Card(error)));
    let file = or_fail(card.open(SUMS), SUMS);
    if file.len_bytes() > LIST_BYTES {
        fail(&Trouble::List("it is too long"));
    }
    let mut list = Vec::new_in(MEMORY.with(Caps::BYTE));
    or_fail(pieces(&file, &mut buffer, |piece| list.extend_from_slice(piece)), SUMS);
    let Ok(list) = core::str::from_utf8(&list) else { fail(&Trouble::List("it is no text")) };

    let report = or_fail(card.create(REPORT), REPORT);
    for line in list.lines() {
        check(&card, line, &mut buffer, &report).unwrap_or_else(|trouble| fail(&trouble));
    }
    let report_bytes = report.len_bytes();
    or_fail(report.close(), REPORT);
    println!("{} files are whole; {REPORT} has {report_bytes} bytes", list.lines().count());
    println!("ok");
    exit::success()
}
