//! Mistakes in esparto.toml: each is refused with file and line, and with what mends it.

use std::fmt::Write as _;
use std::fs;

use clap::Parser;
use esparto_cli::{Cli, Exit, execute};

/// What is right but for overlays of nothing; the numbers are those of the lines.
const RIGHT: &str = r#"chip = "esp32c3"
gdb = true
data = { addr = 0x3fcb0000, size = "32K" } # 3

[[slot]]
addr = 0x403c8000 # 6
size = "16K"

[[slot]]
addr = 0x403cc000 # 10
size = "16K"

[[overlay]]
name = "fft" # 14
depends = ["dsp"]

[[overlay]]
name = "dsp" # 18
slot = 1
"#;

/// What `esparto overlay link` says of it, by a name of the file that is the same everywhere.
fn said_of(toml: &[u8], more: &[&str]) -> (Exit, String) {
    let folder = tempfile::tempdir().expect("a folder for a while");
    let file = folder.path().join("esparto.toml");
    fs::write(&file, toml).expect("writable");
    let (file, out) = (file.display().to_string(), folder.path().join("out").display().to_string());
    let words = ["esparto", "overlay", "link", "--config", &file, "--out", &out];
    let (mut said, mut err) = (Vec::new(), Vec::new());
    let exit = execute(&Cli::parse_from(words.iter().chain(more)), &mut said, &mut err);
    (exit, String::from_utf8(err).expect("text").replace(&file, "esparto.toml"))
}

fn check(toml: &str, line: usize, expected: &str) {
    let wrong = mistake(toml, line, expected);
    assert_eq!(wrong, None);
}

/// What is wrong with what is said of `toml`.
fn mistake(toml: &str, line: usize, expected: &str) -> Option<String> {
    let (exit, said) = said_of(toml.as_bytes(), &[]);
    let head = format!("error: esparto.toml:{line}: ");
    let is_right = exit == Exit::BadInput
        && said.starts_with(&head)
        && said.contains(expected)
        && said.contains("\n  mend: ");
    (!is_right).then(|| format!("{head}…{expected}… is not what it says:\n{said}"))
}

#[test]
fn every_mistake_names_its_line() {
    // Nothing is wrong with it but that nothing is marked for its first overlay.
    check(RIGHT, 14, "overlay fft has no files");
    let mut wrong = Vec::new();
    for (from, to, line, expected) in [
        // No TOML.
        ("[[overlay]]\nname = \"fft\"", "[[overlay]\nname = \"fft\"", 13, ""),
        ("size = \"32K\" }", "size = \"32K\"", 5, "inline table"),
        ("gdb = true", "gdb = yes", 2, ""),
        ("gdb = true", "chip = \"esp32\"", 2, "duplicate key"),
        ("chip = \"esp32c3\"", "chip = \"esp32c3", 1, ""),
        // Keys and kinds.
        ("gdb", "gbd", 2, "unknown field `gbd`, expected one of"),
        ("depends", "dependson", 15, "unknown field `dependson`"),
        ("size = \"16K\"\n\n[[overlay", "length = 4\n\n[[overlay", 11, "unknown field `length`"),
        ("size = \"32K\"", "len = \"32K\"", 3, "unknown field `len`"),
        ("chip = \"esp32c3\"\n", "", 1, "missing field `chip`"),
        ("size = \"16K\"\n\n[[slot", "\n\n[[slot", 5, "missing field `size`"),
        ("name = \"dsp\"", "roots = []", 17, "missing field `name`"),
        ("gdb = true", "gdb = 1", 2, "expected a boolean"),
        ("slot = 1", "slot = \"1\"", 19, "invalid type"),
        ("slot = 1", "slot = -1", 19, "invalid value"),
        ("slot = 1", "placement = \"moving\"", 19, "unknown variant `moving`"),
        ("slot = 1", "constants = \"flash\"", 19, "unknown variant `flash`"),
        // The chip.
        ("\"esp32c3\"", "\"esp33\"", 1, "unknown chip \"esp33\""),
        ("gdb = true", "isa = \"rv64\"", 2, "unknown instruction set \"rv64\""),
        (
            "chip = \"esp32c3\"",
            "isa = \"rv32imc\"\nchip = \"a board whose name is long\"",
            2,
            "is no name of a chip",
        ),
        // Sizes and places.
        ("\"32K\"", "\"32KB\"", 3, "a size below 4 GiB"),
        ("\"32K\"", "\"8192M\"", 3, "a size below 4 GiB"),
        ("\"32K\"", "-4", 3, "a size below 4 GiB"),
        ("\"32K\"", "0x1_0000_0000", 3, "a size below 4 GiB"),
        ("\"32K\"", "true", 3, "a size below 4 GiB"),
        ("\"32K\"", "0", 3, "data of 0 bytes"),
        ("0x403cc000", "0x403cc002", 10, "slot 1 starts at 0x403cc002, within a word"),
        ("0x403cc000", "-1", 10, "invalid value"),
        ("size = \"16K\"\n\n[[overlay", "size = 6\n\n[[overlay", 11, "slot 1 of 6 bytes"),
        ("0x403cc000 # 10\nsize = \"16K\"", "0xfffff000\nsize = \"8K\"", 11, "too long"),
        ("0x403cc000", "0x3fc90000", 10, "is not executable memory of the ESP32-C3"),
        (
            "size = \"16K\"\n\n[[overlay",
            "size = \"1M\"\n\n[[overlay",
            11,
            "is not executable memory",
        ),
        ("0x3fcb0000", "0x42000000", 3, "is not memory for data of the ESP32-C3"),
        ("\"32K\"", "\"1M\"", 3, "is not memory for data of the ESP32-C3"),
        // The same memory twice, on one bus, and on two of them.
        (
            "0x403cc000",
            "0x403cbffc",
            10,
            "slot 1 (0x403cbffc to 0x403cfffb) is the same memory as slot 0 of line 6",
        ),
        (
            "0x3fcb0000",
            "0x3fcc4000",
            3,
            "data (0x3fcc4000 to 0x3fccbfff) is the same memory as slot 0 of line 6",
        ),
        // Overlays.
        ("\"dsp\" # 18", "\"fft\"", 18, "two overlays are called fft, the other one in line 14"),
        ("\"dsp\" # 18", "\"dsp!\"", 18, "letters, digits"),
        ("gdb = true", "fat = true", 18, "1 to 6 letters"),
        ("slot = 1", "slot = 2", 19, "overlay dsp: there is no slot 2, but 2"),
        ("slot = 1", "files = [\n  \"gone*.o\",\n]", 20, "no file matches"),
        ("[\"dsp\"]", "[\"gone\"]", 15, "depends on gone, which is no overlay"),
        ("[\"dsp\"]", "[\"fft\"]", 15, "depends on itself"),
        ("slot = 1", "depends = [\"fft\"]", 18, "in a circle: fft → dsp → fft"),
        ("gdb = true\n", "word_only = true\n", 20, "by words only"),
    ] {
        let mut toml = RIGHT.replacen(from, to, 1);
        if expected == "1 to 6 letters" {
            toml = toml.replacen("name = \"dsp\"", "name = \"toolong\"", 1);
            toml = toml.replacen("[\"dsp\"]", "[]", 1);
        }
        if expected == "by words only" {
            toml.push_str("constants = \"code\"\n");
        }
        assert_ne!(toml, RIGHT, "{from} is not there");
        wrong.extend(mistake(&toml, line, expected));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn slots_in_memory_that_runs_backwards_are_told_apart() {
    // The last word on one bus of the ESP32 is the first one on the other.
    let esp32 = |addr: &str| {
        format!(
            "chip = \"esp32\"\ndata = {{ addr = {addr}, size = 16 }}\nslot = [{{ addr = 0x400b8000, size = 16 }}]\n\
             ld = \"riscv64-unknown-elf-ld\"\n\
             [[overlay]]\nname = \"a\"\n"
        )
    };
    check(&esp32("0x3ffe7ff0"), 2, "is the same memory as slot 0 of line 3");
    check(&esp32("0x3ffe7fe0"), 6, "overlay a has no files");
}

#[test]
fn more_than_can_be_numbered_is_refused_by_line() {
    let mut toml = "chip = \"x\"\nisa = \"rv32imc\"\nslot = [{ addr = 0, size = 4 }]\n".to_owned();
    for number in 0..=u16::MAX {
        let _ = writeln!(toml, "[[overlay]]\nname = \"o{number}\"");
    }
    check(&toml, 5 + 2 * 65535, "65536 overlays, and 65535 are the most");
    let mut toml = "chip = \"x\"\nisa = \"rv32imc\"\n".to_owned();
    for number in 0..=u16::MAX {
        let _ = writeln!(toml, "[[slot]]\nsize = 4\naddr = {}", 4 * u32::from(number));
    }
    check(&toml, 5 + 3 * 65535, "65536 slots, and 65535 are the most");
}

#[test]
fn what_is_no_text_and_what_is_nothing_have_lines_too() {
    let (exit, said) = said_of(b"chip = \"esp32c3\"\n\n# \xff\n", &[]);
    assert_eq!(exit, Exit::BadInput);
    assert!(said.starts_with("error: esparto.toml:3: not UTF-8"), "{said}");
    check("", 1, "missing field `chip`");
}

#[test]
fn programs_get_the_line_as_a_number() {
    let (_, said) = said_of(RIGHT.replace("gdb", "gbd").as_bytes(), &["--json"]);
    let said: serde_json::Value = serde_json::from_str(&said).expect("JSON");
    assert_eq!(said["error"]["line"], 2, "{said}");
    assert!(said["error"]["mend"].is_string(), "{said}");
}
