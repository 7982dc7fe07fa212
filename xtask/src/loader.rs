//! `cargo xtask bench loader`: what loading and calling overlays costs on the emulated core, in
//! instructions, beside the storage's own read.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde_json::{Map, Value, json};

use crate::Repo;
use crate::exec::Cmd;
use crate::program::{IMC, Program};

const COST: Program = Program::new("overlay", "cost", IMC);
/// With the feature `signed`.
const TRUSTED: Program = Program::new("overlay", "trusted", IMC);

/// As in `firmware/overlay`: C, C++ and assembly that become overlays, and what calls them.
const SOURCES: [(&str, &str); 8] = [
    ("ping.c", C),
    ("pong.c", C),
    ("moving.c", C),
    ("loose.c", C),
    ("bulk.S", ""),
    ("drift.S", ""),
    ("shapes.cpp", CPP),
    ("resident.cpp", CPP),
];
const C: &str = "-std=c11 --specs=picolibc.specs";
const CPP: &str =
    "-std=c++17 -fno-exceptions -fno-rtti -fno-use-cxa-atexit -fno-threadsafe-statics";
const MACHINE: &str = "-march=rv32imc -mabi=ilp32 -ffreestanding -O2 -ffunction-sections \
                       -fdata-sections";
const JUMPS: &str = "-Wl,-u,setjmp -Wl,-u,longjmp -lc -o setjmp.o";
const QEMU: &str = "-machine virt -bios none -display none -monitor none -serial stdio \
                    -icount shift=0,sleep=off -semihosting-config enable=on,target=native";

/// Builds, runs and shows the rows; as JSON, if `args` says so.
///
/// # Errors
/// A step failed, or the program was over one of its limits.
pub(crate) fn run(repo: &Repo, args: &[String]) -> Result<()> {
    let is_json = args.iter().any(|arg| arg == "--json");
    let rest: Vec<_> = args.iter().filter(|arg| *arg != "--json").collect();
    ensure!(rest.is_empty(), "the loader is measured as a whole: leave out {rest:?}");
    let rows = measure(repo)?;
    if is_json {
        println!("{}", serde_json::to_string_pretty(&rows)?);
    } else {
        print!("{}", table(&rows));
    }
    Ok(())
}

/// Shows the rows, and adds them as `loader` to what the bench wrote to `file`.
///
/// # Errors
/// As [`run`], or the file is none of the bench's.
pub(crate) fn add_to(repo: &Repo, file: &Path) -> Result<()> {
    let context = || file.display().to_string();
    let rows = measure(repo)?;
    print!("{}", table(&rows));
    let mut found: Map<String, Value> =
        serde_json::from_slice(&fs::read(file).with_context(context)?).with_context(context)?;
    found.insert("loader".to_owned(), rows.into());
    fs::write(file, serde_json::to_string_pretty(&found)? + "\n").with_context(context)
}

/// Builds, runs, and gives the rows.
fn measure(repo: &Repo) -> Result<Vec<Value>> {
    let folder = repo.target_dir()?.join("bench-loader");
    build(repo, &folder)?;
    let mut all = Vec::new();
    for (program, count) in [(COST, 6), (TRUSTED, 2)] {
        let elf = folder.join(format!("{}.flash.elf", program.bin));
        let qemu = Cmd::new("qemu-system-riscv32", &folder).quiet().words(QEMU);
        let said = qemu.words(&format!("-append {}-data -kernel", program.bin)).arg(&elf).read()?;
        ensure!(said.lines().any(|line| line.trim_end() == "ok"), "a limit is passed:\n{said}");
        let rows = rows(&said);
        ensure!(rows.len() == count, "the program says something else:\n{said}");
        all.extend(rows);
    }
    Ok(all)
}

fn build(repo: &Repo, folder: &Path) -> Result<()> {
    let context = || folder.display().to_string();
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(context)?;
    }
    fs::create_dir_all(folder).with_context(context)?;
    let sources = repo.path("firmware/overlay/overlays");
    let gcc = || Cmd::new("riscv64-unknown-elf-gcc", folder).quiet().words(MACHINE);
    for (source, words) in SOURCES {
        let object = Path::new(source).with_extension("o");
        gcc().words(words).arg("-c").arg(sources.join(source)).arg("-o").arg(object).run()?;
    }
    fs::write(folder.join("none.ld"), "SECTIONS {}").with_context(context)?;
    // The C library's `setjmp` and `longjmp`, without its start-up and its linker script.
    gcc()
        .words("--specs=picolibc.specs -nostartfiles -nostdlib -r -T none.ld")
        .words(JUMPS)
        .run()?;
    fs::copy(sources.join("esparto.toml"), folder.join("esparto.toml")).with_context(context)?;

    let tool = repo.host_tools()?.join("esparto");
    let esparto = || Cmd::new(&tool, folder).quiet();
    esparto().words("overlay link --config esparto.toml --json --out").arg(folder).read()?;
    esparto().words("overlay keygen release --json").read()?;
    let key = folder.join("release.pub");
    let key = fs::read_to_string(&key).with_context(|| key.display().to_string())?;
    let overlays = ("ESPARTO_OVERLAYS", folder.as_os_str());
    COST.build_with(repo, &[overlays])?;
    let signed = TRUSTED.cargo(repo, None, "build --quiet --features signed");
    signed.env(overlays.0, overlays.1).env("ESPARTO_PUBLIC_KEY", key.trim()).run()?;
    for (program, words) in [(COST, ""), (TRUSTED, "--key release.key")] {
        let pack = esparto().words("overlay pack --config esparto.toml --json").words(words);
        let pack = pack.arg("--out").arg(format!("{}-data", program.bin)).arg("--flash");
        let flash = folder.join(format!("{}.flash.elf", program.bin));
        pack.arg(flash).arg(program.elf(repo)).read()?;
    }
    Ok(())
}

/// The figures of what the programs say: `load NAME key=number …`, `call NAME number more`, `stack`,
/// `ram`, `trust`.
fn rows(said: &str) -> Vec<Value> {
    said.lines().filter_map(|line| row(&mut line.split_whitespace())).collect()
}

fn row<'l>(words: &mut impl Iterator<Item = &'l str>) -> Option<Value> {
    match words.next()? {
        "load" => {
            let mut row = Map::new();
            row.insert("what".to_owned(), "load".into());
            row.insert("overlay".to_owned(), words.next()?.into());
            for (name, figure) in words.filter_map(|word| word.split_once('=')) {
                let unit = match name {
                    "code" => "code_bytes".to_owned(),
                    "own" => "own_per_byte".to_owned(),
                    phase => format!("{phase}_instructions"),
                };
                row.insert(unit, figure.parse::<f64>().ok()?.into());
            }
            Some(row.into())
        }
        "call" => {
            let way = words.next()?;
            let more: f64 = words.next()?.parse().ok()?;
            Some(json!({ "what": "call", "way": way, "more_instructions": more }))
        }
        "trust" => {
            let count: u64 = words.next()?.parse().ok()?;
            Some(json!({ "what": "trust", "instructions": count }))
        }
        kind @ ("stack" | "ram") => {
            let bytes: u64 = words.next()?.parse().ok()?;
            Some(json!({ "what": kind, "bytes": bytes }))
        }
        _ => None,
    }
}

fn table(rows: &[Value]) -> String {
    let mut text = String::from(
        "Overlays, riscv32imc, opt-level s, instructions\n\
         overlay        bytes     read  verify    copy    sync    first call, all  own a byte\n",
    );
    let number = |row: &Value, name: &str| row[name].as_f64().unwrap_or_default();
    for row in rows {
        let line = match row["what"].as_str() {
            Some("load") => format!(
                "{:<12} {:>7} {:>8} {:>7} {:>7} {:>7} {:>18} {:>11.2}",
                row["overlay"].as_str().unwrap_or_default(),
                number(row, "code_bytes"),
                number(row, "read_instructions"),
                number(row, "verify_instructions"),
                number(row, "copy_instructions"),
                number(row, "sync_instructions"),
                number(row, "total_instructions"),
                number(row, "own_per_byte"),
            ),
            Some("call") => {
                let way = row["way"].as_str().unwrap_or_default();
                format!("a call, {way}: {:.2} more", number(row, "more_instructions"))
            }
            Some("trust") => {
                let count = number(row, "instructions");
                format!("a signed manifest, read and verified once: {count} instructions")
            }
            kind => format!("{}: {} bytes", kind.unwrap_or_default(), number(row, "bytes")),
        };
        let _ = writeln!(text, "{line}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_become_rows() {
        let said = "load bulk code=32008 total=95925 read=333 own=2.98 a byte\r\n\
                    call stub 5.01 more\nstack 3088 of 24560\nram 820\ntrust 4325118\n\
                    ok\ninstructions 4\n";
        let rows = rows(said);
        assert_eq!(rows.len(), 5);
        assert_eq!(rows[4]["instructions"], 4_325_118);
        assert_eq!(rows[0]["overlay"], "bulk");
        assert_eq!(rows[0]["own_per_byte"], 2.98);
        assert_eq!(rows[0]["total_instructions"], 95925.0);
        assert_eq!(rows[1]["more_instructions"], 5.01);
        assert_eq!(rows[3]["bytes"], 820);
        assert!(table(&rows).contains("a call, stub: 5.01 more"));
    }
}
