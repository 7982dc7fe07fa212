//! Firmware files that are damaged, debug information first, and run with memcheck: whatever is in
//! them, the answer is an exit code and a report or an error, never a panic or a hang.
//! `ESPARTO_SIM_FILES` says how many files (500 by default).

use std::fs;
use std::ops::Range;

use crate::planted_programs::build;
use clap::Parser;
use esparto_cli::{Cli, Exit, execute};
use object::{Object, ObjectSection};
use oorandom::Rand32;

/// Programs with an error that is told by function, file and line: of the access, of the allocation
/// and of the free.
const PROGRAMS: [&str; 3] = ["use_after_free", "out_of_bounds", "stack_overflow"];

/// More than any of them takes.
const MAX_INSTRUCTIONS: &str = "300000";

/// A firmware file, and where in it damage is likely to matter.
struct Firmware {
    bytes: Vec<u8>,
    debug: Vec<Range<usize>>,
    headers: Vec<Range<usize>>,
}

impl Firmware {
    fn of(bytes: Vec<u8>) -> Self {
        let file = object::File::parse(&*bytes).expect("it was built");
        let is_debug = |name: &str| name.starts_with(".debug") || name.contains("tab");
        let ranges = file.sections().filter(|section| section.name().is_ok_and(is_debug));
        let range = |(start, len): (u64, u64)| start as usize..(start + len) as usize;
        let debug: Vec<_> = ranges.filter_map(|section| section.file_range().map(range)).collect();
        let table_offset = u32::from_le_bytes(bytes[32..36].try_into().expect("four bytes"));
        // The last is everything.
        let headers = vec![0..200, table_offset as usize..bytes.len(), 0..bytes.len()];
        Self { debug, headers, bytes }
    }

    fn damaged(&self, random: &mut Rand32) -> Vec<u8> {
        let mut bytes = self.bytes.clone();
        for _ in 0..=random.rand_range(0..6) {
            let ranges = match random.rand_range(0..8) {
                0 | 1 => &self.headers,
                _ => &self.debug,
            };
            let range = &ranges[random.rand_range(0..ranges.len() as u32) as usize];
            // Tables begin with what says how to read the rest.
            let len = if random.rand_range(0..2) == 0 { range.len().min(64) } else { range.len() };
            if len < 4 {
                continue;
            }
            let at = range.start + random.rand_range(0..len as u32 - 3) as usize;
            match random.rand_range(0..16) {
                0..5 => bytes[at] ^= 1 << random.rand_range(0..8),
                5..10 => bytes[at] = random.rand_u32() as u8,
                10..12 => bytes[at..at + 4].copy_from_slice(&random.rand_u32().to_le_bytes()),
                12 => bytes[at..at + 4].copy_from_slice(&[0xFF; 4]),
                13 => bytes[at..at + 4].copy_from_slice(&0x7FFF_FFFCu32.to_le_bytes()),
                14 => {
                    let len = (at - range.start).min(range.end - at);
                    bytes.copy_within(range.start..range.start + len, at);
                }
                _ => bytes[at..range.end].fill(0),
            }
        }
        if random.rand_range(0..64) == 0 {
            bytes.truncate(random.rand_range(0..self.bytes.len() as u32) as usize);
        }
        bytes
    }
}

#[test]
fn damaged_debug_information_neither_panics_nor_hangs() {
    let count: u32 = std::env::var("ESPARTO_SIM_FILES")
        .map_or(200, |count| count.parse().expect("a number of files"));
    let folder = build("riscv32imac-unknown-none-elf");
    let firmware = PROGRAMS.map(|program| {
        Firmware::of(fs::read(folder.join(program)).expect("the program was built"))
    });
    let dir = tempfile::tempdir().expect("a folder for a while");
    let path = dir.path().join("damaged.elf");
    let mut random = Rand32::new(7);
    let (mut reported, mut refused, mut unnamed, mut clean) = (0, 0, 0, 0);
    for number in 0..count {
        let bytes = firmware[number as usize % firmware.len()].damaged(&mut random);
        fs::write(&path, &bytes).expect("the file can be written");
        let words = ["esparto", "--json", "sim", "--memcheck", "--max-instructions"];
        let words = words.into_iter().chain([MAX_INSTRUCTIONS]).map(Into::into);
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let exit = execute(
            &Cli::parse_from(words.chain([path.clone().into_os_string()])),
            &mut out,
            &mut err,
        );
        let (out, err) = (String::from_utf8_lossy(&out), String::from_utf8_lossy(&err));
        // The programs have an error each. Damage may exchange it for another; or, now and then, take it
        // away, with the code, or with the name of a function: the heap's own may touch free memory.
        if exit == Exit::Done {
            assert!(out.contains("\"errors\": []"), "file {number}: {out}{err}");
            clean += 1;
            continue;
        }
        assert!(
            exit as u8 == 1 || out.contains("\"verdict\""),
            "file {number}: {exit:?}: {out}{err}"
        );
        match out.contains(".rs:") {
            true => reported += 1,
            false if out.is_empty() => refused += 1,
            false => unnamed += 1,
        }
    }
    println!(
        "{count} files: {reported} reports with lines, {unnamed} without, {refused} refused, {clean} without an error"
    );
    let [reported, unnamed, refused] = [reported, unnamed, refused].map(|n| n * 20 > count);
    assert!(reported && unnamed && refused, "the files are too alike");
    assert!(clean * 50 < count, "the programs lost their errors: {clean} of {count}");
}
