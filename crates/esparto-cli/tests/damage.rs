//! Files that are damaged in every way that a table of ELF or of ours can be: the packer may refuse
//! them, by name and with a mend, but not panic, and not hang.
//!
//! Three thousand mutants by default. More, of another seed:
//! `ESPARTO_MUTANTS=100000 ESPARTO_SEED=7 cargo test --release -p esparto-cli --test firmware damage::`

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use crate::desk::{CONFIG, Desk, GNU, text};
use clap::Parser;
use esparto_cli::{Cli, Exit, execute};
use oorandom::Rand64;

const HEADERS: &str = concat!("-I", env!("CARGO_MANIFEST_DIR"), "/../esparto-c/include");

/// How long one mutant may take before it counts as a hang: far more than any does.
const HANG: Duration = Duration::from_secs(120);

fn from_environment(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().expect("a number"))
}

/// One command and the file that is damaged for it.
struct Subject {
    name: &'static str,
    whole: Vec<u8>,
    file: PathBuf,
    words: Vec<String>,
    /// What the command wrote is looked at as well.
    folder: Option<PathBuf>,
}

impl Subject {
    fn new(name: &'static str, file: &Path, words: &[&str]) -> Self {
        let words = words.iter().map(|word| (*word).to_owned()).collect();
        let whole = fs::read(file).expect("made");
        Self { name, whole, file: file.to_owned(), words, folder: None }
    }

    fn run(&self) -> (Exit, String) {
        run(&self.words.iter().map(String::as_str).collect::<Vec<_>>())
    }
}

fn run(words: &[&str]) -> (Exit, String) {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let words = ["esparto"].iter().chain(words);
    let exit = execute(&Cli::parse_from(words), &mut out, &mut err);
    (exit, String::from_utf8(err).expect("text"))
}

/// A desk where everything is linked, and what can be damaged on it.
fn subjects(desk: &Desk, relocatable: &Desk) -> Vec<Subject> {
    let mut subjects = Vec::new();
    for (name, desk) in [("pack", desk), ("pack relocatable", relocatable)] {
        desk.make().expect("right");
        let elf = desk.path("firmware.elf");
        let (config, out) = (text(&desk.path("esparto.toml")), desk.path("data"));
        let words = ["overlay", "pack", &text(&elf), "--config", &config, "--out", &text(&out)];
        let mut subject = Subject::new(name, &elf, &words);
        subject.folder = Some(out);
        subjects.push(subject);
    }
    let copy = desk.path("copy.elf");
    fs::copy(desk.path("firmware.elf"), &copy).expect("linked");
    subjects.push(Subject::new("map", &copy, &["map", &text(&copy), "--chip", "esp32c3"]));
    let flash = desk.path("firmware.flash.elf");
    let other = text(&flash);
    subjects.push(Subject::new("map two", &copy, &["map", &other, &text(&copy)]));
    let image = |name: &str| {
        let file = desk.path(&format!("copy.{name}"));
        fs::copy(desk.path(&format!("data/{name}")), &file).expect("packed");
        file
    };
    for name in ["fft_e", "shapes_d"] {
        let file = image(name);
        subjects.push(Subject::new("inspect", &file, &["overlay", "inspect", &text(&file)]));
    }
    // A folder with one damaged image, and the firmware that it belongs to.
    let folder = desk.path("verified");
    fs::create_dir_all(&folder).expect("writable");
    for name in ["fft_e", "fft_d"] {
        fs::copy(desk.path(&format!("data/{name}")), folder.join(name)).expect("packed");
    }
    let image = folder.join("fft_d");
    let words = ["overlay", "verify", &text(&folder), "--flash", &other];
    subjects.push(Subject::new("verify", &image, &words));
    let flash_copy = desk.path("copy.flash.elf");
    fs::copy(&flash, &flash_copy).expect("packed");
    let words = ["overlay", "verify", &text(&desk.path("data2")), "--flash", &text(&flash_copy)];
    fs::create_dir_all(desk.path("data2")).expect("writable");
    for name in ["fft_e", "fft_d"] {
        fs::copy(desk.path(&format!("data/{name}")), desk.path("data2").join(name)).expect("there");
    }
    subjects.push(Subject::new("verify flash", &flash_copy, &words));
    // Objects and an archive with marks.
    desk.write(
        "marks.toml",
        &format!(
            "{}[[overlay]]\nname = \"fft\"\n",
            &CONFIG[..CONFIG.find("[[overlay]]").expect("there")]
        ),
    );
    desk.write(
        "marked.c",
        "#include <esparto/overlay_section.h>\nextern int out(int); static int n;\n\
        ESPARTO_OVERLAY_CONST(fft) static const int t[2] = {3, 4};\n\
        ESPARTO_OVERLAY(fft) static int local(int x) { return t[x & 1] + n++; }\n\
        ESPARTO_OVERLAY(fft) int marked(int x) { return local(out(x)); }\n\
        int resident(int x) { return marked(x) + local(x); } int (*p)(int) = local;",
    );
    desk.compile("marked.c", "marked.o", &[HEADERS]);
    let mut ar = std::process::Command::new("riscv64-unknown-elf-ar");
    crate::desk::run_tool(ar.arg("crs").arg(desk.path("libmarked.a")).arg(desk.path("marked.o")));
    let (config, out) = (text(&desk.path("marks.toml")), text(&desk.path("marked-out")));
    for name in ["marked.o", "libmarked.a"] {
        let file = desk.path(name);
        let words = ["overlay", "link", "--config", &config, "--out", &out, &text(&file)];
        subjects.push(Subject::new("link", &file, &words));
    }
    let config = desk.path("copy.toml");
    desk.write("copy.toml", CONFIG);
    let words = [
        "overlay",
        "pack",
        &text(&copy),
        "--config",
        &text(&config),
        "--out",
        &text(&desk.path("d3")),
    ];
    subjects.push(Subject::new("esparto.toml", &config, &words));
    subjects
}

#[test]
fn damaged_files_are_refused_by_name_and_nothing_panics_or_hangs() {
    let (count, seed) =
        (from_environment("ESPARTO_MUTANTS", 3000), from_environment("ESPARTO_SEED", 1));
    let (report, reports) = mpsc::channel();
    let worker = thread::spawn(move || mutate_all(count, seed, &report));
    let mut last = (0, "nothing");
    let mut refused = std::collections::BTreeMap::new();
    loop {
        match reports.recv_timeout(HANG) {
            Ok((number, name, is_refused)) => {
                last = (number, name);
                let tally: &mut (u64, u64) = refused.entry(name).or_default();
                *if is_refused { &mut tally.0 } else { &mut tally.1 } += 1;
            }
            Err(mpsc::RecvTimeoutError::Disconnected) => break,
            Err(mpsc::RecvTimeoutError::Timeout) => panic!("hangs after {last:?} of seed {seed}"),
        }
    }
    if let Err(panic) = worker.join() {
        eprintln!("after {last:?} of seed {seed}");
        std::panic::resume_unwind(panic);
    }
    println!("{count} mutants of seed {seed}: (refused, accepted) {refused:?}");
    for (name, (refused, _)) in &refused {
        assert!(
            *refused * 20 > count / refused_share(name),
            "{name} refuses too little: {refused}"
        );
    }
}

/// Of the symbols and relocations of a firmware, most may be anything.
fn refused_share(_: &str) -> u64 {
    40
}

fn mutate_all(count: u64, seed: u64, report: &mpsc::Sender<(u64, &'static str, bool)>) {
    let (desk, relocatable) = (Desk::new(), Desk::new());
    let config = CONFIG.replace("[[overlay]]", "[[overlay]]\nplacement = \"relocatable\"");
    relocatable.write("esparto.toml", &config);
    let subjects = subjects(&desk, &relocatable);
    for subject in &subjects {
        let (exit, error) = subject.run();
        assert_eq!(exit, Exit::Done, "{} of what is whole: {error}", subject.name);
    }
    let mut rng = Rand64::new(seed.into());
    for number in 0..count {
        let subject = &subjects[(number % subjects.len() as u64) as usize];
        let mutant = mutate(&subject.whole, &mut rng);
        fs::write(&subject.file, &mutant).expect("writable");
        let (exit, error) = subject.run();
        let is_refused = exit != Exit::Done;
        if is_refused {
            let has_all = error.contains("mend: ") && error.contains("/");
            assert!(has_all, "{} of mutant {number}, seed {seed}: {error}", subject.name);
        } else if let Some(folder) = &subject.folder {
            // Whatever was packed is whole by itself.
            let (exit, error) = run(&["overlay", "verify", &text(folder)]);
            assert_eq!(exit, Exit::Done, "verify after mutant {number}, seed {seed}: {error}");
        }
        fs::write(&subject.file, &subject.whole).expect("writable");
        let _ = report.send((number, subject.name, is_refused));
    }
}

fn below(rng: &mut Rand64, limit: usize) -> usize {
    rng.rand_range(0..limit.max(1) as u64) as usize
}

/// One to three changes, most of them where a value leads somewhere.
fn mutate(whole: &[u8], rng: &mut Rand64) -> Vec<u8> {
    let mut bytes = whole.to_vec();
    let tables = Tables::of(whole);
    for _ in 0..=below(rng, 3) {
        if bytes.len() < 64 {
            break;
        }
        let word_at = match (&tables, below(rng, 12)) {
            (_, 0) => {
                bytes.truncate(below(rng, whole.len()));
                continue;
            }
            (_, 1) => {
                let at = below(rng, bytes.len());
                bytes[at] ^= 1 << below(rng, 8);
                continue;
            }
            (Some(_), 2) => below(rng, 12) * 4,
            (Some(tables), 3..=5) => tables.sections + 4 * below(rng, 10 * tables.section_count),
            (Some(tables), 6 | 7) => tables.symbols.0 + 4 * below(rng, tables.symbols.1 / 4),
            (Some(tables), 8 | 9) => {
                let (offset, len) = tables.relocations[below(rng, tables.relocations.len())];
                offset + 4 * below(rng, len / 4)
            }
            (Some(tables), 10) => {
                // One row of the sections takes another's place.
                let row = |index: usize| tables.sections + 40 * index;
                let from = row(below(rng, tables.section_count));
                let to = row(below(rng, tables.section_count));
                if from + 40 <= bytes.len() && to + 40 <= bytes.len() {
                    bytes.copy_within(from..from + 40, to);
                }
                continue;
            }
            _ => below(rng, bytes.len() / 4) * 4,
        };
        let Some(word) = bytes.get(word_at..).and_then(|rest| rest.first_chunk::<4>()) else {
            continue;
        };
        let old = u32::from_le_bytes(*word);
        let new = match below(rng, 10) {
            0 => 0,
            1 => u32::MAX,
            2 => 0x7FFF_FFFF,
            3 => old.wrapping_add(1),
            4 => old.wrapping_sub(1),
            5 => whole.len() as u32,
            6 => old ^ 1 << below(rng, 32),
            7 => old.rotate_left(8),
            8 => below(rng, 64) as u32,
            _ => rng.rand_u64() as u32,
        };
        bytes[word_at..word_at + 4].copy_from_slice(&new.to_le_bytes());
    }
    bytes
}

/// Where the tables of an ELF file are.
struct Tables {
    sections: usize,
    section_count: usize,
    symbols: (usize, usize),
    relocations: Vec<(usize, usize)>,
}

impl Tables {
    fn of(bytes: &[u8]) -> Option<Self> {
        use object::read::elf::ElfFile32;
        let le = object::LittleEndian;
        let file = ElfFile32::<object::LittleEndian>::parse(bytes).ok()?;
        let sections = file.elf_section_table();
        let of = |kind| {
            let rows = sections.iter().filter(move |s| s.sh_type.get(le) == kind);
            rows.map(|s| (s.sh_offset.get(le) as usize, s.sh_size.get(le) as usize))
                .filter(|(_, len)| *len != 0)
                .collect::<Vec<_>>()
        };
        let mut relocations = of(object::elf::SHT_RELA);
        let symbols = *of(object::elf::SHT_SYMTAB).first()?;
        if relocations.is_empty() {
            relocations.push(symbols);
        }
        let section_count = sections.len();
        Some(Self {
            sections: file.elf_header().e_shoff.get(le) as usize,
            section_count,
            symbols,
            relocations,
        })
    }
}

#[test]
fn whole_kinds_of_files_are_refused_by_name() {
    let desk = Desk::new();
    desk.link_overlays().expect("right");
    desk.link(GNU, &[], &[]);
    let config = text(&desk.path("esparto.toml"));
    let out = text(&desk.path("data"));
    let own = fs::read(std::env::current_exe().expect("this test")).expect("this test");
    let elf = fs::read(desk.path("firmware.elf")).expect("linked");
    let mut big_endian = elf.clone();
    big_endian[5] = 2;
    let kinds: [(&str, Vec<u8>); 6] = [
        ("not an ELF file", Vec::new()),
        ("not an ELF file", b"#!/bin/sh\n".repeat(40)),
        ("64 bits", own),
        ("not linked", fs::read(desk.path("main.o")).expect("compiled")),
        ("damaged or truncated", elf[..60].to_vec()),
        ("damaged or truncated", big_endian),
    ];
    for (expected, bytes) in kinds {
        desk.write("x.elf", "");
        fs::write(desk.path("x.elf"), bytes).expect("writable");
        let file = text(&desk.path("x.elf"));
        for words in [
            vec!["map", &file],
            vec!["map", &file, &file],
            vec!["overlay", "pack", &file, "--config", &config, "--out", &out],
        ] {
            let (exit, error) = run(&words);
            assert_eq!(exit, Exit::BadInput, "{words:?}");
            for part in [expected, "x.elf", "mend: "] {
                assert!(error.contains(part), "{part} is not in: {error}");
            }
        }
        assert!(!desk.path("data").exists(), "nothing is written");
    }
}
