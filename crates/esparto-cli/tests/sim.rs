//! `esparto sim`: what is no firmware is named, with file and mend.

use std::fs;

use clap::Parser;
use esparto_cli::{Cli, Exit, execute};

/// Runs a command line; gives the exit and what is on standard error.
fn run(words: &[&str]) -> (Exit, String) {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let words = ["esparto", "sim"].iter().chain(words);
    let exit = execute(&Cli::parse_from(words), &mut out, &mut err);
    (exit, String::from_utf8(err).expect("errors are text"))
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let (exit, error) = run(&["gone.elf"]);
    assert_eq!(exit, Exit::Io);
    assert!(error.contains("gone.elf"), "{error}");
}

#[test]
fn an_unknown_chip_is_named_before_the_file_is_read() {
    let (exit, error) = run(&["gone.elf", "--chip", "esp32c33"]);
    assert_eq!(exit, Exit::BadInput);
    assert!(error.contains("esp32c3"), "{error}");
}

#[test]
fn a_program_of_this_host_is_no_firmware() {
    let own = std::env::current_exe().expect("the test is a file");
    let (exit, error) = run(&[&own.display().to_string(), "--chip", "esp32c3"]);
    assert_eq!(exit, Exit::BadInput);
    assert!(error.contains("ELF") && error.contains("mend:"), "{error}");
}

#[test]
fn a_trace_that_cannot_be_written_is_named() {
    let dir = tempfile::tempdir().expect("a folder for a while");
    let elf = dir.path().join("loop.elf");
    fs::write(&elf, endless()).expect("the firmware can be written");
    let trace = dir.path().join("no/such/folder.trace");
    let (exit, error) = run(&[&elf.display().to_string(), "--trace", &trace.display().to_string()]);
    assert_eq!(exit, Exit::Io);
    assert!(error.contains("folder.trace"), "{error}");
}

#[test]
fn an_image_that_is_no_card_is_named() {
    let dir = tempfile::tempdir().expect("a folder for a while");
    let elf = dir.path().join("loop.elf");
    fs::write(&elf, endless()).expect("the firmware can be written");
    let elf = elf.display().to_string();
    let image = dir.path().join("card.img");
    let card = image.display().to_string();
    let (exit, error) = run(&[&elf, "--sd", &card]);
    assert_eq!(exit, Exit::Io);
    assert!(error.contains("card.img") && error.contains("mend:"), "{error}");

    fs::write(&image, [0; 1000]).expect("the image can be written");
    let (exit, error) = run(&[&elf, "--sd", &card]);
    assert_eq!(exit, Exit::BadInput);
    assert!(error.contains("1000 bytes") && error.contains("512 KiB"), "{error}");
}

#[test]
fn a_firmware_that_never_ends_is_given_up() {
    let dir = tempfile::tempdir().expect("a folder for a while");
    let elf = dir.path().join("loop.elf");
    fs::write(&elf, endless()).expect("the firmware can be written");
    let elf = elf.display().to_string();
    let (exit, error) = run(&[&elf, "--max-instructions", "10000000"]);
    assert_eq!(exit, Exit::BadInput);
    assert!(error.contains("10000000 instructions"), "{error}");
}

#[test]
fn a_firmware_that_jumps_into_data_is_told_where_and_from_where() {
    // lui a0, 0x3FC90; jalr x0, 0(a0): the data bus does not execute.
    let code = [0x3FC9_0537, 0x0005_0067];
    let error = refused(&elf_at(0x4038_0000, &code), &["--chip", "esp32c3"]);
    assert!(error.contains("0x3fc90000") && error.contains("mcause 1"), "{error}");
    assert!(error.contains("mend:") && error.contains("firmware.elf"), "{error}");
}

#[test]
fn a_firmware_that_overwrites_its_own_stack_ends_with_a_named_trap() {
    // The return address is stored, a loop of stores goes over it, and `ret` takes what is there.
    let code = [
        0x8100_0137, // lui sp, 0x81000
        0x0040_00EF, // jal ra, .+4
        0xFE11_2E23, // sw ra, -4(sp)
        0xFF01_0513, // addi a0, sp, -16
        0x0055_0593, // addi a1, a0, 5
        0x00B5_2023, // sw a1, 0(a0)
        0x0045_0513, // addi a0, a0, 4
        0xFE25_1CE3, // bne a0, sp, -8
        0xFFC1_2083, // lw ra, -4(sp)
        0x0000_8067, // ret
    ];
    let error = refused(&elf_at(0x8000_0000, &code), &[]);
    assert!(error.contains("a trap at ") && error.contains("mend:"), "{error}");
}

#[test]
fn files_that_are_no_firmware_are_named_with_their_reason() {
    let good = elf_at(0x8000_0000, &[0x0000_006F]);
    let with = |offset: usize, value: u32| {
        let mut file = good.clone();
        file[offset..offset + 4].copy_from_slice(&value.to_le_bytes());
        file
    };
    for (file, needle) in [
        (with(18, 62 | 1 << 16), "machine 62"),
        (good[..good.len() - 2].to_vec(), "past the end"),
        (with(52 + 12, 0x9000_0000), "no memory at 0x90000000"),
        (with(24, 0x4000_0000), "entry point 0x40000000"),
        (with(52, 0), "no segment"),
        (b"not an ELF".to_vec(), "not a 32-bit"),
        (Vec::new(), "not a 32-bit"),
    ] {
        let error = refused(&file, &[]);
        assert!(error.contains(needle) && error.contains("mend:"), "{needle}: {error}");
    }
}

#[test]
fn a_firmware_that_sleeps_for_ever_is_named() {
    let error = refused(&elf_at(0x8000_0000, &[0x1050_0073]), &[]);
    assert!(error.contains("0x80000000") && error.contains("interrupt"), "{error}");
}

#[test]
fn a_port_that_is_taken_is_named() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("there is a port");
    let port = listener.local_addr().expect("it has an address").port().to_string();
    let dir = tempfile::tempdir().expect("a folder for a while");
    let elf = dir.path().join("firmware.elf");
    fs::write(&elf, endless()).expect("the firmware can be written");
    let (exit, error) = run(&[&elf.display().to_string(), "--gdb", &port]);
    assert_eq!(exit, Exit::Io);
    assert!(error.contains(&port) && error.contains("mend:"), "{error}");
}

/// What is said of a bad firmware.
fn refused(file: &[u8], options: &[&str]) -> String {
    let dir = tempfile::tempdir().expect("a folder for a while");
    let elf = dir.path().join("firmware.elf");
    fs::write(&elf, file).expect("the firmware can be written");
    let elf = elf.display().to_string();
    let limit = ["--max-instructions", "100000"];
    let words: Vec<&str> =
        [elf.as_str()].into_iter().chain(limit).chain(options.iter().copied()).collect();
    let (exit, error) = run(&words);
    assert_eq!(exit, Exit::BadInput, "{error}");
    error
}

/// A firmware of one instruction: `j .`.
fn endless() -> Vec<u8> {
    elf_at(0x8000_0000, &[0x0000_006F])
}

/// A firmware of `code`, which starts at `base`.
fn elf_at(base: u32, code: &[u32]) -> Vec<u8> {
    let mut file = vec![0x7F, b'E', b'L', b'F', 1, 1, 1];
    file.resize(16, 0);
    let len = 4 * code.len() as u32;
    file.extend([2u16, 243].into_iter().flat_map(u16::to_le_bytes));
    file.extend([1, base, 52, 0, 0].into_iter().flat_map(u32::to_le_bytes));
    file.extend([52u16, 32, 1, 0, 0, 0].into_iter().flat_map(u16::to_le_bytes));
    file.extend([1, 84, base, base, len, len, 5, 4].into_iter().flat_map(u32::to_le_bytes));
    file.extend(code.iter().copied().flat_map(u32::to_le_bytes));
    file
}
