//! Each program of `firmware/planted` has one memory error, in the line that says so; memcheck
//! finds it there and nothing else. `--features firmware` turns this on: it builds the programs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::Parser;
use esparto_cli::{Cli, execute};
use serde_json::Value;

/// Each program and what is to be found.
const PLANTED: [(&str, &str); 11] = [
    ("atomic", "atomic"),
    ("dma", "dma"),
    ("double_free", "double-free"),
    ("evicted_overlay", "evicted-overlay"),
    ("foreign_free", "foreign-free"),
    ("interrupt", "interrupt-access"),
    ("leak", "leak"),
    ("out_of_bounds", "out-of-bounds"),
    ("stack_overflow", "stack-overflow"),
    ("uninitialised", "uninitialised"),
    ("use_after_free", "use-after-free"),
];

fn firmware() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../firmware")
}

/// Builds all programs; gives the folder they are in.
fn build() -> PathBuf {
    let target = "riscv32imac-unknown-none-elf";
    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join("planted");
    let status = Command::new(env!("CARGO"))
        .current_dir(firmware())
        .args(["build", "--quiet", "--release", "--locked", "--target", target, "-p", "planted"])
        .arg("--target-dir")
        .arg(&out)
        .env_remove("RUSTFLAGS")
        .status()
        .expect("cargo starts");
    assert!(status.success(), "the programs do not build; `rustup target add {target}`?");
    out.join(target).join("release")
}

/// Runs a program with memcheck; gives the exit code and what is reported.
fn check(elf: &Path, options: &[&str]) -> (u8, Value) {
    let words =
        ["esparto", "--json", "sim", "--memcheck"].into_iter().chain(options.iter().copied());
    let words = words.map(Into::into).chain([elf.as_os_str().to_owned()]);
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let exit = execute(&Cli::parse_from(words), &mut out, &mut err);
    (exit as u8, serde_json::from_slice(&out).expect("the report is JSON"))
}

/// The number of the line that ends with `// planted`, or that comes after it.
fn planted_line(text: &str) -> Option<usize> {
    let at = text.lines().position(|line| line.ends_with("// planted"))?;
    let is_above = text.lines().nth(at)?.trim() == "// planted";
    Some(at + 1 + usize::from(is_above))
}

#[test]
fn each_planted_error_is_found_in_its_line_and_nothing_else() {
    let elves = build();
    for (program, flaw) in PLANTED {
        let source = firmware().join("planted/src/bin").join(format!("{program}.rs"));
        let text = fs::read_to_string(&source).expect("the program has a source");
        let line = planted_line(&text).expect("the error is marked");
        let place = format!("(planted/src/bin/{program}.rs:{line})");

        let (exit, report) = check(&elves.join(program), &[]);
        let errors = report["errors"].as_array().expect("memcheck was on");
        assert_eq!(exit, 1, "{program}: {errors:#?}");
        assert_eq!(errors.len(), 1, "{program}: {errors:#?}");
        assert_eq!(errors[0]["flaw"], flaw, "{program}: {errors:#?}");
        let frames = errors[0]["at"].as_array().expect("a call stack");
        let is_named =
            frames.iter().any(|frame| frame.as_str().is_some_and(|text| text.ends_with(&place)));
        assert!(is_named, "{program}: {place} is not in {frames:#?}");
    }

    let (exit, report) = check(&elves.join("clean"), &[]);
    assert_eq!((exit, &report["errors"]), (0, &Value::Array(Vec::new())), "{report:#}");

    // What is suppressed is not found.
    let list = elves.join("suppressions");
    fs::write(&list, "# meant to be so\nleak leak::forget\n").expect("the list can be written");
    let list = list.display().to_string();
    assert_eq!(check(&elves.join("leak"), &["--suppress", &list]).0, 0);
    assert_eq!(check(&elves.join("dma"), &["--suppress", &list]).0, 1);
}
