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

/// A firmware of one instruction: `j .`.
fn endless() -> Vec<u8> {
    let mut file = vec![0x7F, b'E', b'L', b'F', 1, 1, 1];
    file.resize(16, 0);
    let (base, code) = (0x8000_0000u32, 0x0000_006Fu32);
    file.extend([2u16, 243].into_iter().flat_map(u16::to_le_bytes));
    file.extend([1, base, 52, 0, 0].into_iter().flat_map(u32::to_le_bytes));
    file.extend([52u16, 32, 1, 0, 0, 0].into_iter().flat_map(u16::to_le_bytes));
    file.extend([1, 84, base, base, 4, 4, 5, 4, code].into_iter().flat_map(u32::to_le_bytes));
    file
}
