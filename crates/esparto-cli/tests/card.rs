//! `firmware/card` reads every file of an SD card on the simulator and writes one; a card that is
//! missing, locked or damaged is a named error on its serial line.

use std::fs;
use std::io::{self, Cursor, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use card_image::Format;
use clap::Parser;
use esparto_cli::{Cli, execute};
use esparto_sim::{Board, Machine, Stop};
use serde_json::Value;

use crate::firmware_dir::{built, firmware};

const CARD_BYTES: usize = 64 << 20;

/// Builds the program where all firmware is built; gives its path.
fn build() -> PathBuf {
    let target = "riscv32imc-unknown-none-elf";
    let status = Command::new(env!("CARGO"))
        .current_dir(firmware())
        .args(["build", "--quiet", "--release", "--locked", "--target", target, "-p", "card"])
        .env_remove("RUSTFLAGS")
        .status()
        .expect("cargo starts");
    assert!(status.success(), "the program does not build; `rustup target add {target}`?");
    built(target).join("card")
}

/// Files of all kinds: empty, of a byte, of just a block, of many clusters, below others.
fn files() -> Vec<(&'static str, Vec<u8>)> {
    let noise =
        |len: u32| (0..len).map(|k| (k.wrapping_mul(k + len) >> 7) as u8).collect::<Vec<u8>>();
    vec![
        ("empty.bin", Vec::new()),
        ("one.bin", vec![7]),
        ("block.bin", noise(512)),
        ("long.bin", noise(300_001)),
        ("overlays/camera_e", noise(20_000)),
        ("overlays/deeper/a long name.txt", noise(3_000)),
    ]
}

/// An image with `files` and their sums.
fn image(format: Format, files: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let pairs = || files.iter().map(|(path, bytes)| (*path, bytes.as_slice()));
    let sums = card_image::sums(pairs());
    let all = pairs().chain([(card_image::SUMS, sums.as_bytes())]);
    card_image::build(CARD_BYTES, format, all).expect("there is room")
}

/// Runs the program with `image` in the slot; gives the exit code, what it said, the image after it.
fn run(elf: &Path, image: Option<&[u8]>) -> (u8, String, Vec<u8>) {
    let folder = tempfile::tempdir().expect("a folder for a while");
    let path = folder.path().join("card.img");
    let mut words = vec!["esparto".into(), "--json".into(), "sim".into(), elf.into()];
    // Far more than it needs: a card never hangs it.
    words.extend(["--max-instructions", "2000000000"].map(Into::into));
    if let Some(image) = image {
        fs::write(&path, image).expect("there is room");
        words.extend(["--sd".into(), path.clone().into_os_string()]);
    }
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let exit = execute(&Cli::parse_from(words), &mut out, &mut err);
    let report: Value = serde_json::from_slice(&out).expect("the result is JSON");
    let said = report["output"].as_str().expect("there is output").to_owned();
    (exit as u8, said, fs::read(&path).unwrap_or_default())
}

#[test]
fn every_file_is_read_and_one_is_written() {
    let elf = build();
    for format in [Format::Fat16, Format::Fat32] {
        let files = files();
        let (exit, said, after) = run(&elf, Some(&image(format, &files)));
        assert_eq!(exit, 0, "{format:?}: {said}");
        for (path, bytes) in &files {
            let line = format!("file {path} bytes={} sum=", bytes.len());
            assert!(said.contains(&line), "{format:?}: {line} is not in {said}");
            let kept = card_image::read(&after, path).expect("the file is still there");
            assert!(kept == *bytes, "{path} is as it was");
        }
        let report = card_image::read(&after, "REPORT.TXT").expect("the report was written");
        let expected: String = files.iter().map(|(path, _)| format!("{path} is whole\n")).collect();
        assert_eq!(String::from_utf8_lossy(&report), expected);
    }
}

#[test]
fn what_is_wrong_with_a_card_is_said_by_name() {
    let elf = build();
    let good = image(Format::Fat16, &files());
    let with = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut image = good.clone();
        change(&mut image);
        Some(image)
    };
    let partition = card_image::PARTITION_BLOCK as usize * card_image::BLOCK_BYTES;
    let place = |needle: &[u8]| {
        good.windows(needle.len()).position(|bytes| bytes == needle).expect("it is in the image")
    };
    let long = place(b"LONG    BIN");
    let content = place(&files()[4].1[..512]);
    let sums = place(b"00000000 0 empty.bin");
    let cases: [(&str, Option<Vec<u8>>, &str); 11] = [
        ("none", None, "no card answers"),
        ("blank", Some(vec![0; CARD_BYTES]), "no partition table"),
        ("partition type", with(&|image| image[446 + 4] = 0x83), "not FAT16 or FAT32"),
        ("partition length", with(&|image| image[446 + 15] = 0xFF), "larger than the card"),
        ("signature", with(&|image| image[partition + 510] = 0), "no signature"),
        ("cluster size", with(&|image| image[partition + 13] = 0), "size of a cluster"),
        ("tables", with(&|image| image[partition + 22..][..2].fill(0xFF)), "larger than itself"),
        ("cluster of a file", with(&|image| image[long + 27] = 0xFF), "begins nowhere"),
        ("length of a file", with(&|image| image[long + 31] = 0x7F), "larger than the card"),
        ("content", with(&|image| image[content + 3] ^= 1), "overlays/camera_e: its sum is"),
        ("list", with(&|image| image[sums] = b'x'), "is not `CRC LENGTH PATH`"),
    ];
    for (name, image, needle) in cases {
        let (exit, said, _) = run(&elf, image.as_deref());
        assert_eq!(exit, 1, "{name}: {said}");
        let last = said.lines().rev().find(|line| line.starts_with("error: "));
        assert!(last.is_some_and(|line| line.contains(needle)), "{name}: {said}");
    }
}

/// An image that cannot be written, as when the card is locked.
struct Locked(Cursor<Vec<u8>>);

impl Read for Locked {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        self.0.read(to)
    }
}

impl Seek for Locked {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.0.seek(to)
    }
}

impl Write for Locked {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::PermissionDenied.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_locked_card_is_read_and_not_written() {
    let elf = fs::read(build()).expect("the program was built");
    let image = image(Format::Fat16, &files());
    let mut machine = Machine::new(Board::Virt, &elf).expect("the program is for this board");
    machine.insert_card(Box::new(Locked(Cursor::new(image)))).expect("the image is a card");
    let mut said = Vec::new();
    let end = loop {
        let stop = machine.run(2_000_000_000);
        said.extend(machine.take_text());
        if stop != Stop::Said {
            break stop;
        }
    };
    let said = String::from_utf8_lossy(&said);
    assert_eq!(end, Stop::Exit { code: 1 }, "{said}");
    assert!(said.contains("error: REPORT.TXT: the card takes no writes: unlock it"), "{said}");
}
