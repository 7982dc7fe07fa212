//! `esparto map` on a firmware in the manner of ESP-IDF: every byte counted once.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::Parser;
use esparto_chips::{Kind, Role};
use esparto_cli::{Cli, Exit, execute};
use serde_json::Value;

const SOURCES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/map");

fn build(dir: &Path, name: &str, flags: &[&str]) -> PathBuf {
    let elf = dir.join(name);
    let mut command = Command::new("riscv64-unknown-elf-gcc");
    command.args(["-march=rv32imc", "-mabi=ilp32", "-g", "-Os", "-ffunction-sections"]);
    command.args(["-nostdlib", "-Wl,--emit-relocs", "-T"]).arg(Path::new(SOURCES).join("c3.ld"));
    command.args(flags).arg(Path::new(SOURCES).join("firmware.c")).arg("-o").arg(&elf);
    let output = command.output().expect("install gcc-riscv64-unknown-elf");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    elf
}

fn esparto(words: &[&str]) -> (Exit, String, String) {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let words = ["esparto"].iter().chain(words);
    let exit = execute(&Cli::parse_from(words), &mut out, &mut err);
    let text = |bytes| String::from_utf8(bytes).expect("output is text");
    (exit, text(out), text(err))
}

fn map(elf: &Path, chip: &str) -> Value {
    let (exit, out, err) = esparto(&["--json", "map", &elf.display().to_string(), "--chip", chip]);
    assert_eq!(exit, Exit::Done, "{err}");
    serde_json::from_str(&out).expect("JSON")
}

fn bytes_of(area: &Value) -> u64 {
    let bytes = area["bytes"].as_object().expect("an object");
    assert_eq!(bytes.len(), 10);
    bytes.values().map(|count| count.as_u64().expect("a number")).sum()
}

#[test]
fn every_byte_of_the_chip_is_counted_once() {
    let dir = tempfile::tempdir().expect("a folder for a while");
    let elf = build(dir.path(), "a.elf", &[]);
    for chip in esparto_chips::CHIPS {
        let map = map(&elf, chip.name);
        let account = &map["account"];
        let psram_window = chip.size_bytes(Kind::Psram);
        let psram = chip.psram.map_or(0, |psram| psram.typical_bytes);
        let memory: u32 = chip
            .regions
            .iter()
            .filter(|region| region.role == Role::Memory)
            .map(|region| region.range.len_bytes())
            .sum();
        let expected = u64::from(memory - psram_window + psram.min(psram_window));
        assert_eq!(account["total"]["len_bytes"], expected, "{}", chip.name);
        assert_eq!(bytes_of(&account["total"]), expected, "{}", chip.name);
        for area in account["areas"].as_array().expect("areas") {
            assert_eq!(bytes_of(area), area["len_bytes"].as_u64().expect("a number"), "{area}");
        }
    }
}

#[test]
fn kinds_memories_and_lines_are_right() {
    let dir = tempfile::tempdir().expect("a folder for a while");
    let elf = build(dir.path(), "a.elf", &[]);
    let map = map(&elf, "esp32c3");
    let areas = map["account"]["areas"].as_array().expect("areas");
    let sram = areas.iter().find(|area| area["name"] == "D/IRAM").expect("the SRAM");
    let of = |kind: &str| sram["bytes"][kind].as_u64().expect("a number");
    // Code at its instruction address is counted in the memory it takes, over the place held free.
    let fast = map["account"]["sections"]
        .as_array()
        .and_then(|sections| sections.iter().find(|section| section["name"] == ".iram0.text"))
        .expect("there");
    assert_eq!(fast["area"], "D/IRAM");
    assert_eq!(of("code"), fast["len_bytes"].as_u64().expect("a number"));
    assert_eq!((of("data"), of("heap"), of("stack")), (400, 0x38000, 0x2000));
    assert!(of("bss") >= 380 && of("unexplained") > 0, "{sram}");
    assert_eq!(of("reserved"), 0x3FCE_0000 - 0x3FCD_E710);
    assert!(areas.iter().any(|area| {
        area["name"].as_str().is_some_and(|name| name.starts_with("flash 0x42"))
            && area["bytes"]["code"].as_u64() > Some(0)
    }));
    let symbols = map["symbols"].as_array().expect("symbols");
    for (name, kind, storage, area, line) in [
        ("global_table", "data", "global", "D/IRAM", "map/firmware.c:2"),
        ("static_buffer", "bss", "static", "D/IRAM", "map/firmware.c:6"),
        ("local_calls.0", "bss", "local-static", "D/IRAM", "map/firmware.c:12"),
        ("message", "constants", "global", "flash 0x3c000020", "map/firmware.c:7"),
        ("fast", "code", "function", "D/IRAM", "map/firmware.c:9"),
        ("slow", "code", "function", "flash 0x42000020", "map/firmware.c:11"),
    ] {
        let symbol = symbols.iter().find(|symbol| symbol["name"] == name);
        let symbol = symbol.unwrap_or_else(|| panic!("{name} in {symbols:?}"));
        let seen = [&symbol["kind"], &symbol["storage"], &symbol["area"], &symbol["location"]];
        assert_eq!(seen, [kind, storage, area, line], "{name}");
    }
}

/// The same source in the manner of ESP-IDF for the ESP32 and of Arduino for the ESP8266.
fn build_xtensa(dir: &Path, script: &str) -> PathBuf {
    let elf = dir.join(script).with_extension("elf");
    let mut command = Command::new("xtensa-lx106-elf-gcc");
    command.args(["-Os", "-g", "-mlongcalls", "-mtext-section-literals", "-nostdlib", "-T"]);
    command.arg(Path::new(SOURCES).join(script)).arg(Path::new(SOURCES).join("esp32.c"));
    let output = command.arg("-o").arg(&elf).output().expect("install gcc-xtensa-lx106");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    elf
}

#[test]
fn xtensa_files_of_esp_idf_and_of_arduino_are_read() {
    let dir = tempfile::tempdir().expect("a folder for a while");
    // Memory, kind, bytes: as the sizes in the source and the scripts say.
    let idf = [
        ("PSRAM", "bss", 5000),
        ("DRAM", "data", 100),
        ("DRAM", "bss", 100),
        ("IRAM", "reserved", 0x10000 + 16),
        ("RTC slow", "data", 32),
        ("RTC slow", "bss", 16),
        ("flash 0x3f400020", "constants", 512),
    ];
    let arduino = [
        ("DRAM", "constants", 512),
        ("DRAM", "data", 132),
        ("DRAM", "bss", 116 + 5000),
        // Sections are aligned: nobody's bytes between them.
        ("DRAM", "unexplained", 0),
    ];
    for (script, chip, expected) in
        [("esp32.ld", "esp32", idf.as_slice()), ("arduino8266.ld", "esp8266", arduino.as_slice())]
    {
        let map = map(&build_xtensa(dir.path(), script), chip);
        let areas = map["account"]["areas"].as_array().expect("areas");
        for area in areas.iter().chain([&map["account"]["total"]]) {
            assert_eq!(bytes_of(area), area["len_bytes"].as_u64().expect("a number"), "{area}");
        }
        for (name, kind, bytes) in expected {
            let area = areas.iter().find(|area| area["name"] == *name);
            let area = area.unwrap_or_else(|| panic!("{name} in {areas:?}"));
            assert_eq!(area["bytes"][kind], *bytes, "{kind} in {name} of {chip}");
        }
        let symbols = map["symbols"].as_array().expect("symbols");
        let fast = symbols.iter().find(|symbol| symbol["name"] == "fast").expect("a function");
        assert_eq!((&fast["area"], &fast["kind"]), (&"IRAM".into(), &"code".into()));
        assert_eq!(fast["location"], "map/esp32.c:7");
    }
}

#[test]
fn what_grew_is_shown() {
    let dir = tempfile::tempdir().expect("a folder for a while");
    let older = build(dir.path(), "a.elf", &[]);
    let newer = build(dir.path(), "b.elf", &["-DBUFFER_BYTES=900"]);
    let (older, newer) = (older.display().to_string(), newer.display().to_string());
    let (exit, out, err) = esparto(&["--json", "map", &older, &newer, "--chip", "esp32c3"]);
    assert_eq!(exit, Exit::Done, "{err}");
    let difference: Value = serde_json::from_str(&out).expect("JSON");
    let bss = &difference["kinds"].as_array().expect("kinds")[3];
    assert_eq!(bss["kind"], "bss");
    let grown =
        bss["new_bytes"].as_u64().zip(bss["old_bytes"].as_u64()).map(|(new, old)| new - old);
    assert_eq!(grown, Some(600));
    assert_eq!(difference["symbols"][0]["name"], "static_buffer");
    assert_eq!(difference["symbols"][0]["new_bytes"], 900);
    let (_, same, _) = esparto(&["map", &older, &older]);
    assert!(same.contains("\n0 symbols changed"), "{same}");
}

#[test]
fn the_page_shows_the_same_and_loads_nothing() {
    let dir = tempfile::tempdir().expect("a folder for a while");
    let elf = build(dir.path(), "a.elf", &[]);
    let page = dir.path().join("map.html");
    let (elf, file) = (elf.display().to_string(), page.display().to_string());
    let (exit, _, err) = esparto(&["map", &elf, "--chip", "esp32c3", "--html", &file]);
    assert_eq!(exit, Exit::Done, "{err}");
    let page = fs::read_to_string(page).expect("written");
    for part in ["global_table", "map/firmware.c:2", "D/IRAM", "393216", "<svg"] {
        assert!(page.contains(part), "{part}");
    }
    assert!(!page.contains("<script") && !page.contains("http"), "nothing is loaded");
}

#[test]
fn what_is_no_firmware_is_named() {
    let own = std::env::current_exe().expect("the test is a file").display().to_string();
    let (exit, _, err) = esparto(&["map", &own, "--chip", "esp32c3"]);
    assert_eq!(exit, Exit::BadInput);
    assert!(err.contains("64 bits") && err.contains("mend:"), "{err}");
    let (exit, _, err) = esparto(&["map", "gone.elf"]);
    assert_eq!(exit, Exit::Io, "{err}");
    let (exit, _, err) = esparto(&["map", &own, "--chip", "esp32c9"]);
    assert_eq!(exit, Exit::BadInput);
    assert!(err.contains("known"), "{err}");
}
