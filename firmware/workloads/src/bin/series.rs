//! Series of measurements read from JSON of unknown length, cleaned, and written again as JSON and
//! CBOR (`serde_json`, `ciborium`): nothing says how long a list or a text will be, so every one of
//! them grows by reallocation, several at once.
#![no_std]
#![no_main]

extern crate alloc;

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write as _;

use board_virt::println;
use recording::{Recorder, Told};
use serde::{Deserialize, Serialize};
use workloads::WorkloadMemory;

const ROUND_COUNT: usize = 3;
const FILE_COUNT: usize = 24;
const PHASES: [&str; 4] = ["receive", "read", "clean", "write"];

#[global_allocator]
static MEMORY: WorkloadMemory = WorkloadMemory::with_sink(Told(Recorder::new()));

/// What one sensor saw.
#[derive(Serialize, Deserialize)]
struct Series {
    sensor: String,
    times: Vec<u32>,
    values: Vec<i16>,
    /// What an operator wrote beside it, character by character with escapes.
    note: String,
}

#[board_virt::entry]
fn main() -> ! {
    workloads::run(&MEMORY, &PHASES, ROUND_COUNT * PHASES.len(), 32 * 1024, |phases| {
        // What is kept: the cleaned series of the last round beside those of this one.
        let mut kept: Vec<Series> = Vec::new();
        for round in 0..ROUND_COUNT {
            let files: Vec<String> =
                phases.run(0, || (0..FILE_COUNT).map(|file| receive(round, file)).collect());
            let mut series: Vec<Series> = phases.run(1, || {
                let read = |text: &String| serde_json::from_str(text).expect("it was written so");
                files.iter().map(read).collect()
            });
            drop(files);
            phases.run(2, || series.iter_mut().for_each(clean));
            kept = series;
            let (json, cbor) = phases.run(3, || {
                // Both documents grow at the same time, each in the other's way.
                let (mut json, mut cbor) = (Vec::new(), Vec::new());
                for one in &kept {
                    json.extend(serde_json::to_vec(one).expect("values print"));
                    ciborium::into_writer(one, &mut cbor).expect(LINE);
                }
                (json, cbor)
            });
            println!(
                "result {round} json_bytes={} json_crc={:08x} cbor_bytes={} cbor_crc={:08x}",
                json.len(),
                crc32fast::hash(&json),
                cbor.len(),
                crc32fast::hash(&cbor)
            );
        }
        drop(kept);
    })
}

/// A series as it arrives: nobody knows its length before its end.
fn receive(round: usize, file: usize) -> String {
    let count = 3 + (file * file * 7 + round * 31) % 230;
    let mut text = String::new();
    write!(text, "{{\"sensor\":\"probe-{}\",\"times\":[", file % 9).expect(LINE);
    for index in 0..count {
        let comma = if index > 0 { "," } else { "" };
        write!(text, "{comma}{}", round * 86_400 + index * 250 + file).expect(LINE);
    }
    text.push_str("],\"values\":[");
    for index in 0..count {
        let comma = if index > 0 { "," } else { "" };
        let value = (index * index * 11 + file * 37) % 4096;
        write!(text, "{comma}{}", i32::try_from(value).expect("small") - 2048).expect(LINE);
    }
    text.push_str("],\"note\":\"");
    for index in 0..file % 12 {
        write!(text, "seen at \\u00bd {index} \\\"{}\\\"\\n", count * index).expect(LINE);
    }
    text.push_str("\"}");
    text
}

const LINE: &str = "memory takes every byte";

/// Takes away what is out of range, gives back what is left over, and notes how many there were.
fn clean(series: &mut Series) {
    let mut at = 0;
    let times = &mut series.times;
    series.values.retain(|value| {
        let keep = (-1900..=1900).contains(value);
        if keep {
            at += 1;
        } else {
            times.remove(at);
        }
        keep
    });
    series.times.shrink_to_fit();
    series.values.shrink_to_fit();
    write!(series.note, "{at} left").expect(LINE);
}
