//! Files that are no firmware: a named error each, never a panic or a hang.

mod common;

use common::image::elf;
use common::random::Random;
use esparto_sim::{Board, Code, CodeMap, ElfError, Machine, Memcheck, Stop};

const VIRT: u32 = 0x8000_0000;
const CODE: [u8; 8] = [0x13, 0, 0, 0, 0x6F, 0, 0, 0];

fn error(file: &[u8]) -> ElfError {
    Machine::new(Board::Virt, file).expect_err("the file is bad")
}

fn good() -> Vec<u8> {
    elf(VIRT, &[(VIRT, &CODE, 5), (VIRT + 0x1000, &CODE, 6)])
}

#[test]
fn the_good_file_is_good() {
    assert!(Machine::new(Board::Virt, &good()).is_ok());
}

#[test]
fn what_is_no_elf_file_is_named() {
    for bad in [&b""[..], b"\x7fELF", b"#!/bin/sh\n", &[0; 4096]] {
        assert!(matches!(error(bad), ElfError::NotElf32 { .. }), "{bad:?}");
    }
    let mut wide = good();
    wide[4] = 2;
    assert!(matches!(error(&wide), ElfError::NotElf32 { .. }));
}

#[test]
fn another_machine_and_another_type_are_named_with_their_numbers() {
    let mut xtensa = good();
    xtensa[18] = 94;
    assert_eq!(error(&xtensa), ElfError::Machine { actual: 94, expected: 243 });
    let mut object = good();
    object[16] = 1;
    assert_eq!(error(&object), ElfError::NotExecutable { actual: 1, expected: 2 });
}

#[test]
fn a_cut_file_is_named_wherever_it_is_cut() {
    let file = good();
    for len in 0..file.len() {
        let error = error(&file[..len]);
        let named = matches!(error, ElfError::NotElf32 { .. } | ElfError::Truncated { .. });
        assert!(named, "cut at {len}: {error}");
    }
}

#[test]
fn segments_that_do_not_fit_are_named() {
    assert_eq!(
        error(&elf(VIRT, &[(VIRT, &CODE, 5), (VIRT + 4, &CODE, 6)])),
        ElfError::Overlap { first: 0, second: 1, addr: VIRT + 4 }
    );
    for addr in [0x1000, 0x9000_0000, 0x87FF_FFFC, 0xFFFF_FFFC] {
        let error = error(&elf(VIRT, &[(VIRT, &CODE, 5), (addr, &CODE, 6)]));
        assert!(matches!(error, ElfError::Outside { index: 1, .. }), "{addr:#x}: {error}");
    }
    assert_eq!(error(&elf(VIRT, &[])), ElfError::Empty);
}

#[test]
fn an_entry_point_nowhere_is_named() {
    for entry_addr in [0, VIRT + 1, 0x9000_0000] {
        assert_eq!(
            error(&elf(entry_addr, &[(VIRT, &CODE, 5)])),
            ElfError::Entry { entry_addr, board: "virt" }
        );
    }
}

#[test]
fn damaged_files_neither_panic_nor_hang() {
    let file = elf(0x4038_0000, &[(0x4038_0000, &CODE, 5), (0x3FC9_0000, &CODE, 6)]);
    let board = Board::find("esp32c3").expect("the chip exists");
    let mut random = Random::new(7);
    let (mut good_count, mut bad_count) = (0, 0);
    for _ in 0..100 {
        let mut damaged = file.clone();
        for _ in 0..=random.below(3) {
            let at = random.below(damaged.len() as u32) as usize;
            damaged[at] = random.next() as u8;
        }
        match Machine::new(board, &damaged) {
            Ok(mut machine) => {
                machine.run(1000);
                good_count += 1;
            }
            Err(error) => {
                assert!(!error.to_string().is_empty());
                bad_count += 1;
            }
        }
    }
    assert!(good_count > 3 && bad_count > 3, "{good_count} good, {bad_count} bad");
}

struct Unknown;

impl CodeMap for Unknown {
    fn code_at(&self, _: u32) -> Code {
        Code::Program
    }

    fn function_at(&self, pc: u32) -> u32 {
        pc
    }
}

/// Any bits at all, among them hints with any arguments and stores to the devices.
#[test]
fn random_code_neither_panics_nor_hangs() {
    let mut random = Random::new(11);
    let (mut trapped_count, mut finding_count) = (0, 0);
    for round in 0..60 {
        let (name, addr) = [("virt", VIRT), ("esp32c3", 0x4038_0000)][round % 2];
        let mut code = Vec::new();
        for _ in 0..400 {
            let register = 10 + random.below(4);
            let bits = match random.below(8) {
                0 => ((0x7E0 + random.below(12)) << 20) | 0x2013,
                1 => random.value() & 0xFFFF_F000 | register << 7 | 0x37,
                2 => {
                    let base =
                        random.pick(&[addr, 0x0010_0000, 0x0200_0000, 0x1000_0000, 0x1005_0000]);
                    (base + (random.below(16) << 12)) | (register << 7) | 0x37
                }
                3 => random.below(4096) << 20 | register << 15 | 10 << 7 | 0x13,
                4 => random.below(128) << 25 | 11 << 20 | register << 15 | 0x2023,
                _ => random.next(),
            };
            code.extend(bits.to_le_bytes());
        }
        let board = Board::find(name).expect("the board exists");
        let mut machine =
            Machine::new(board, &elf(addr, &[(addr, &code, 5)])).expect("it is a program");
        let mut memcheck = Memcheck::new(Box::new(Unknown));
        for _ in 0..20 {
            match machine.run_checked(1000, &mut memcheck) {
                Stop::Limit | Stop::Said => {}
                stop => {
                    trapped_count += u32::from(matches!(stop, Stop::Unhandled { .. }));
                    break;
                }
            }
        }
        finding_count += memcheck.take_findings().len();
        // Linear in the size of memory, which is large on one of the two.
        if name != "virt" {
            finding_count += memcheck.leaks(&machine).len();
        }
        machine.take_text();
    }
    assert!(trapped_count > 20, "{trapped_count} programs trapped");
    assert!(finding_count > 0, "{finding_count} findings");
}
