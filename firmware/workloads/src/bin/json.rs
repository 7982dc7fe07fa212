//! A document parsed, changed and printed, over and over: `serde_json` and CBOR (`ciborium`).
//!
//! The document is what `esparto chips --json` writes: some five hundred small values.
#![no_std]
#![no_main]

extern crate alloc;

use alloc::string::String;
use alloc::vec::Vec;

use board_virt::println;
use recording::{Recorder, Told};
use serde_json::{Value, json};
use workloads::WorkloadMemory;

const DOCUMENT: &str = include_str!("../../data/chips.json");
const ROUND_COUNT: usize = 3;
const PHASES: [&str; 4] = ["parse", "change", "print", "cbor"];

#[global_allocator]
static MEMORY: WorkloadMemory = WorkloadMemory::with_sink(Told(Recorder::new()));

#[board_virt::entry]
fn main() -> ! {
    workloads::run(&MEMORY, &PHASES, ROUND_COUNT * PHASES.len(), 32 * 1024, |phases| {
        let mut text = String::from(DOCUMENT);
        for round in 0..ROUND_COUNT {
            let mut document: Value =
                phases.run(0, || serde_json::from_str(&text).expect("the document is JSON"));
            phases.run(1, || change(&mut document, round));
            text = phases.run(2, || serde_json::to_string(&document).expect("values print"));
            let cbor = phases.run(3, || round_trip(&document));
            println!(
                "result {round} json_bytes={} json_crc={:08x} cbor_bytes={} cbor_crc={:08x}",
                text.len(),
                crc32fast::hash(text.as_bytes()),
                cbor.len(),
                crc32fast::hash(&cbor),
            );
        }
    })
}

/// Adds a stamp to every object, and takes the stamps of the round before last away again.
fn change(value: &mut Value, round: usize) {
    match value {
        Value::Object(fields) => {
            for (_, field) in fields.iter_mut() {
                change(field, round);
            }
            let stamp = json!({ "round": round, "fields": fields.len() });
            fields.insert(alloc::format!("stamp{round}"), stamp);
            if let Some(old) = round.checked_sub(2) {
                fields.remove(&alloc::format!("stamp{old}"));
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| change(item, round)),
        _ => {}
    }
}

/// To CBOR and back, compared.
fn round_trip(document: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    ciborium::into_writer(document, &mut bytes).expect("memory takes every byte");
    let read: Value = ciborium::from_reader(bytes.as_slice()).expect("what was written reads back");
    assert_eq!(&read, document);
    bytes
}
