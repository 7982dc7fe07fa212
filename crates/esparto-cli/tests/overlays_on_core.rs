//! `firmware/overlay` from its sources in C, C++ and Rust to running overlays: prepared, linked,
//! packed, read by semihosting in QEMU and from a FAT card on the simulator. It needs a C
//! compiler for RISC-V and QEMU.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, OnceLock, PoisonError};

use card_image::Format;
use clap::Parser;
use esparto_cli::{Cli, execute};
use object::{Object as _, ObjectSection as _, ObjectSymbol as _};
use serde_json::Value;

use crate::firmware_dir::{built, firmware};

const CORE: &str = "riscv32imc-unknown-none-elf";
const MACHINE: [&str; 3] = ["-march=rv32imc", "-mabi=ilp32", "-ffreestanding"];

/// What a firmware has more for overlays that are only called: the loader, the packer's tables, and
/// what it takes to set them up.
const BARE_LIMIT_BYTES: u64 = 9_600;
/// The same with everything that the loader offers: pins, names, unloading, statistics.
const FULL_LIMIT_BYTES: u64 = 13_000;
/// Code of the loader alone in the first of them, its assembly and files in memory included.
const LOADER_LIMIT_BYTES: u64 = 8 * 1024;

/// The programs of `firmware/overlay` that are run.
const PROGRAMS: [&str; 3] = ["overlay", "cost", "evicted"];

/// Where everything is made, once for all tests.
fn out() -> &'static Path {
    static OUT: OnceLock<PathBuf> = OnceLock::new();
    OUT.get_or_init(|| {
        let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join("overlays");
        build(&out);
        out
    })
}

fn run(command: &mut Command) -> String {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.output().unwrap_or_else(|error| panic!("{name} does not start: {error}"));
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?} failed:\n{said}{complaint}");
    said
}

/// `esparto` with these words; gives what it said as JSON, and its exit code.
fn esparto(words: &[&str]) -> (u8, Value) {
    let words = ["esparto", "--json"].into_iter().chain(words.iter().copied());
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let exit = execute(&Cli::parse_from(words), &mut out, &mut err) as u8;
    let text = if out.is_empty() { &err } else { &out };
    (exit, serde_json::from_slice(text).unwrap_or_default())
}

/// Compiles the sources, those of the overlays and the resident ones.
fn compile(out: &Path) {
    let gcc = "riscv64-unknown-elf-gcc";
    let sources = firmware().join("overlay/overlays");
    let common = ["-O2", "-ffunction-sections", "-fdata-sections", "-Wall", "-Wextra", "-Werror"];
    for name in [
        "ping.c",
        "pong.c",
        "moving.c",
        "loose.c",
        "bulk.S",
        "drift.S",
        "shapes.cpp",
        "resident.cpp",
    ] {
        let (stem, kind) = name.split_once('.').expect("a source has an extension");
        let mut command = Command::new(gcc);
        command.args(MACHINE).args(common).arg("-c").arg(sources.join(name));
        match kind {
            "c" => command.args(["-std=c11", "--specs=picolibc.specs"]),
            "cpp" => command.args([
                "-std=c++17",
                "-fno-exceptions",
                "-fno-rtti",
                // Destructors of objects go to the table that unloading runs.
                "-fno-use-cxa-atexit",
                "-fno-threadsafe-statics",
            ]),
            _ => &mut command,
        };
        run(command.arg("-o").arg(out.join(format!("{stem}.o"))));
    }
    // The C library's own, without its start-up and its linker script.
    let script = out.join("none.ld");
    fs::write(&script, "SECTIONS {}").expect("there is room");
    let jumps = ["-Wl,-u,setjmp", "-Wl,-u,longjmp", "-lc"];
    let mut command = Command::new(gcc);
    command.args(MACHINE).args([
        "--specs=picolibc.specs",
        "-nostartfiles",
        "-nostdlib",
        "-r",
        "-T",
    ]);
    run(command.arg(script).args(jumps).arg("-o").arg(out.join("setjmp.o")));
    fs::copy(sources.join("esparto.toml"), out.join("esparto.toml")).expect("there is room");
}

/// Everything up to the packed files: those of a program are in `data-PROGRAM`.
fn build(out: &Path) {
    fs::create_dir_all(out).expect("there is room");
    compile(out);
    let text = |path: &Path| path.to_str().expect("a path in words").to_owned();
    let config = text(&out.join("esparto.toml"));
    let (exit, said) = esparto(&["overlay", "link", "--config", &config, "--out", &text(out)]);
    assert_eq!(exit, 0, "{said}");
    link(out, &PROGRAMS, &[]);
    for program in PROGRAMS {
        let elf = text(&elf(out, program));
        let data = text(&out.join(format!("data-{program}")));
        let (exit, said) = esparto(&["overlay", "pack", &elf, "--config", &config, "--out", &data]);
        assert_eq!(exit, 0, "{said}");
    }
}

/// Links programs with the overlays in `out`, and puts them there. They are built where all firmware
/// is, one set at a time: what they have in common is compiled once.
fn link(out: &Path, programs: &[&str], place: &[(&str, &str)]) {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    run(Command::new(env!("CARGO"))
        .current_dir(firmware())
        .args(["build", "--release", "--locked", "--target", CORE, "-p", "overlay"])
        .args(programs.iter().flat_map(|program| ["--bin", program]))
        .envs(place.iter().copied())
        .env("ESPARTO_OVERLAYS", out)
        .env_remove("RUSTFLAGS"));
    for program in programs {
        fs::copy(built(CORE).join(program), elf(out, program)).expect("built, and there is room");
    }
}

fn elf(out: &Path, program: &str) -> PathBuf {
    out.join(program)
}

/// What the program says in QEMU with its overlays in a folder.
fn on_qemu(program: &str) -> String {
    let out = out();
    let mut command = qemu();
    command.current_dir(out).arg("-append").arg(format!("data-{program}"));
    run(command.arg("-kernel").arg(elf(out, &format!("{program}.flash.elf"))))
}

/// QEMU with a machine that reads the host's files; a program is still to be named.
fn qemu() -> Command {
    let mut command = Command::new("qemu-system-riscv32");
    command.args(["-machine", "virt", "-bios", "none", "-display", "none"]);
    command.args(["-monitor", "none", "-serial", "stdio", "-icount", "shift=0,sleep=off"]);
    command.args(["-semihosting-config", "enable=on,target=native"]);
    command
}

/// The packed files, by name.
fn files(program: &str) -> Vec<(String, Vec<u8>)> {
    files_in(&out().join(format!("data-{program}")))
}

/// Those of a folder.
fn files_in(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let listed = fs::read_dir(folder).expect("packed");
    let paths = listed.map(|entry| entry.expect("readable").path());
    let is_image = |path: &PathBuf| {
        let name = path.to_string_lossy();
        name.ends_with("_e") || name.ends_with("_d")
    };
    paths
        .filter(is_image)
        .map(|path| {
            let name = path.file_name().expect("a file").to_string_lossy().into_owned();
            (name, fs::read(&path).expect("readable"))
        })
        .collect()
}

/// What the program says on the simulator with these files on its card, and its exit code.
fn on_card(program: &str, format: Format, files: &[(String, Vec<u8>)]) -> (u8, String) {
    let (exit, report) = report_on_card(program, format, files, &[]);
    (exit, report["output"].as_str().unwrap_or_default().to_owned())
}

/// What the simulator reports of it.
fn report_on_card(
    program: &str,
    format: Format,
    files: &[(String, Vec<u8>)],
    options: &[&str],
) -> (u8, Value) {
    let image = out().join(format!("card-{program}.img"));
    let elf = elf(out(), &format!("{program}.flash.elf"));
    let card_bytes = if format == Format::Fat16 { 4 << 20 } else { 64 << 20 };
    let pairs = files.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice()));
    let built = card_image::build(card_bytes, format, pairs).expect("there is room");
    fs::write(&image, built).expect("there is room");
    let (image, elf) = (image.to_str().expect("words"), elf.to_str().expect("words"));
    let words = ["sim", elf, "--sd", image, "--max-instructions", "4000000000"];
    let words: Vec<&str> = words.into_iter().chain(options.iter().copied()).collect();
    esparto(&words)
}

/// The lines that do not depend on where the files are.
fn common(said: &str) -> Vec<&str> {
    said.lines()
        .map(str::trim_end)
        .filter(|line| !line.starts_with("instructions") && !line.starts_with("stack"))
        .collect()
}

#[test]
fn overlays_in_c_and_cpp_run_from_a_folder_and_from_a_card() {
    let on_qemu = on_qemu("overlay");
    assert!(on_qemu.lines().any(|line| line.trim_end() == "ok"), "{on_qemu}");
    let files = files("overlay");
    for format in [Format::Fat16, Format::Fat32] {
        let (exit, on_card) = on_card("overlay", format, &files);
        assert_eq!(exit, 0, "{format:?}: {on_card}");
        assert_eq!(common(&on_card), common(&on_qemu), "{format:?}");
    }
    // A damaged, a missing and a foreign file: the program says what, and nothing else happens.
    for (change, needle) in [
        (0, "the e file: image is damaged"),
        (1, "cannot open the e file: no such file"),
        (2, "the file is of overlay"),
    ] {
        let mut files = files.clone();
        let at = files.iter().position(|(name, _)| name == "ping_e").expect("packed");
        match change {
            0 => *files[at].1.last_mut().expect("not empty") ^= 1,
            1 => drop(files.remove(at)),
            _ => {
                let other = files.iter().position(|(name, _)| name == "pong_e").expect("packed");
                files[at].1 = files[other].1.clone();
            }
        }
        let (exit, said) = on_card("overlay", Format::Fat16, &files);
        assert!(said.contains(needle), "{needle} is not in {said}");
        assert_eq!(exit, 1, "the answers are checked: {said}");
    }
}

/// Memcheck knows the code of overlays, and a pointer into one that is gone.
#[test]
fn a_call_of_an_overlay_that_is_gone_is_found_in_its_line() {
    let source = fs::read_to_string(firmware().join("overlay/src/bin/evicted.rs"));
    let source = source.expect("the program has a source");
    let line = 1 + source.lines().position(|line| line.ends_with("// planted")).expect("marked");
    let files = files("evicted");
    let (exit, report) = report_on_card("evicted", Format::Fat16, &files, &["--memcheck"]);
    let errors = report["errors"].as_array().expect("memcheck was on");
    assert!(exit == 1 && !errors.is_empty(), "{report:#}");
    let place = format!("(overlay/src/bin/evicted.rs:{line})");
    // The call, and what the code that is gone reads of itself.
    for error in errors {
        assert_eq!(error["flaw"], "evicted-overlay", "{report:#}");
        assert!(error["at"].to_string().contains(&place), "{place}: {report:#}");
    }
}

#[test]
fn what_a_load_and_a_call_cost_is_within_its_limits() {
    let said = on_qemu("cost");
    println!("{said}");
    assert!(said.lines().any(|line| line.trim_end() == "ok"), "{said}");
}

/// Bytes of code and constants of a program, without those of overlays.
fn resident_bytes(program: &Path) -> u64 {
    let bytes = fs::read(program).expect("built");
    let file = object::File::parse(bytes.as_slice()).expect("an ELF file");
    let is_resident = |section: &object::Section<'_, '_>| {
        matches!(section.name(), Ok(".text" | ".rodata" | ".data"))
    };
    file.sections().filter(is_resident).map(|section| section.size()).sum()
}

/// Bytes of functions of the loader in a program: those of its crates, and its assembly.
fn loader_bytes(program: &Path) -> u64 {
    let bytes = fs::read(program).expect("built");
    let file = object::File::parse(bytes.as_slice()).expect("an ELF file");
    let is_loader = |symbol: &object::Symbol<'_, '_>| {
        let name = symbol.name().unwrap_or_default();
        let names = ["esparto_overlay", "esparto_image", "__wrap_longjmp"];
        symbol.kind() == object::SymbolKind::Text && names.iter().any(|part| name.contains(part))
    };
    file.symbols().filter(is_loader).map(|symbol| symbol.size()).sum()
}

/// What a firmware has more for its overlays, built as firmware is usually built: for size, as a
/// whole, without frame pointers. `blank` has the same stubs and no loader.
#[test]
fn the_loader_stays_as_small_as_it_is() {
    let out = out();
    run(Command::new(env!("CARGO"))
        .current_dir(firmware())
        .args(["build", "--release", "--locked", "--target", CORE, "-p", "overlay"])
        .args(["--bin", "bare", "--bin", "full", "--bin", "blank"])
        .env("ESPARTO_OVERLAYS", out)
        .env("RUSTFLAGS", "-C link-arg=-Tlink.x"));
    let elf = |program| built(CORE).join(program);
    let bytes = |program| resident_bytes(&elf(program));
    let loader = loader_bytes(&elf("bare"));
    println!("bare: {loader} bytes of code of the loader");
    // What is counted is there: the least of it is larger than this.
    assert!((4 * 1024..=LOADER_LIMIT_BYTES).contains(&loader), "{loader} bytes");
    let blank = bytes("blank");
    for (program, limit_bytes) in [("bare", BARE_LIMIT_BYTES), ("full", FULL_LIMIT_BYTES)] {
        let more_bytes = bytes(program) - blank;
        println!("{program}: {more_bytes} bytes more than without overlays");
        assert!(more_bytes <= limit_bytes, "{program}: {more_bytes} is more than {limit_bytes}");
    }
}

/// Arguments and answers in registers for floats come through a load and a return, on a core that has
/// them.
#[test]
fn floats_come_through_the_loader() {
    let core = "riscv32imafc-unknown-none-elf";
    let out = out().join("floats");
    fs::create_dir_all(&out).expect("there is room");
    let sources = firmware().join("overlay/floats");
    let mut gcc = Command::new("riscv64-unknown-elf-gcc");
    gcc.current_dir(&out).args(["-march=rv32imafc", "-mabi=ilp32f", "-ffreestanding", "-O2"]);
    run(gcc
        .args(["-Wall", "-Wextra", "-Werror", "-ffunction-sections", "-c"])
        .args([sources.join("blend.c"), sources.join("tilt.c")]));
    fs::copy(sources.join("esparto.toml"), out.join("esparto.toml")).expect("there is room");
    let text = |path: &Path| path.to_str().expect("a path in words").to_owned();
    let (config, folder) = (text(&out.join("esparto.toml")), text(&out));
    let (exit, said) = esparto(&["overlay", "link", "--config", &config, "--out", &folder]);
    assert_eq!(exit, 0, "{said}");
    run(Command::new(env!("CARGO"))
        .current_dir(firmware())
        .args(["build", "--release", "--locked", "--target", core, "-p", "overlay"])
        .args(["--features", "floats", "--bin", "floats"])
        .env("ESPARTO_OVERLAYS", &out)
        .env_remove("RUSTFLAGS"));
    let elf = text(&built(core).join("floats"));
    let data = text(&out.join("data"));
    let (exit, said) = esparto(&["overlay", "pack", &elf, "--config", &config, "--out", &data]);
    assert_eq!(exit, 0, "{said}");
    let mut qemu = qemu();
    let said = run(qemu.args(["-append", &data, "-kernel"]).arg(format!("{elf}.flash.elf")));
    assert!(said.lines().any(|line| line.trim_end() == "ok"), "{said}");
}

/// A session of `gdb-multiarch` with a program on the simulator, whose overlays are on a card.
fn gdb(program: &str, commands: &[&str]) -> String {
    let image = out().join("card-for-gdb.img");
    let files = files(program);
    let pairs = files.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice()));
    let card = card_image::build(4 << 20, Format::Fat16, pairs).expect("there is room");
    fs::write(&image, card).expect("there is room");
    let mut simulator = Command::new(env!("CARGO_BIN_EXE_esparto"))
        .arg("sim")
        .arg(elf(out(), &format!("{program}.flash.elf")))
        .arg("--sd")
        .arg(&image)
        .args(["--gdb", "0"])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the tool starts");
    let mut line = String::new();
    let errors = simulator.stderr.take().expect("it is piped");
    BufReader::new(errors).read_line(&mut line).expect("it says where it waits");
    let addr = line.split_whitespace().find(|word| word.starts_with("127.0.0.1:"));
    let addr = addr.unwrap_or_else(|| panic!("no address in: {line}")).trim_end_matches(':');
    let script = firmware().join("../integrations/gdb/esparto_overlays.py");
    let output = Command::new("gdb-multiarch")
        .args(["-batch", "-nx", "-ex", "set pagination off", "-ex", "set width 0"])
        .arg(elf(out(), program))
        .args(["-ex", &format!("target remote {addr}")])
        .args(["-ex", &format!("source {}", script.display())])
        .args(commands.iter().flat_map(|command| ["-ex", command]))
        .output()
        .expect("gdb-multiarch starts; install the package gdb-multiarch");
    // gdb has ended it, or left it.
    let _ = simulator.kill();
    simulator.wait().expect("it ends");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    format!("{said}\n{}", String::from_utf8_lossy(&output.stderr))
}

/// The overlay in the first slot changes from stop to stop, and gdb names the code that is there.
#[test]
fn gdb_knows_which_overlay_is_in_the_slot() {
    let said = gdb(
        "overlay",
        &[
            // Somebody returns to code that was evicted.
            "break __esparto_overlay_return",
            "continue",
            "overlay list-overlays",
            "break __ov1_pong",
            "continue",
            "backtrace 2",
            "info symbol $pc",
            "delete 2",
            "continue",
            "overlay list-overlays",
            "kill",
        ],
    );
    let mut rest = said.as_str();
    for needle in [
        "Breakpoint 1, ",
        "Section .ovl1_e, loaded at",
        "Breakpoint 2, ",
        "#0 ",
        "in __ov1_pong ()",
        "#1 ",
        "__ov1_pong",
        "in mapped overlay section .ovl1_e",
        "Breakpoint 1, ",
        "Section .ovl0_e, loaded at",
    ] {
        let at = rest.find(needle);
        rest = &rest[at.unwrap_or_else(|| panic!("`{needle}` is not next in:\n{said}"))..];
        rest = &rest[needle.len()..];
    }
}

/// The instructions of a function in a program, by the disassembler of GNU.
fn instructions(elf: &Path, function: &str) -> Vec<String> {
    let mut command = Command::new("riscv64-unknown-elf-objdump");
    let listing = run(command.args(["-d", "-C", "--no-show-raw-insn"]).arg(elf));
    let name = format!("<{function}>:");
    let mut lines = listing.lines().skip_while(|line| !line.ends_with(&name));
    assert!(lines.next().is_some(), "{function} is not in {}", elf.display());
    lines
        .take_while(|line| !line.is_empty())
        .filter_map(|line| Some(line.split_once(":\t")?.1.replace('\t', " ")))
        .collect()
}

/// All that is stored into slots and data goes through one function, and that stores whole words.
#[test]
fn the_copy_path_stores_words_and_nothing_else() {
    let source = firmware().join("../crates/esparto-overlay/src");
    for file in ["load.rs", "miss.rs", "place.rs", "restore.rs", "stream.rs", "unload.rs"] {
        let text = fs::read_to_string(source.join(file)).expect("a source");
        let stores = text.matches("writer.store(").count();
        assert_eq!(stores, usize::from(file == "place.rs"), "{file} stores {stores} times");
    }
    for program in PROGRAMS {
        let code = instructions(&elf(out(), program), "esparto_overlay::place::put");
        let store = |kind: &str| code.iter().filter(|line| line.starts_with(kind)).count();
        for kind in ["sb ", "sh ", "sd ", "fs", "amo", "sc."] {
            assert_eq!(store(kind), 0, "{program}: `{kind}` in {code:#?}");
        }
        assert!(store("sw ") >= 5, "{program}: four a turn, and one by one: {code:#?}");
        let calls = code.iter().filter(|line| {
            line.starts_with("jal ") || (line.starts_with("jalr ") && !line.contains("zero"))
        });
        assert_eq!(calls.count(), 0, "{program}: nobody else copies: {code:#?}");
    }
}

/// The same program on the memory map of the ESP32, with its slots in instruction memory that takes
/// and gives words only: any other access there ends the run.
#[test]
fn slots_may_lie_in_memory_of_words_only() {
    let out = &out().join("words");
    fs::create_dir_all(out).expect("there is room");
    compile(out);
    let config = out.join("esparto.toml");
    let written = fs::read_to_string(&config).expect("it was copied");
    let moved = written
        .replace("0x8400_0000", "0x4008_8000")
        .replace("0x8400_8000", "0x4009_0000")
        .replace("0x8410_0000", "0x3FFC_0000");
    assert_eq!(moved.matches("0x84").count(), 0, "{moved}");
    fs::write(&config, moved).expect("there is room");
    let text = |path: &Path| path.to_str().expect("a path in words").to_owned();
    let config = text(&config);
    let (exit, said) = esparto(&["overlay", "link", "--config", &config, "--out", &text(out)]);
    assert_eq!(exit, 0, "{said}");
    link(out, &["overlay"], &[("ESPARTO_CHIP", "esp32"), ("ESPARTO_CODE", "flash")]);
    let data = out.join("data");
    let elf = elf(out, "overlay");
    let pack = ["overlay", "pack", &text(&elf), "--config", &config, "--out", &text(&data)];
    let (exit, said) = esparto(&pack);
    assert_eq!(exit, 0, "{said}");
    let files = files_in(&data);
    let pairs = files.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice()));
    let card = card_image::build(4 << 20, Format::Fat16, pairs).expect("there is room");
    let image = out.join("card.img");
    fs::write(&image, card).expect("there is room");
    let flash = text(&elf.with_file_name("overlay.flash.elf"));
    let words = ["sim", &flash, "--chip", "esp32", "--sd", &text(&image)];
    let (exit, report) = esparto(&[&words[..], &["--max-instructions", "4000000000"]].concat());
    let said = report["output"].as_str().unwrap_or_default();
    assert_eq!(exit, 0, "{report:#}");
    // The linker makes code shorter by where it lies, so there are not as many bytes to read.
    let answers = |said: &str| {
        let lines = common(said).into_iter().filter(|line| !line.starts_with("loads"));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(answers(said), answers(&on_qemu("overlay")), "as on any other machine");
}
