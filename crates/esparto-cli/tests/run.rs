//! `esparto run`, run as a user runs it: traces replayed by the real heap.

use std::path::{Path, PathBuf};

use crate::traces::{
    HEAPS, Oracle, Writer, allocate, deallocate, encode, error, json, regions, save,
};
use esparto::{Caps, Event, Owner, RegionId};
use serde_json::Value;

fn text(path: &Path) -> &str {
    path.to_str().expect("a path of text")
}

fn trace(folder: &Path, fill: impl FnOnce(&mut Writer<'_>)) -> PathBuf {
    save(folder, "one.trace", &encode(&regions(), fill))
}

#[test]
fn every_heap_serves_what_the_trace_asks_for() {
    let folder = tempfile::tempdir().unwrap();
    // A load without failures, so that the replay must do the very same.
    let oracle = (21..60)
        .map(|seed| Oracle::random(700, seed))
        .find(|oracle| oracle.by_owner.values().all(|totals| totals.failures == 0))
        .expect("a load that fits");
    let file = save(folder.path(), "random.trace", &oracle.encode());
    for heap in HEAPS {
        for chip in ["esp32s3", "recorded"] {
            let mut args = vec!["run", chip, text(&file), "--heap", heap, "--json"];
            if chip == "esp32s3" {
                args.extend(["--psram", "4M"]);
            }
            let report = json(&args, 0);
            assert_eq!(report["trace"]["replayed"], true);
            assert_eq!(report["trace"]["allocator"], heap);
            assert_eq!(report["trace"]["chip"], "esp32s3");
            // The real heap's account, held against the events of the replay at every snapshot.
            assert_eq!(report["problems"], Value::Array(Vec::new()), "{heap} on {chip}");
            assert!(report["trace"]["snapshot_count"].as_u64().unwrap() > 5);
            if report["trace"]["failure_count"] != 0 {
                // Without merging, memory splinters, and without frees it ends: that the load may
                // fail is what the replay shows.
                let may_fail = ["no-merge", "heap_2", "heap_1"].iter().any(|it| heap.contains(it));
                assert!(may_fail, "{heap} on {chip}: {:#}", report["failures"]);
                continue;
            }
            if heap == "heap_1" {
                assert_eq!(report["trace"]["deallocation_count"], 0, "it never frees");
                continue;
            }
            let sum = |name: &str| -> u64 {
                let regions = report["regions"].as_array().unwrap().iter();
                regions.map(|region| region[name].as_u64().unwrap()).sum()
            };
            let live = oracle.live.values().map(|known| known.size as u64).sum::<u64>();
            assert_eq!((sum("live_bytes"), sum("live_count")), (live, oracle.live.len() as u64));
            for region in report["regions"].as_array().unwrap() {
                assert_eq!(region["is_exact"], true);
                let figure = |name: &str| region["snapshot"][name].as_u64().unwrap();
                assert_eq!(
                    figure("free_bytes") + figure("live_bytes") + figure("bookkeeping_bytes"),
                    region["size_bytes"].as_u64().unwrap()
                );
            }
            let peaks: Vec<_> = report["owners"]
                .as_array()
                .unwrap()
                .iter()
                .map(|line| {
                    (line["owner"].as_u64().unwrap() as u16, line["peak_bytes"].as_u64().unwrap())
                })
                .collect();
            for (owner, peak) in peaks {
                assert_eq!(peak, oracle.by_owner[&owner].peak, "owner {owner}");
            }
        }
    }
}

#[test]
fn the_heap_is_the_default_one_unless_said_and_helps_are_complete() {
    let folder = tempfile::tempdir().unwrap();
    let file = trace(folder.path(), |_| {});
    for args in [&[][..], &["--heap", "default"]] {
        let all = [&["run", "esp32c3", text(&file), "--json"], args].concat();
        assert_eq!(json(&all, 0)["trace"]["allocator"], "realtime");
    }
    let help = crate::traces::esparto(&["run", "--help"]).stdout;
    let refusal = crate::traces::esparto(&["run", "esp32c3", text(&file), "--heap", "tlsf"]).stderr;
    let (help, refusal) = (String::from_utf8_lossy(&help), String::from_utf8_lossy(&refusal));
    for heap in HEAPS.iter().chain(&["default", "bump"]) {
        assert!(help.contains(heap.split(":best:").next().unwrap()), "{heap}: {help}");
        assert!(refusal.contains(heap.split(':').next().unwrap()), "{heap}: {refusal}");
    }
    let refusal =
        crate::traces::esparto(&["run", "esp32c3", text(&file), "--heap", "heap_3"]).stderr;
    assert!(String::from_utf8_lossy(&refusal).contains("owns no memory to replay in"));
}

#[test]
fn replayed_blocks_lie_in_the_chips_own_regions() {
    let folder = tempfile::tempdir().unwrap();
    let file = trace(folder.path(), |writer| {
        writer.event(1, Owner(1), &allocate(0, 0x3FC8_8040, 1000), &[]);
    });
    for chip in esparto_chips::CHIPS {
        let report = json(&["run", chip.name, text(&file), "--json"], 0);
        let regions: Vec<_> = chip.data_regions(0).collect();
        let shown = report["regions"].as_array().unwrap();
        assert_eq!(shown.len(), regions.len(), "{}", chip.name);
        for region in shown {
            let is_its = |piece: &&esparto_chips::DataRegion| {
                region["start_addr"] == piece.range.start_addr()
                    && region["size_bytes"] == piece.range.len_bytes()
                    && region["caps"] == piece.caps.to_string()
            };
            assert!(regions.iter().find(is_its).is_some(), "{}: {region:#}", chip.name);
        }
        let addr = report["leaks"][0]["oldest_addr"].as_u64().unwrap() as u32;
        let home = chip.region_at(addr).expect("the block lies in a region");
        assert!(home.caps.contains(Caps::INTERNAL), "{}", chip.name);
    }
}

#[test]
fn the_first_failure_carries_the_heaps_reason() {
    let folder = tempfile::tempdir().unwrap();
    let file = trace(folder.path(), |writer| {
        for block in 0..40 {
            let event = allocate(0, 0x3FC8_8040 + block * 0x10000, 20_000);
            writer.event(block as u32, Owner(1), &event, &[0x4200_0010]);
        }
        // What could not be had here is not there to be freed.
        let last = 0x3FC8_8040 + 39 * 0x10000;
        writer.event(50, Owner(1), &deallocate(0, last, 20_000), &[]);
    });
    let report = json(&["run", "esp32c3", text(&file), "--json"], 0);
    let first = &report["failures"][0];
    let reason = first["reason"].as_str().unwrap();
    assert!(reason.starts_with("20000 bytes aligned to 4 asked for: "), "{reason}");
    assert!(reason.contains("the largest block is"), "{reason}");
    assert_eq!(first["site"], "0x42000010");
    // The same by arithmetic: a failure, and not one block too early.
    let size: u64 = report["regions"][0]["size_bytes"].as_u64().unwrap();
    let first_event = first["event_count"].as_u64().unwrap();
    assert!((first_event - 1) * 20_000 <= size && first_event * 20_000 > size - 1024, "{first:#}");
    assert_eq!(report["problems"], Value::Array(Vec::new()));
}

#[test]
fn external_requests_need_psram() {
    let folder = tempfile::tempdir().unwrap();
    let file = trace(folder.path(), |writer| {
        writer.event(1, Owner(1), &allocate(1, 0x3C00_0040, 100_000), &[]);
    });
    let without = json(&["run", "esp32s3", text(&file), "--json"], 0);
    let reason = without["failures"][0]["reason"].as_str().unwrap();
    assert!(reason.starts_with("no region has EXTERNAL"), "{reason}");
    let with = json(&["run", "esp32s3", text(&file), "--psram", "128K", "--json"], 0);
    assert_eq!(with["trace"]["failure_count"], 0);
    assert_eq!(with["leaks"][0]["live_bytes"], 100_000);
    let (code, error) = error(&["run", "esp32c3", text(&file), "--psram", "1M", "--json"]);
    assert_eq!(code, 2);
    assert!(error["what"].as_str().unwrap().contains("no PSRAM"), "{error}");
}

#[test]
fn requests_that_failed_when_recorded_are_asked_again() {
    let folder = tempfile::tempdir().unwrap();
    let file = trace(folder.path(), |writer| {
        writer.event(1, Owner(1), &crate::traces::failure(70_000, Caps::INTERNAL), &[]);
        writer.event(2, Owner(1), &crate::traces::failure(7_000_000, Caps::INTERNAL), &[]);
    });
    let report = json(&["run", "esp32s3", text(&file), "--json"], 0);
    assert_eq!(report["trace"]["allocation_count"], 1);
    assert_eq!(report["trace"]["failure_count"], 1);
    assert_eq!(report["leaks"], Value::Array(Vec::new()));
    assert!(report["notes"].to_string().contains("2 requests failed when the trace was recorded"));
    let reason = report["failures"][0]["reason"].as_str().unwrap();
    assert!(reason.contains("holds more than"), "{reason}");
}

#[test]
fn requests_that_make_no_sense_are_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let file = trace(folder.path(), |writer| {
        writer.event(1, Owner(1), &allocate(0, 0x3FC8_8040, 0), &[]);
        let resize = Event::Resize {
            region: RegionId(0),
            old_addr: 0x3FC8_9000,
            addr: 0x3FC8_9000,
            old_size_bytes: 4,
            size_bytes: 8,
            align_log2: 2,
        };
        writer.event(2, Owner(1), &resize, &[]);
        writer.event(3, Owner(1), &deallocate(0, 0x3FC8_9000, 8), &[]);
    });
    let report = json(&["run", "esp32s3", text(&file), "--json"], 0);
    assert_eq!(report["trace"]["event_count"], 0);
    assert!(report["notes"].to_string().contains("1 requests of size 0"));
}

#[test]
fn unknown_names_and_bad_traces_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = trace(folder.path(), |_| {});
    let (code, unknown) = error(&["run", "esp32s9", text(&file), "--json"]);
    assert_eq!(code, 1);
    assert!(unknown["what"].as_str().unwrap().contains("esp32s9"), "{unknown}");

    for heap in ["tlsf", "linked-list:worst", "linked-list:best:best", "heap_3", "heap_4:best", ""]
    {
        let output = crate::traces::esparto(&["run", "esp32s3", text(&file), "--heap", heap]);
        assert_eq!(output.status.code(), Some(2), "{heap:?}");
        assert!(!output.stderr.is_empty());
    }
    let foreign = save(folder.path(), "foreign.trace", b"no trace at all");
    let (code, error) = error(&["run", "esp32s3", text(&foreign), "--json"]);
    assert_eq!((code, &error["file"]), (1, &text(&foreign).into()));
    let empty = json(&["run", "esp32s3", text(&file), "--json"], 0);
    assert_eq!(empty["trace"]["event_count"], 0);
}

#[test]
fn damaged_traces_never_break_the_replay() {
    let folder = tempfile::tempdir().unwrap();
    let whole = Oracle::random(400, 31).encode();
    for at in (0..whole.len()).step_by(whole.len() / 20) {
        let mut flipped = whole.clone();
        flipped[at] ^= 1 << (at % 8);
        for bytes in [&whole[..at], &flipped[..]] {
            let file = save(folder.path(), "damaged.trace", bytes);
            for chip in ["esp32s3", "recorded"] {
                let args = ["run", chip, text(&file), "--lenient", "--json"];
                let code = crate::traces::esparto(&args).status.code();
                assert!(matches!(code, Some(0 | 1)), "at {at} on {chip}: {code:?}");
            }
        }
    }
}
