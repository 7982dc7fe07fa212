//! The C library: its programs on this machine and on the emulated core, and what it weighs.

mod calls;
mod overlays;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

use crate::exec::Cmd;
use crate::program::IMC;
use crate::steps::checked;
use crate::tally::Tally;
use crate::{Repo, tools, traces};

/// Where the crate is.
pub(crate) const DIR: &str = "crates/esparto-c";

/// No program takes longer.
const LIMIT: Duration = Duration::from_secs(120);

pub(crate) const C: &str = "-std=c11 -Wall -Wextra -Werror -pedantic -g -Iinclude";
pub(crate) const CPP: &str = "-std=c++17 -Wall -Wextra -Werror -pedantic -g -Iinclude";

/// What the linker of this machine needs behind a Rust library.
const HOST_LIBRARIES: &str = "-lpthread -ldl -lm";

/// The compiler for the emulated core.
pub(crate) const CORE_C: &str =
    "-march=rv32imc -mabi=ilp32 --specs=picolibc.specs -Os -ffunction-sections -fdata-sections";

/// C firmware for the emulated board: its own start, its output through the emulator.
pub(crate) const BOARD: &str = "--crt0=hosted --oslib=semihost -Wl,--gc-sections \
    -Wl,--defsym=__flash=0x80000000 -Wl,--defsym=__flash_size=0x400000 \
    -Wl,--defsym=__ram=0x80400000 -Wl,--defsym=__ram_size=0x400000 \
    -Wl,--defsym=__stack_size=0x10000";

/// The lock and the last word of that board.
const PORT: &str = "ports/riscv.c";

pub(crate) const QEMU: &str = "-M virt -bios none -nographic -monitor none -serial none -semihosting \
    -icount shift=0 -kernel";

/// What the library may bring into a firmware, in bytes of code and constants: by program of
/// `tests/size`.
const SIZE_LIMITS: [(&str, u64); 3] = [("pools", 1_450), ("own_heap", 5_910), ("heap", 12_590)];

/// Builds the library and everything in its folder of tests, and runs it.
pub(crate) fn test(repo: &Repo, tally: &mut Tally) -> Result<()> {
    tools::HOST_CPP.ensure()?;
    tools::RISCV_GCC.ensure()?;
    tools::QEMU_RISCV32.ensure()?;
    let target = repo.target_dir()?;
    repo.cargo("build --quiet --locked -p esparto-c").run()?;
    let libraries = [target.join("debug/libesparto_c.a"), library_for_core(repo)?];
    let out = target.join("c-test");
    fs::create_dir_all(&out).with_context(|| out.display().to_string())?;
    let port = tool_here(repo, "riscv64-unknown-elf-gcc").words(C).words(CORE_C);
    port.words("-c").arg(PORT).arg("-o").arg(out.join("port.o")).run()?;

    for source in [sources(repo, "tests/c")?, sources(repo, "examples")?].concat() {
        for (compiled, run) in on_both(repo, &source, &libraries, &out)? {
            compiled.run()?;
            says_ok(&run)?;
            tally.pass();
        }
    }
    // Standard containers: there is no C++ library for the bare core.
    for source in sources(repo, "tests/cpp")? {
        let [(compiled, run), _] = on_both(repo, &source, &libraries, &out)?;
        compiled.run()?;
        says_ok(&run)?;
        tally.pass();
    }
    for side in ["host", "core"] {
        traced(repo, &out.join(side))?;
        tally.pass();
    }
    calls::test(repo, &libraries, &out)?;
    tally.pass();
    overlays::test(repo, &libraries, &out, tally)?;
    against_rust(repo, &out)?;
    tally.pass();
    for (name, limit_bytes) in SIZE_LIMITS {
        weigh(repo, name, limit_bytes, &libraries[1], &out)?;
        tally.pass();
    }
    // Each header alone, in the language of those who only read it.
    for folder in ["include/esparto", "include/esparto/compat"] {
        for header in files(repo, folder, &["h", "hpp"])? {
            let read = tool_here(repo, "c++").words(CPP).words("-x c++ -fsyntax-only").arg(header);
            checked(&read, tally)?;
        }
    }
    Ok(())
}

/// A call of a compiler or an emulator, one of many.
pub(crate) fn tool(program: &str, dir: &Path) -> Cmd {
    Cmd::new(program, dir).quiet()
}

/// The same, in the folder of the crate.
fn tool_here(repo: &Repo, program: &str) -> Cmd {
    tool(program, &repo.root().join(DIR))
}

/// The library as C firmware for the emulated core links it, built if need be.
pub(crate) fn library_for_core(repo: &Repo) -> Result<PathBuf> {
    tools::ensure_targets(&[IMC])?;
    let build = repo.cargo("build --quiet --locked -p esparto-c --profile small --target");
    build.arg(IMC).run()?;
    Ok(repo.target_dir()?.join(IMC).join("small/libesparto_c.a"))
}

/// Reads what the program `trace` left in this folder, as its user would.
pub(crate) fn traced(repo: &Repo, folder: &Path) -> Result<()> {
    let report = |name: &str| -> Result<Value> {
        let said = traces::report(repo, &folder.join(name))?.arg("--json").read()?;
        serde_json::from_str(&said).with_context(|| format!("the report of {name} is no JSON"))
    };
    let (whole, lost) = (report("c.trace")?, report("lost.trace")?);
    let facts = [
        (&whole["trace"]["chip"], json!("esp32c3")),
        (&whole["trace"]["build_id"], json!("c0de15")),
        (&whole["trace"]["allocation_count"], json!(25)),
        (&whole["trace"]["deallocation_count"], json!(20)),
        (&whole["trace"]["resize_count"], json!(1)),
        (&whole["trace"]["failure_count"], json!(1)),
        (&whole["trace"]["snapshot_count"], json!(1)),
        (&whole["trace"]["lost_count"], json!(0)),
        (&whole["marks"][0]["name"], json!("leaks now")),
        (&whole["leaks"][0]["owner"], json!("camera")),
        (&whole["problems"], json!([])),
        (&lost["trace"]["lost_count"], json!(256)),
    ];
    for (said, expected) in facts {
        ensure!(*said == expected, "the trace from C says {said} and not {expected}: {whole}");
    }
    Ok(())
}

/// Runs the program that holds malloc and free to what the Rust calls cost, on the core.
fn against_rust(repo: &Repo, out: &Path) -> Result<()> {
    let build = repo.cargo("build --quiet --locked -p esparto-c --example abi_probe");
    build.words("--profile small --target").arg(IMC).run()?;
    let library = repo.target_dir()?.join(IMC).join("small/examples/libabi_probe.a");
    let program = out.join("abi");
    let link = tool_here(repo, "riscv64-unknown-elf-gcc").words(C).words(CORE_C).words(BOARD);
    let link = link.arg("tests/abi/malloc.c").arg(out.join("port.o")).arg(library);
    link.arg("-o").arg(&program).run()?;
    says_ok(&tool_here(repo, "qemu-system-riscv32").words(QEMU).arg(&program))
}

/// The C and C++ programs of a folder of the crate, in order.
pub(crate) fn sources(repo: &Repo, folder: &str) -> Result<Vec<PathBuf>> {
    files(repo, folder, &["c", "cpp"])
}

/// The files of a folder of the crate with one of these endings, in order.
fn files(repo: &Repo, folder: &str, endings: &[&str]) -> Result<Vec<PathBuf>> {
    let folder = repo.root().join(DIR).join(folder);
    let mut sources = Vec::new();
    for entry in fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.extension().is_some_and(|ending| endings.iter().any(|&known| ending == known)) {
            sources.push(path);
        }
    }
    sources.sort();
    if sources.is_empty() {
        bail!("{} has none of {endings:?}", folder.display())
    } else {
        Ok(sources)
    }
}

/// How a program is compiled and run on this machine and on the core.
fn on_both(
    repo: &Repo,
    source: &Path,
    libraries: &[PathBuf; 2],
    out: &Path,
) -> Result<[(Cmd, Cmd); 2]> {
    let name = source.file_stem().context("a program has a name")?;
    let is_cpp = source.extension().is_some_and(|extension| extension == "cpp");
    let (compiler, language) = if is_cpp { ("c++", CPP) } else { ("cc", C) };
    let here = out.join("host").join(name);
    let there = out.join("core").join(name);
    for folder in ["host", "core"].map(|folder| out.join(folder)) {
        fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
    }
    let host = tool_here(repo, compiler).words(language).arg(source).arg(&libraries[0]);
    let host = host.words(HOST_LIBRARIES).arg("-o").arg(&here);
    let core = tool_here(repo, "riscv64-unknown-elf-gcc");
    // There is no C++ library for the bare core: exceptions and type information stay away.
    let core = core.words(language).words(if is_cpp { "-fno-exceptions -fno-rtti" } else { "" });
    let core = core
        .arg(source)
        .arg(out.join("port.o"))
        .arg(&libraries[1])
        .words(CORE_C)
        .words(BOARD)
        .arg("-o")
        .arg(&there);
    // Where they run they may leave files.
    let boot = tool("qemu-system-riscv32", &out.join("core")).words(QEMU).arg(&there);
    Ok([(host, tool(&here.to_string_lossy(), &out.join("host"))), (core, boot)])
}

/// Runs a program, which says `NAME: ok` at its end.
pub(crate) fn says_ok(run: &Cmd) -> Result<()> {
    let mut said = Vec::new();
    let run = run.clone().limit(LIMIT);
    let outcome = run.lines(|line| {
        println!("{line}");
        said.push(line.trim_end().to_owned());
    });
    outcome.with_context(|| format!("it said:\n{}", said.join("\n")))?;
    if said.last().is_some_and(|line| line.ends_with(": ok")) {
        return Ok(());
    }
    bail!("`{run}` did not close with ok; it said:\n{}", said.join("\n"))
}

/// Holds what the library brings into a firmware to a limit.
fn weigh(repo: &Repo, name: &str, limit_bytes: u64, library: &Path, out: &Path) -> Result<()> {
    let map = out.join(format!("{name}.map"));
    let link = tool_here(repo, "riscv64-unknown-elf-gcc").words(C).words(CORE_C).words(BOARD);
    // `memcpy` and its like are the C library's: start code has them in any firmware. In front, because
    // the linker takes the first that it finds.
    let link =
        link.arg(format!("tests/size/{name}.c")).arg(out.join("port.o")).arg("-lc").arg(library);
    let link = link.arg(format!("-Wl,-Map={}", map.display())).arg("-o").arg(out.join(name));
    link.run()?;
    let text = fs::read_to_string(&map).with_context(|| map.display().to_string())?;
    let bytes = brought_bytes(&text);
    println!("{name}: the library brings {bytes} bytes of code and constants, of {limit_bytes}");
    match bytes {
        0 => bail!("{} names nothing of the library", map.display()),
        bytes if bytes > limit_bytes => bail!(
            "a firmware that uses {name} gets {bytes} bytes from the library, more than {limit_bytes}"
        ),
        _ => Ok(()),
    }
}

/// The bytes of code and constants that a linker's map says came from the library.
fn brought_bytes(map: &str) -> u64 {
    let placed = map.split_once("Linker script and memory map").map_or("", |(_, placed)| placed);
    // A long name of a section stands on a line of its own.
    let words: Vec<&str> = placed.split_whitespace().collect();
    let number = |word: &str| u64::from_str_radix(word.strip_prefix("0x")?, 16).ok();
    words
        .windows(4)
        .filter(|row| row[0].starts_with(".text") || row[0].starts_with(".rodata"))
        .filter(|row| row[3].contains("libesparto_c.a"))
        .filter_map(|row| Some((number(row[1])?, number(row[2])?)))
        .filter(|&(addr, _)| addr != 0)
        .map(|(_, size)| size)
        .sum()
}

#[cfg(test)]
mod tests {
    use super::brought_bytes;

    #[test]
    fn a_map_is_added_up_without_what_was_dropped() {
        let map = "
Discarded input sections
 .text.gone 0x00000000 0x50 /x/libesparto_c.a(a.o)
Linker script and memory map
 .text.short 0x80000000 0x10 /x/libesparto_c.a(a.o)
 .text.a_name_that_is_long
                0x80000010 0x20 /x/libesparto_c.a(a.o)
 .rodata.str1.1 0x80000030 0x4 /x/libesparto_c.a(b.o)
 .text.dropped  0x00000000 0x40 /x/libesparto_c.a(b.o)
 .text.theirs   0x80000040 0x40 /x/libc.a(c.o)
 .debug_info    0x00000001 0x99 /x/libesparto_c.a(b.o)";
        assert_eq!(brought_bytes(map), 0x34);
    }
}
