//! Each program of `firmware/planted` has one memory error, in the line that says so; memcheck
//! finds it there and nothing else.

use std::fs;
use std::path::Path;

use crate::firmware_dir::firmware;
use crate::planted_programs::{build, build_for, line_that_ends_with};
use clap::Parser;
use esparto_cli::{Cli, execute};
use serde_json::Value;

/// Each program and what is to be found.
const PLANTED: [(&str, &str); 13] = [
    ("atomic", "atomic"),
    ("cache_off", "cache-off"),
    ("dma", "dma"),
    ("double_free", "double-free"),
    ("evicted_overlay", "evicted-overlay"),
    ("foreign_free", "foreign-free"),
    ("interrupt", "interrupt-access"),
    ("leak", "leak"),
    ("out_of_bounds", "out-of-bounds"),
    ("pool_use_after_free", "use-after-free"),
    ("stack_overflow", "stack-overflow"),
    ("uninitialised", "uninitialised"),
    ("use_after_free", "use-after-free"),
];

/// Runs a program with memcheck; gives the exit code and what is reported.
fn check(elf: &Path, options: &[&str]) -> (u8, Value) {
    let words =
        ["esparto", "--json", "sim", "--memcheck"].into_iter().chain(options.iter().copied());
    let words = words.map(Into::into).chain([elf.as_os_str().to_owned()]);
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let exit = execute(&Cli::parse_from(words), &mut out, &mut err);
    (exit as u8, serde_json::from_slice(&out).expect("the report is JSON"))
}

/// Holds every program of `elves` to its planted error: found in its line, and nothing else.
fn hold_to_the_planted_lines(elves: &Path, options: &[&str]) {
    for (program, flaw) in PLANTED {
        let source = firmware().join("planted/src/bin").join(format!("{program}.rs"));
        let text = fs::read_to_string(&source).expect("the program has a source");
        let line = line_that_ends_with(&text, "// planted").expect("the error is marked");
        let place = format!("(planted/src/bin/{program}.rs:{line})");

        let (exit, report) = check(&elves.join(program), options);
        let errors = report["errors"].as_array().expect("memcheck was on");
        assert_eq!(exit, 1, "{program}: {errors:#?}");
        assert_eq!(errors.len(), 1, "{program}: {errors:#?}");
        assert_eq!(errors[0]["flaw"], flaw, "{program}: {errors:#?}");
        let frames = errors[0]["at"].as_array().expect("a call stack");
        let is_named =
            frames.iter().any(|frame| frame.as_str().is_some_and(|text| text.ends_with(&place)));
        assert!(is_named, "{program}: {place} is not in {frames:#?}");
    }
    for program in ["clean", "stepped", "busy"] {
        let (exit, report) = check(&elves.join(program), options);
        assert_eq!((exit, &report["errors"]), (0, &Value::Array(Vec::new())), "{report:#}");
    }
}

/// The ESP32-C5 is the chip that has all that the programs want: PSRAM and atomics.
#[test]
fn on_a_chips_map_each_is_found_in_the_same_line() {
    let elves = build_for("esp32c5", "riscv32imac-unknown-none-elf");
    hold_to_the_planted_lines(&elves, &["--chip", "esp32c5"]);
}

#[test]
fn each_planted_error_is_found_in_its_line_and_nothing_else() {
    let elves = build("riscv32imac-unknown-none-elf");
    hold_to_the_planted_lines(&elves, &[]);

    // Who allocated, who freed, and in which task.
    let (_, report) = check(&elves.join("use_after_free"), &[]);
    let block = &report["errors"][0]["block"];
    for side in ["allocated_at", "freed_at"] {
        let frames = block[side].to_string();
        assert!(frames.contains("planted/src/bin/use_after_free.rs:"), "{side}: {report:#}");
    }
    let (_, report) = check(&elves.join("stack_overflow"), &[]);
    assert_eq!(report["errors"][0]["task"], "descent", "{report:#}");
    let what = report["errors"][0]["what"].as_str().expect("it says what happened");
    assert!(what.ends_with("bytes below a stack of 2048"), "{what}");

    // What is suppressed is not found.
    let list = elves.join("suppressions");
    fs::write(&list, "# meant to be so\nleak leak::forget\n").expect("the list can be written");
    let list = list.display().to_string();
    assert_eq!(check(&elves.join("leak"), &["--suppress", &list]).0, 0);
    assert_eq!(check(&elves.join("dma"), &["--suppress", &list]).0, 1);
}
