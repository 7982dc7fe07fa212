//! Arbitrary operations on the heaps, against the oracle.
#![no_main]

#[path = "../src/heap_ops.rs"]
mod heap_ops;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    heap_ops::drive(bytes);
});
