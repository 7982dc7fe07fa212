//! The rules of the chips' memory, seen by programs that run on it.

mod common;

use common::asm::*;
use common::{exit, machine, machine_on, put};
use esparto_sim::{Board, Cause, StaleFetch, Stop};

const C3: u32 = 0x4038_0000;
const C3_DATA: u32 = 0x3FC8_0000;
const S3: u32 = 0x4037_8000;

/// Code that loads a word to `register`.
fn get(register: u32, addr: u32) -> Vec<u32> {
    let mut code = li(28, addr).to_vec();
    code.push(lw(register, 28, 0));
    code
}

fn run(board: &str, addr: u32, code: &[Vec<u32>]) -> (Stop, esparto_sim::Machine) {
    let mut machine = machine(board, addr, &code.concat());
    (machine.run(10_000), machine)
}

#[test]
fn both_buses_see_the_same_bytes() {
    let code = [put(C3_DATA + 0x5008, 0xCAFE_F00D), get(10, C3 + 0x5008), exit()];
    let (stop, machine) = run("esp32c3", C3, &code);
    assert_eq!(stop, Stop::Exit { code: 0 });
    assert_eq!(machine.register(10), 0xCAFE_F00D);
}

#[test]
fn the_words_of_the_esp32_run_backwards() {
    for offset in [0, 4, 0x1000, 0x1_FFFC] {
        let code = [
            put(0x3FFE_0000 + offset, 0x1234_5678),
            get(10, 0x400B_FFFC - offset),
            put(0x400B_FFFC - offset, 0x9ABC_DEF0),
            get(11, 0x3FFE_0000 + offset),
            exit(),
        ];
        let (stop, machine) = run("esp32", 0x4008_0000, &code);
        assert_eq!(stop, Stop::Exit { code: 0 }, "{offset:#x}");
        assert_eq!(machine.register(10), 0x1234_5678, "{offset:#x}");
        assert_eq!(machine.register(11), 0x9ABC_DEF0, "{offset:#x}");
    }
}

#[test]
fn instruction_memory_takes_whole_words_only() {
    for board in ["esp32", "esp32s2", "esp32s3", "esp32c3", "esp8266"] {
        let chip = esparto_chips::find(board).unwrap();
        let region = chip
            .regions
            .iter()
            .find(|region| {
                region.bus == esparto_chips::Bus::Instruction
                    && region.kind == esparto_chips::Kind::Sram
            })
            .unwrap_or_else(|| panic!("{board} has instruction memory"));
        let start = region.range.start_addr();
        let (stop, _) = run(board, start, &[put(start + 0x800, 1), get(10, start + 0x800), exit()]);
        assert_eq!(stop, Stop::Exit { code: 0 }, "{board}");
        for (inst, cause) in [
            (i(0x03, 0, 5, 10, 0), Cause::LoadAccess),
            (i(0x03, 1, 5, 10, 0), Cause::LoadAccess),
            (s(0, 10, 5, 0), Cause::StoreAccess),
            (s(1, 10, 5, 0), Cause::StoreAccess),
        ] {
            let (stop, _) = run(board, start, &[li(10, start + 0x800).to_vec(), vec![inst]]);
            let Stop::Unhandled { trap, .. } = stop else { panic!("{board}: {stop:?}") };
            assert_eq!((trap.cause, trap.value), (cause, start + 0x800), "{board}");
        }
    }
}

#[test]
fn atomics_work_only_where_the_chip_has_them() {
    let amoadd = r(0x2F, 0, 2, 11, 10, 0);
    let at = |addr: u32| vec![li(10, addr).to_vec(), vec![amoadd], exit()];
    assert_eq!(run("esp32s3", S3, &at(0x3FC9_0000)).0, Stop::Exit { code: 0 });
    let Stop::Unhandled { trap, .. } = run("esp32s3", S3, &at(0x3C00_0100)).0 else {
        panic!("PSRAM took an atomic");
    };
    assert_eq!((trap.cause, trap.value), (Cause::StoreAccess, 0x3C00_0100));
}

#[test]
fn psram_answers_only_while_the_cache_is_on() {
    const CACHE: u32 = 0x0010_0004;
    let psram = 0x3C00_0200;
    let code = [
        put(psram, 77),
        put(CACHE, 0),
        put(CACHE, 1),
        get(10, psram),
        put(CACHE, 0),
        get(11, psram),
        exit(),
    ];
    let (stop, machine) = run("esp32s3", S3, &code);
    let Stop::Unhandled { trap, .. } = stop else { panic!("{stop:?}") };
    assert_eq!((trap.cause, trap.value), (Cause::LoadAccess, psram));
    assert_eq!((machine.register(10), machine.register(11)), (77, 0));
}

#[test]
fn psram_that_the_module_lacks_does_not_answer() {
    let Board::Chip(chip, mut options) = Board::find("esp32").unwrap() else { panic!("no chip") };
    options.psram_bytes = 0;
    let mut machine = machine_on(Board::Chip(chip, options), 0x4008_0000, &get(10, 0x3F80_0200));
    let Stop::Unhandled { trap, .. } = machine.run(10) else { panic!("it answered") };
    assert_eq!(trap.cause, Cause::LoadAccess);
}

/// Writes `addi x10, x0, 42; ret` to `0x1000` behind the code, and calls it.
fn loader(sync: bool) -> Vec<u32> {
    let target = C3 + 0x1000;
    let mut code = put(C3_DATA + 0x1000, addi(10, 0, 42));
    code.extend(put(C3_DATA + 0x1004, i(0x67, 0, 0, 1, 0)));
    code.push(if sync { FENCE_I } else { addi(0, 0, 0) });
    code.extend(li(28, target));
    code.push(i(0x67, 0, 1, 28, 0));
    code.extend(exit());
    code
}

#[test]
fn code_that_was_not_synchronised_is_told_with_its_writer() {
    let mut careless = machine("esp32c3", C3, &loader(false));
    assert_eq!(careless.run(1000), Stop::Exit { code: 0 });
    // The stores are the fifth instruction of each `put`.
    let told = [
        StaleFetch { pc: C3 + 0x1000, writer_pc: C3 + 16 },
        StaleFetch { pc: C3 + 0x1004, writer_pc: C3 + 36 },
    ];
    assert_eq!(careless.take_stale_fetches(), told);

    let mut careful = machine("esp32c3", C3, &loader(true));
    assert_eq!(careful.run(1000), Stop::Exit { code: 0 });
    assert_eq!(careful.take_stale_fetches(), []);
    assert_eq!(careful.register(10), 42);
}

#[test]
fn protected_code_is_not_written_and_protected_data_not_executed() {
    let Board::Chip(chip, mut options) = Board::find("esp32c3").unwrap() else { panic!("no chip") };
    options.protect = true;
    let board = Board::Chip(chip, options);
    for store_addr in [C3, C3_DATA] {
        let mut machine = machine_on(board, C3, &put(store_addr, 0));
        let Stop::Unhandled { trap, .. } = machine.run(10) else { panic!("code was written") };
        assert_eq!((trap.cause, trap.value), (Cause::StoreAccess, store_addr));
    }
    let mut machine = machine_on(board, C3, &loader(true));
    let Stop::Unhandled { trap, .. } = machine.run(100) else { panic!("data was executed") };
    assert_eq!(trap.cause, Cause::InstructionAccess);
}

#[test]
fn a_reset_keeps_rtc_memory_and_nothing_else() {
    const RTC: u32 = 0x5000_0000;
    let mut code = get(10, RTC);
    code.extend(get(11, C3_DATA + 0x8000));
    code.push(addi(10, 10, 1));
    code.extend(li(28, RTC));
    code.push(sw(10, 28, 0));
    code.extend(put(C3_DATA + 0x8000, 99));
    // Three rounds.
    code.push(addi(12, 0, 3));
    code.push(b(0, 10, 12, 24));
    code.extend(put(0x0010_0000, 0x7777));
    code.extend(exit());
    let mut machine = machine("esp32c3", C3, &code);
    assert_eq!(machine.run(1000), Stop::Exit { code: 0 });
    assert_eq!((machine.register(10), machine.register(11)), (3, 0));
}

#[test]
fn code_that_rewrites_itself_runs_as_written() {
    // The loop's own first instruction is replaced while the block runs.
    let virt = 0x8000_0000;
    let mut code = li(28, virt + 20).to_vec();
    code.extend(li(29, addi(10, 10, 100)));
    code.push(addi(11, 0, 3));
    code.push(addi(10, 10, 1));
    code.push(sw(29, 28, 0));
    code.push(addi(11, 11, -1));
    code.push(b(1, 11, 0, -12));
    code.extend(exit());
    let mut machine = machine("virt", virt, &code);
    assert_eq!(machine.run(1000), Stop::Exit { code: 0 });
    assert_eq!(machine.register(10), 201);
}
