//! `esparto chips`, run as a user runs it, held against the maps themselves.

use std::process::{Command, Output};

use esparto::Caps;
use esparto_chips::{CHIPS, Chip, WordOrder};
use serde_json::{Value, json};

fn esparto(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_esparto")).args(args).output().expect("the binary runs")
}

fn stdout_of(args: &[&str]) -> String {
    let output = esparto(args);
    assert_eq!(output.status.code(), Some(0), "{args:?}: {output:?}");
    assert!(output.stderr.is_empty(), "{args:?}: {output:?}");
    String::from_utf8(output.stdout).expect("UTF-8")
}

fn json_of(args: &[&str]) -> Value {
    serde_json::from_str(&stdout_of(args)).expect("JSON")
}

fn holds_the_chip(page: &Value, chip: &Chip) {
    assert_eq!(page["name"], chip.name);
    assert_eq!(page["title"], chip.title);
    assert_eq!(page["isa"], json!({ "value": chip.isa.value.name(), "source": chip.isa.source }));
    assert_eq!(page["core_count"]["value"], chip.core_count.value);
    assert_eq!(page["atomics"]["value"], chip.atomics.value.name());
    assert_eq!(page["memory_protection"]["value"], json!(chip.protection.value.map(|p| p.name())));
    assert_eq!(page["mmu_page_bytes"]["value"], json!(chip.mmu_page_bytes.map(|p| p.value)));

    let caches = page["caches"].as_array().expect("a list");
    assert_eq!(caches.len(), chip.caches.len());
    for (shown, cache) in caches.iter().zip(chip.caches) {
        assert_eq!(shown["line_bytes"], json!(cache.line_bytes));
    }

    assert_eq!(page["dma"].as_array().map(Vec::len), chip.dma.map(<[_]>::len));
    for (index, dma) in chip.dma.unwrap_or_default().iter().enumerate() {
        assert_eq!(page["dma"][index]["value"]["start_addr"], dma.value.start_addr());
        assert_eq!(page["dma"][index]["value"]["end_addr"], dma.value.end_addr());
    }

    let regions = page["regions"].as_array().expect("a list");
    assert_eq!(regions.len(), chip.regions.len());
    for (shown, region) in regions.iter().zip(chip.regions) {
        assert_eq!(shown["name"], region.name);
        assert_eq!(shown["bus"], region.bus.name());
        assert_eq!(shown["kind"], region.kind.name());
        assert_eq!(shown["role"], region.role.name());
        assert_eq!(shown["start_addr"], region.range.start_addr());
        assert_eq!(shown["end_addr"], region.range.end_addr());
        assert_eq!(shown["len_bytes"], region.range.len_bytes());
        assert_eq!(shown["word_only"], region.caps.is_word_only());
        assert_eq!(shown["source"], region.source);
        let names = shown["caps"].as_array().expect("a list").iter();
        let caps = names.map(|name| {
            Caps::from_name(name.as_str().expect("a string")).expect("the name of a capability")
        });
        assert_eq!(caps.fold(Caps::empty(), Caps::union), region.caps);
        assert_eq!(shown["alias"]["start_addr"], json!(region.alias.map(|a| a.start_addr)));
        let order = region.alias.map(|alias| match alias.order {
            WordOrder::Same => "same",
            WordOrder::Inverted => "inverted",
        });
        assert_eq!(shown["alias"]["word_order"], json!(order));
        let reserved = shown["reserved"].as_array().expect("a list");
        assert_eq!(reserved.len(), region.reserved.len());
        for (shown, reserved) in reserved.iter().zip(region.reserved) {
            assert_eq!(shown["start_addr"], reserved.range.start_addr());
            assert_eq!(shown["end_addr"], reserved.range.end_addr());
        }
    }

    assert_eq!(page["psram"].is_null(), chip.psram.is_none());
    if let Some(psram) = chip.psram {
        assert_eq!(page["psram"]["sizes_bytes"], json!(psram.sizes_bytes));
        assert_eq!(page["psram"]["executes"]["value"], psram.executes.value);
        assert_eq!(page["psram"]["atomics"]["value"], json!(psram.atomics.value));
    }

    let typical_bytes = chip.psram.map_or(0, |psram| psram.typical_bytes);
    let starts: Vec<_> = chip.data_regions(typical_bytes).map(|p| p.range.start_addr()).collect();
    let shown = page["data_regions"].as_array().expect("a list");
    let shown: Vec<_> = shown.iter().map(|piece| piece["start_addr"].clone()).collect();
    assert_eq!(json!(shown), json!(starts));

    let rules: Vec<_> = chip.rules().map(|rule| rule.name()).collect();
    let shown = page["rules"].as_array().expect("a list").iter();
    assert_eq!(shown.map(|rule| rule["name"].clone()).collect::<Vec<_>>(), rules);
}

#[test]
fn json_of_one_chip_is_its_map() {
    for chip in CHIPS {
        holds_the_chip(&json_of(&["chips", chip.title, "--json"]), chip);
    }
}

#[test]
fn json_of_all_chips_holds_every_map() {
    let list = json_of(&["--json", "chips"]);
    let pages = list["chips"].as_array().expect("a list");
    assert_eq!(pages.len(), CHIPS.len());
    for (page, chip) in pages.iter().zip(CHIPS) {
        holds_the_chip(page, chip);
    }
}

#[test]
fn the_table_has_a_line_for_every_chip() {
    let table = stdout_of(&["chips"]);
    for chip in CHIPS {
        let mut lines = table.lines().filter(|line| line.split(' ').next() == Some(chip.name));
        let line = lines.next().expect("a line for the chip");
        assert!(line.contains(chip.isa.value.name()), "{line}");
        assert_eq!(lines.next(), None);
    }
}

#[test]
fn the_page_of_a_chip_shows_regions_aliases_and_rules() {
    for chip in CHIPS {
        let page = stdout_of(&["chips", chip.name]);
        for region in chip.regions {
            let mut lines = page.lines().filter(|line| line.contains(&region.range.to_string()));
            assert!(lines.any(|line| line.contains(region.name)), "{}\n{page}", region.name);
            assert!(page.contains(region.source), "{}", region.source);
        }
        // Running text is wrapped, so its words are compared.
        let words = page.split_whitespace().collect::<Vec<_>>().join(" ");
        for text in chip.rules().map(|rule| rule.text_for(chip)) {
            assert!(words.contains(text), "{text}\n{page}");
        }
        for note in chip.notes {
            assert!(words.contains(note.value), "{}\n{page}", note.value);
        }
        assert!(page.lines().all(|line| line == line.trim_end()), "{page}");
    }
    assert!(stdout_of(&["chips", "esp32"]).contains("words in reverse order"));
    assert!(stdout_of(&["chips", "esp32s3"]).contains("+ 0x006f0000"));
}

#[test]
fn an_unknown_chip_names_the_nearest_and_the_mend() {
    let output = esparto(&["chips", "esp32-s33"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty());
    let message = String::from_utf8(output.stderr).expect("UTF-8");
    assert!(message.contains("unknown chip \"esp32-s33\" (did you mean esp32s3?)"), "{message}");
    assert!(message.contains("mend: write esp32s3"), "{message}");
    for chip in CHIPS {
        assert!(message.contains(chip.name), "{message}");
    }
}

#[test]
fn an_unknown_chip_is_json_when_json_is_asked() {
    let output = esparto(&["chips", "z80", "--json"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty());
    let failure: Value = serde_json::from_slice(&output.stderr).expect("JSON");
    assert_eq!(failure["error"]["exit_code"], 1);
    let what = failure["error"]["what"].as_str().expect("a string");
    assert!(what.starts_with("unknown chip \"z80\"; known: "), "{what}");
    assert!(failure["error"]["mend"].is_string());
    assert!(failure["error"]["file"].is_null());
}

#[test]
fn a_wrong_command_line_exits_with_its_own_code() {
    for args in [&["chips", "esp32", "esp32s3"][..], &["chips", "--colour"], &["chip"], &[]] {
        let output = esparto(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(output.stdout.is_empty() && !output.stderr.is_empty(), "{args:?}");
    }
}

#[test]
fn the_help_documents_the_exit_codes() {
    for args in [&["--help"][..], &["chips", "--help"]] {
        let help = stdout_of(args);
        let codes = help.split_once("Exit codes:").expect("a section on exit codes").1;
        for code in ["0  ", "1  ", "2  ", "3  "] {
            assert!(codes.lines().any(|line| line.trim_start().starts_with(code)), "{help}");
        }
    }
}
