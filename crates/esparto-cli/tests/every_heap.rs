//! Every committed trace with every heap.

use std::path::Path;

use serde_json::Value;

use crate::traces::{HEAPS, json};

#[test]
fn every_committed_trace_replays_with_every_heap() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../traces");
    let mut trace_count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let file = entry.unwrap().path();
        if file.extension().is_none_or(|extension| extension != "trace") {
            continue;
        }
        trace_count += 1;
        for heap in HEAPS {
            let report =
                json(&["run", "esp32c3", file.to_str().unwrap(), "--heap", heap, "--json"], 0);
            assert_eq!(report["trace"]["allocator"], heap);
            assert_eq!(report["problems"], Value::Array(Vec::new()), "{heap}: {file:?}");
            assert!(report["trace"]["allocation_count"].as_u64().unwrap() > 0);
        }
    }
    assert!(trace_count >= 5);
}
