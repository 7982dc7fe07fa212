//! Filters for a log, compiled and run (`regex`): syntax trees, programs and tables are vectors that
//! grow from nothing, and the rewritten log is a string that does.
#![no_std]
#![no_main]

extern crate alloc;

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write as _;

use board_virt::println;
use recording::{Recorder, Told};
use regex::Regex;
use workloads::WorkloadMemory;

const ROUND_COUNT: usize = 2;
const PHASES: [&str; 3] = ["write", "compile", "rewrite"];

/// What is looked for in a line, and what is put in its place.
const RULES: [(&str, &str); 5] = [
    (r"^([0-9]{2}):([0-9]{2}):[0-9]{2}\.[0-9]+", "$1:$2"),
    (r"(?:10|192\.168)(?:\.[0-9]{1,3}){2,3}", "<near>"),
    (r"(?i-u)\b(error|warn(?:ing)?|fatal)\b", "!$1!"),
    (r"0x([0-9a-f]{4})[0-9a-f]{4}", "$${1}xxxx"),
    (r#"(?P<key>[a-z_]+)="(?P<value>[^"]*)""#, "$key is $value"),
];

#[global_allocator]
static MEMORY: WorkloadMemory = WorkloadMemory::with_sink(Told(Recorder::new()));

#[board_virt::entry]
fn main() -> ! {
    workloads::run(&MEMORY, &PHASES, ROUND_COUNT * PHASES.len(), 64 * 1024, |phases| {
        for round in 0..ROUND_COUNT {
            let log = phases.run(0, || write(round));
            let rules: Vec<(Regex, &str)> = phases.run(1, || {
                let compile =
                    |&(pattern, to)| (Regex::new(pattern).expect("it is well-formed"), to);
                RULES.iter().map(compile).collect()
            });
            let (text, count) = phases.run(2, || {
                let mut text = String::new();
                let mut count = 0;
                for line in log.lines() {
                    count += rules.iter().filter(|(rule, _)| rule.is_match(line)).count();
                    let mut line = String::from(line);
                    for (rule, to) in &rules {
                        line = rule.replace_all(&line, *to).into_owned();
                    }
                    text.push_str(&line);
                    text.push('\n');
                }
                (text, count)
            });
            println!(
                "result {round} log_bytes={} match_count={count} text_bytes={} text_crc={:08x}",
                log.len(),
                text.len(),
                crc32fast::hash(text.as_bytes())
            );
        }
    })
}

/// What a device logs.
fn write(round: usize) -> String {
    const LEVELS: [&str; 4] = ["info", "Warning", "ERROR", "fatal"];
    let mut log = String::new();
    for line in 0..20 {
        let number = (round * 20 + line) * 7919;
        writeln!(
            log,
            "{:02}:{:02}:{:02}.{:03} {} from 192.168.{}.{} at 0x{:08x} task=\"net{}\" left=\"{}\"",
            number % 24,
            number % 60,
            line,
            number % 1000,
            LEVELS[number % LEVELS.len()],
            number % 256,
            line,
            0x4200_0000 + number * 4,
            line % 3,
            number % 4096
        )
        .expect("memory takes every line");
    }
    log
}
