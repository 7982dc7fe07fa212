//! `esparto run --tiers`: pools in front of the heap against the heap alone, on recorded traces.

use std::path::Path;

use clap::Parser;
use esparto_cli::{Cli, execute};

fn run(trace: &str, more: &[&str]) -> (serde_json::Value, String, bool) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../traces").join(trace);
    let path = path.to_str().unwrap();
    let args = ["esparto", "--json", "run", "recorded", path].into_iter();
    let args = args.chain(more.iter().copied());
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let exit = execute(&Cli::parse_from(args), &mut out, &mut err);
    let is_done = format!("{exit:?}") == "Done";
    let value = serde_json::from_slice(&out).unwrap_or_default();
    (value, String::from_utf8(err).unwrap(), is_done)
}

#[test]
fn tiers_serve_what_fits_them_and_keep_the_heap_whole() {
    let (found, error, is_done) = run("telemetry.trace", &["--tiers", "fit", "--room", "150"]);
    assert!(is_done, "{error}");
    let (alone, tiers) = (&found["heap_alone"], &found["with_tiers"]);
    assert_eq!(found["room_bytes"].as_u64(), Some(found["peak_bytes"].as_u64().unwrap() * 3 / 2));
    assert_eq!(
        (alone["pooled_count"].as_u64(), alone["failure_count"].as_u64()),
        (Some(0), Some(0))
    );
    assert!(tiers["pooled_count"].as_u64() > Some(1000), "{found}");
    let percent = |it: &serde_json::Value| it["mean_fragmentation_percent"].as_f64().unwrap();
    let reduction = 100.0 - 100.0 * percent(tiers) / percent(alone);
    assert!((reduction - found["reduction_percent"].as_f64().unwrap()).abs() < 1e-9);
    assert!(reduction > 50.0, "{found}");
}

#[test]
fn no_classes_are_the_heap_alone() {
    let more = ["--tiers", "64x0", "--room", "150", "--heap", "heap_4"];
    let (found, error, is_done) = run("server.trace", &more);
    assert!(is_done, "{error}");
    let percent = |it: &serde_json::Value| it["worst_fragmentation_percent"].as_u64();
    assert_eq!(found["with_tiers"]["pooled_count"].as_u64(), Some(0));
    assert_eq!(percent(&found["heap_alone"]), percent(&found["with_tiers"]));
}

#[test]
fn what_cannot_be_is_refused_with_a_mend() {
    let (_, error, is_done) = run("json.trace", &["--tiers", "4096x1000", "--room", "150"]);
    assert!(
        !is_done && error.contains("no memory for class") && error.contains("more room"),
        "{error}"
    );
    let (_, error, is_done) = run("json.trace", &["--tiers", "fit"]);
    assert!(!is_done && error.contains("--room"), "{error}");
    for wrong in ["64", "64x", "x4", "a,b", "1x1,1x1,1x1,1x1,1x1"] {
        let args = ["esparto", "run", "recorded", "x.trace", "--tiers", wrong];
        assert!(Cli::try_parse_from(args).is_err(), "{wrong}");
    }
}

#[test]
fn a_report_tells_of_pools_and_of_health() {
    use esparto::PoolEvent;
    use esparto_trace::{Encoder, Figures, Header, Health, Name};

    let mut bytes = Vec::new();
    let mut encoder =
        Encoder::<_, 512>::new(|block: &[u8]| bytes.extend(block), &Header::default(), []);
    let start_addr = 0x3fc9_0000;
    encoder.pool(1, &PoolEvent::SetUp { start_addr, block_bytes: 64, block_count: 100 });
    for block in 0..5 {
        encoder.pool(2, &PoolEvent::Take { addr: start_addr + block * 64, size_bytes: 40 });
    }
    for block in 0..3 {
        encoder.pool(3, &PoolEvent::Give { addr: start_addr + block * 64 });
    }
    encoder.pool(4, &PoolEvent::Refused { addr: start_addr + 1 });
    // Of no pool that is known.
    encoder.pool(4, &PoolEvent::Take { addr: start_addr + 6400, size_bytes: 40 });
    for unused_bytes in [900, 500] {
        let figures = Figures::Stack { usable_bytes: 1000, unused_bytes, is_breached: false };
        encoder.health_record(5, &Health { name: Name::new("control"), figures });
    }
    encoder.finish();

    let path = std::env::temp_dir().join(format!("esparto-pools-{}.trace", std::process::id()));
    std::fs::write(&path, &bytes).unwrap();
    let args = ["esparto", "--json", "report", path.to_str().unwrap()];
    let (mut out, mut err) = (Vec::new(), Vec::new());
    execute(&Cli::parse_from(args), &mut out, &mut err);
    std::fs::remove_file(&path).unwrap();
    let found: serde_json::Value = serde_json::from_slice(&out)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&err)));
    let notes: Vec<_> =
        found["notes"].as_array().unwrap().iter().map(|it| it.as_str().unwrap()).collect();
    assert!(notes.contains(&"Pool of 100 blocks of 64 bytes at 0x3fc90000: 5 taken, 3 given back, at most 5 in use, 1 frees refused."), "{notes:?}");
    assert!(
        notes.contains(&"Health at last: stack control: 500 of 1000 bytes never used."),
        "{notes:?}"
    );
}
