//! `esparto report`, run as a user runs it, held against an oracle.

use std::collections::BTreeMap;

use crate::traces::{
    BOOKKEEPING_BYTES, Oracle, Totals, Writer, allocate, deallocate, encode, error, esparto,
    failure, json, regions, save,
};
use esparto::{Caps, Event, Owner, RegionId};
use esparto_trace::{LoadTicks, OverlayEvent, RegionSnapshot};
use object::{Object, ObjectSymbol};
use serde_json::Value;

fn text(path: &std::path::Path) -> &str {
    path.to_str().expect("a path of text")
}

/// The lines of a list of the report, as totals by key.
fn totals_by(lines: &Value, key: impl Fn(&Value) -> String) -> BTreeMap<String, Totals> {
    let lines = lines.as_array().expect("a list");
    let totals = lines.iter().map(|line| {
        let figure = |name: &str| line[name].as_u64().expect(name);
        let totals = Totals {
            allocations: figure("allocation_count"),
            allocated: figure("allocated_bytes"),
            live: figure("live_bytes"),
            count: figure("live_count"),
            peak: figure("peak_bytes"),
            failures: figure("failure_count"),
        };
        (key(line), totals)
    });
    totals.collect()
}

fn named<K: std::fmt::Display + Ord>(
    totals: &BTreeMap<K, Totals>,
    name: impl Fn(&K) -> String,
) -> BTreeMap<String, Totals> {
    totals.iter().map(|(key, totals)| (name(key), *totals)).collect()
}

#[test]
fn figures_agree_with_the_oracle() {
    let folder = tempfile::tempdir().unwrap();
    for (count, seed) in [(1, 1), (50, 2), (4000, 3)] {
        let oracle = Oracle::random(count, seed);
        let trace = save(folder.path(), "random.trace", &oracle.encode());
        let report = json(&["report", text(&trace), "--json"], 0);

        assert_eq!(report["schema"], "esparto-report/1");
        assert_eq!(report["trace"]["chip"], "esp32s3");
        assert_eq!(report["trace"]["build_id"], "abcd");
        assert_eq!(report["trace"]["event_count"], oracle.events.len());
        assert_eq!(report["problems"], Value::Array(Vec::new()));
        for definition in regions() {
            let shown = &report["regions"][definition.id.index()];
            let expected = oracle.by_region.get(&definition.id.0).copied().unwrap_or_default();
            assert_eq!(shown["name"], definition.name.as_str());
            assert_eq!(shown["live_bytes"], expected.live);
            assert_eq!(shown["live_count"], expected.count);
            assert_eq!(shown["peak_bytes"], expected.peak);
            assert_eq!(shown["allocation_count"], expected.allocations);
            assert_eq!(shown["failure_count"], expected.failures);
            let free = (definition.size_bytes - BOOKKEEPING_BYTES) as u64 - expected.live;
            assert_eq!(shown["free_bytes"], free);
            let gap = (oracle.largest_gap(&definition) as u64).min(free);
            assert_eq!(shown["largest_free_bytes"], gap);
            let series = &report["timeline"]["regions"][definition.id.index()];
            let most = series["live_max_bytes"].as_array().unwrap().iter();
            assert_eq!(most.map(|bytes| bytes.as_u64().unwrap()).max(), Some(expected.peak));
            let gaps = series["largest_gap_bytes"].as_array().unwrap();
            assert_eq!(gaps.last().unwrap(), gap);
        }
        let owners = totals_by(&report["owners"], |line| line["owner"].to_string());
        assert_eq!(owners, named(&oracle.by_owner, ToString::to_string));
        let sites = totals_by(&report["sites"], |line| line["name"].as_str().unwrap().to_owned());
        assert_eq!(sites, named(&oracle.by_site, |site| format!("{site:#010x}")));
        // Sizes are many; those listed must be the largest, and right.
        let sizes = totals_by(&report["sizes"], |line| line["size_bytes"].to_string());
        let expected = named(&oracle.by_size, ToString::to_string);
        for (size, totals) in &sizes {
            let expected = Totals { allocated: totals.allocated, ..expected[size] };
            assert_eq!(*totals, expected, "size {size}");
        }
        let leaked: u64 = report["leaks"]
            .as_array()
            .unwrap()
            .iter()
            .map(|leak| leak["live_bytes"].as_u64().unwrap())
            .sum();
        assert_eq!(leaked, oracle.live.values().map(|known| known.size as u64).sum::<u64>());
    }
}

#[test]
fn the_page_is_self_contained_and_its_data_holds_every_live_block() {
    let folder = tempfile::tempdir().unwrap();
    let oracle = Oracle::random(3000, 7);
    let trace = save(folder.path(), "page.trace", &oracle.encode());
    let page_file = folder.path().join("page.html");
    let shown = esparto(&["report", text(&trace), "--html", text(&page_file)]);
    assert_eq!(shown.status.code(), Some(0), "{shown:?}");
    assert!(String::from_utf8(shown.stdout).unwrap().contains(text(&page_file)));

    let page = std::fs::read_to_string(&page_file).unwrap();
    let (_, after) = page.split_once("type=\"application/json\">").expect("data in the page");
    let (data, _) = after.split_once("</script>").expect("an end of the data");
    let markup = page.replace(data, "");
    for loads in ["src=", "<link", "@import", "url(", "fetch(", "XMLHttpRequest", "import("] {
        assert!(!markup.contains(loads), "the page has {loads}");
    }
    assert!(!data.contains('<'));
    let data: Value = serde_json::from_str(data).expect("the data of the page is JSON");
    assert_eq!(data["summary"], json(&["report", text(&trace), "--json"], 0));

    let map = &data["map"];
    let column = |name: &str| -> Vec<u64> {
        map[name].as_array().expect(name).iter().map(|value| value.as_u64().unwrap()).collect()
    };
    let (region, offset, size, first, end) =
        (column("region"), column("offset"), column("size"), column("first"), column("end"));
    let frames = column("event_count");
    // Every frame shows exactly the blocks that are live after its events.
    for (frame, events) in frames
        .iter()
        .enumerate()
        .step_by(101)
        .chain([(frames.len() - 1, &frames[frames.len() - 1])])
    {
        let mut replayed = Oracle::default();
        for (now, owner, event, site) in oracle.events.iter().take(*events as usize) {
            replayed.push(*now, owner.0, *event, *site);
        }
        let expected: Vec<_> =
            replayed.live.iter().map(|(addr, known)| (*addr as u64, known.size as u64)).collect();
        let mut on_map: Vec<_> = (0..first.len())
            .filter(|&block| first[block] <= frame as u64 && (frame as u64) < end[block])
            .map(|block| {
                (regions()[region[block] as usize].start_addr as u64 + offset[block], size[block])
            })
            .collect();
        on_map.sort_unstable();
        assert_eq!(on_map, expected, "frame {frame} after {events} events");
    }
}

fn snapshot(region: u8, free: usize, live: usize, live_count: usize) -> RegionSnapshot {
    RegionSnapshot {
        region: RegionId(region),
        is_last: true,
        free_bytes: free,
        live_bytes: live,
        bookkeeping_bytes: BOOKKEEPING_BYTES,
        peak_bytes: live,
        live_count,
        free_count: 1,
        largest_free_bytes: free,
        failure_count: 0,
    }
}

/// Writes the trace, and returns the report's JSON. The exit code must be `code`.
fn report(code: i32, fill: impl FnOnce(&mut Writer<'_>)) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let trace = save(folder.path(), "one.trace", &encode(&regions(), fill));
    json(&["report", text(&trace), "--json"], code)
}

const START: usize = 0x3FC8_8000;

#[test]
fn a_snapshot_that_adds_up_gives_the_exact_figures() {
    let size = 64 << 10;
    let report = report(0, |writer| {
        writer.event(1, Owner(0), &allocate(0, START + 32, 100), &[]);
        writer.region_snapshot(2, &snapshot(0, size - 32 - 104, 104, 1));
    });
    assert_eq!(report["problems"], Value::Array(Vec::new()));
    assert_eq!(report["regions"][0]["is_exact"], true);
    assert_eq!(report["regions"][0]["free_bytes"], size - 32 - 104);
    assert_eq!(report["regions"][1]["is_exact"], false);
}

#[test]
fn an_account_that_does_not_add_up_is_an_error() {
    let size = 64 << 10;
    for (free, live, count, told) in [
        (size - 32 - 105, 104, 1, "has 65536"),
        (size - 32 - 104, 104, 2, "counts 2 live blocks, the events 1"),
        (size - 32 - 96, 96, 1, "counts 96 live bytes, the events asked for 100"),
    ] {
        let report = report(1, |writer| {
            writer.event(1, Owner(0), &allocate(0, START + 32, 100), &[]);
            writer.region_snapshot(2, &snapshot(0, free, live, count));
        });
        assert_eq!(report["problems"][0]["kind"], "account");
        let what = report["problems"][0]["what"].as_str().unwrap();
        assert!(what.contains(told), "{what}");
    }
}

#[test]
fn events_that_contradict_one_another_are_errors() {
    for (events, kind) in [
        (vec![allocate(0, START + 64, 8), allocate(0, START + 64, 8)], "overlap"),
        (vec![allocate(0, START + 64, 80), allocate(0, START + 96, 8)], "overlap"),
        (vec![deallocate(0, START + 64, 8)], "unmatched_free"),
        (vec![allocate(0, START + 64, 8), deallocate(0, START + 64, 12)], "size_mismatch"),
        (vec![allocate(0, START - 4, 8)], "outside_region"),
        (vec![allocate(0, START + (64 << 10) - 4, 8)], "outside_region"),
    ] {
        let report = report(1, |writer| {
            for event in &events {
                writer.event(1, Owner(0), event, &[]);
            }
        });
        assert_eq!(report["problems"][0]["kind"], kind, "{events:?}");
    }
}

#[test]
fn losses_are_said_plainly_and_excuse_unmatched_frees() {
    let report = report(0, |writer| {
        writer.event(1, Owner(0), &allocate(0, START + 64, 8), &[]);
        writer.lost(2, 41);
        writer.event(3, Owner(0), &deallocate(0, START + 640, 8), &[]);
    });
    assert_eq!(report["trace"]["lost_count"], 41);
    assert_eq!(report["losses"][0]["lost_count"], 41);
    assert_eq!(report["problems"][0]["kind"], "unmatched_free");
    assert!(report["notes"].to_string().contains("41 events were lost"));
}

#[test]
fn failures_and_marks_say_when_and_why() {
    let report = report(0, |writer| {
        writer.define_mark(3, "decode");
        writer.event(10, Owner(0), &allocate(0, START + 32, 60_000), &[]);
        writer.event(20, Owner(2), &Event::Mark { id: 3 }, &[]);
        writer.event(30, Owner(2), &failure(9000, Caps::INTERNAL), &[0x4200_0040]);
        writer.event(40, Owner(2), &failure(64, Caps::RTC), &[]);
    });
    assert_eq!(report["marks"][0]["name"], "decode");
    let first = &report["failures"][0];
    assert_eq!((&first["size_bytes"], &first["time_ticks"]), (&9000.into(), &30.into()));
    assert_eq!(first["largest_gap_bytes"], 65536 - 60_000 - 32);
    assert_eq!(first["site"], "0x42000040");
    assert_eq!(first["reason"], "5504 bytes free, the longest gap is 5504 in sram");
    assert_eq!(report["failures"][1]["reason"], "no region has RTC");
    assert_eq!(report["regions"][0]["failure_count"], 1);
    assert_eq!(report["regions"][1]["failure_count"], 0);
}

const ASKS: &str = concat!(module_path!(), "::asks_for_memory");

#[inline(never)]
fn asks_for_memory(size: usize) -> Vec<u8> {
    std::hint::black_box(Vec::with_capacity(size))
}

#[test]
fn the_site_is_the_first_frame_outside_of_the_plumbing() {
    let folder = tempfile::tempdir().unwrap();
    assert!(asks_for_memory(3).capacity() >= 3);
    let elf = std::env::current_exe().unwrap();
    let bytes = std::fs::read(&elf).unwrap();
    let file = object::File::parse(bytes.as_slice()).unwrap();
    // The return address of a call is somewhere inside the caller.
    let inside = |part: &str| {
        let demangled = |name: &str| format!("{:#}", rustc_demangle::demangle(name));
        let symbol = file
            .symbols()
            .filter(|symbol| symbol.size() > 2)
            .find(|symbol| symbol.name().is_ok_and(|name| demangled(name).starts_with(part)))
            .unwrap_or_else(|| panic!("no function {part}"));
        symbol.address() as usize + 1
    };
    let stack = [inside("alloc::"), inside(ASKS)];
    let trace = encode(&regions(), |writer| {
        writer.event(1, Owner(0), &allocate(0, START + 32, 100), &stack);
    });
    let trace = save(folder.path(), "sites.trace", &trace);
    let report = json(&["report", text(&trace), "--elf", text(&elf), "--json"], 0);
    let site = &report["sites"][0];
    assert_eq!(site["name"], ASKS, "{report:#}");
    assert!(site["location"].as_str().unwrap().contains("tests/report.rs:"));
    assert_eq!(report["leaks"][0]["site"], ASKS);
    assert!(report["leaks"][0]["stack"].as_array().unwrap().len() >= 2);
    // The build id of the trace is not that of this test.
    assert!(report["notes"].to_string().contains("another build id"));
}

#[test]
fn what_is_no_trace_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let empty = save(folder.path(), "empty.trace", b"");
    let foreign = save(folder.path(), "foreign.trace", b"\x7fELF and so on, and so on, and on");
    for (path, told) in [(&empty, "stops after 0 of the"), (&foreign, "not an Esparto trace")] {
        let (code, error) = error(&["report", text(path), "--json"]);
        assert_eq!(code, 1);
        assert!(error["what"].as_str().unwrap().contains(told), "{error}");
        assert_eq!(error["file"], text(path));
        assert!(error["mend"].is_string() && error["offset_bytes"].is_u64(), "{error}");
    }
    for missing in [folder.path().join("missing.trace"), folder.path().to_owned()] {
        let (code, error) = error(&["report", text(&missing), "--json"]);
        assert_eq!((code, error["exit_code"].as_u64()), (3, Some(3)));
        assert_eq!(error["file"], text(&missing));
    }
    let sound = save(folder.path(), "sound.trace", &Oracle::random(10, 1).encode());
    let (code, error) = error(&["report", text(&sound), "--elf", text(&foreign), "--json"]);
    assert_eq!((code, &error["file"]), (1, &text(&foreign).into()));
    assert!(error["what"].as_str().unwrap().contains("not an ELF file"), "{error}");
    let nowhere = folder.path().join("no/such/folder.html");
    let (code, error) =
        crate::traces::error(&["report", text(&sound), "--html", text(&nowhere), "--json"]);
    assert_eq!((code, &error["file"]), (3, &text(&nowhere).into()));
}

#[test]
fn damage_is_named_and_can_be_read_around() {
    let folder = tempfile::tempdir().unwrap();
    let whole = Oracle::random(400, 11).encode();
    let mut lenient_count = 0;
    for at in (0..whole.len()).step_by(whole.len() / 24) {
        let mut flipped = whole.clone();
        flipped[at] ^= 1 << (at % 8);
        for (bytes, name) in [(&whole[..at], "cut"), (&flipped[..], "flipped")] {
            let path = save(folder.path(), name, bytes);
            let (code, error) = error(&["report", text(&path), "--json"]);
            assert_eq!(code, 1, "{name} at {at}");
            assert!(!error["what"].as_str().unwrap().is_empty(), "{name} at {at}");
            assert!(error["offset_bytes"].as_u64().unwrap() <= whole.len() as u64);
            let output = esparto(&["report", text(&path), "--lenient", "--json"]);
            // Without its header nothing can be read; beyond it, everything that is whole can.
            if output.status.code() == Some(0) {
                let report: Value = serde_json::from_slice(&output.stdout).unwrap();
                assert!(!report["notes"].as_array().unwrap().is_empty(), "{name} at {at}");
                assert!(report["trace"]["event_count"].as_u64().unwrap() <= 400);
                lenient_count += 1;
            } else {
                assert_eq!(output.status.code(), Some(1), "{name} at {at}: {output:?}");
            }
        }
    }
    assert!(lenient_count > 20, "{lenient_count} damaged traces could be read around");
}

#[test]
fn the_help_documents_the_fields_and_the_exit_codes() {
    let help = String::from_utf8(esparto(&["report", "--help"]).stdout).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let trace = save(folder.path(), "one.trace", &Oracle::random(100, 5).encode());
    let report = json(&["report", text(&trace), "--json"], 0);
    for list in ["trace", "regions", "owners", "sizes", "sites", "leaks", "failures", "timeline"] {
        assert!(help.contains(list), "the help does not name {list}");
        let first = if report[list].is_array() { &report[list][0] } else { &report[list] };
        for field in first.as_object().into_iter().flatten().map(|(name, _)| name) {
            assert!(help.contains(field.as_str()), "the help does not name {list}.{field}");
        }
    }
    assert!(help.contains("Exit codes"));
}

#[test]
fn overlays_are_drawn_over_time_and_added_up() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = encode(&regions(), |writer| {
        let ticks = |read| LoadTicks { read, verify: 20, copy: 30, sync: 1, construct: 5 };
        let loaded = |overlay, is_return| OverlayEvent::Loaded {
            overlay,
            slot: 0,
            is_return,
            code_bytes: 4000,
            read_bytes: 4096,
            ticks: ticks(1000),
        };
        writer.define_overlay(0, "decode");
        writer.define_overlay(1, "report");
        writer.event(0, Owner(1), &Event::Mark { id: 1 }, &[]);
        writer.overlay(100, &loaded(0, false));
        writer.overlay(1000, &OverlayEvent::Hit { overlay: 0 });
        writer.overlay(5000, &OverlayEvent::Evicted { overlay: 0, slot: 0 });
        writer.overlay(5100, &loaded(1, false));
        writer.overlay(7000, &OverlayEvent::Evicted { overlay: 1, slot: 0 });
        writer.overlay(7100, &loaded(0, true));
        writer.overlay(8000, &OverlayEvent::Refused { overlay: 1 });
        writer.event(10_000, Owner(1), &Event::Mark { id: 1 }, &[]);
    });
    let trace = save(folder.path(), "overlays.trace", &bytes);
    let report = json(&["report", text(&trace), "--json"], 0);
    let decode = &report["overlays"][0];
    let figures = ["load_count", "return_count", "hit_count", "eviction_count", "read_bytes"];
    let figures = figures.map(|name| decode[name].as_u64().unwrap());
    assert_eq!((decode["name"].as_str(), figures), (Some("decode"), [2, 1, 1, 1, 8192]));
    assert_eq!(decode["phases"]["read_ticks"], 2000);
    assert_eq!(decode["stay_ticks"], 4900 + 2900);
    assert_eq!(report["overlays"][1]["refused_count"], 1);
    let stays = report["slots"][0]["stays"].as_array().unwrap();
    let ends = stays.iter().map(|stay| stay["end_ticks"].as_u64().unwrap());
    assert_eq!(ends.collect::<Vec<_>>(), [5000, 7000, 10_000]);

    let page = folder.path().join("page.html");
    let shown = esparto(&["report", text(&trace), "--html", text(&page)]);
    let shown = String::from_utf8(shown.stdout).unwrap();
    let line = shown.lines().find(|line| line.trim_start().starts_with("slot 0")).expect(&shown);
    assert!(line.contains("aaa") && line.contains("bbb"), "{line}");
    let page = std::fs::read_to_string(page).unwrap();
    assert!(page.contains("<h2>Overlays</h2>") && page.matches("<rect").count() >= 3);
}
