//! Xtensa, run for real: the suite, the pools, the C library and overlays on an emulated LX106.
//!
//! A nightly compiler makes the code: its LLVM knows the core, and the standard library's `core` and
//! `alloc` are built on the way. The linker is GCC's.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::c::{self, says_ok, tool};
use crate::emulator::Said;
use crate::exec::Cmd;
use crate::program::DIR;
use crate::tally::Tally;
use crate::{Repo, tools};

/// The board, below the firmware workspace: target, linker script, the start of C programs.
const BOARD: &str = "board-lx106";

/// The target's file there, and what it is called after it.
const TARGET: &str = "xtensa-lx106-none-elf";

/// The programs of the firmware workspace that run on this core too.
const PROGRAMS: [&str; 2] = ["suite", "pools"];

/// No program takes longer.
const LIMIT: Duration = Duration::from_secs(240);

const STD: &str = "-Z build-std=core,alloc -Z build-std-features=compiler-builtins-mem \
    -Z json-target-spec";

const QEMU: &str = "-M sim -cpu lx106 -display none -monitor none -serial stdio -semihosting \
    -icount shift=10,sleep=off -kernel";

/// Debian keeps the C library's own settings where its compiler does not look.
const CORE_C: &str = "-mlongcalls -Os -ffunction-sections -fdata-sections \
    -B/usr/lib/xtensa-lx106-elf/ -specs=picolibc.specs";

/// The library of that package was built without a word on its stack.
const LINK: &str = "-nostartfiles -Wl,--gc-sections -Wl,--no-warn-execstack \
    -Wl,--defsym=__statics_in_psram=1";

/// Everything on this core.
pub(crate) fn test(repo: &Repo, tally: &mut Tally) -> Result<()> {
    tools::ensure_build_std()?;
    tools::QEMU_XTENSA.ensure()?;
    tools::XTENSA_GCC.ensure()?;
    let out = repo.target_dir()?.join("xtensa");
    fs::create_dir_all(&out).with_context(|| out.display().to_string())?;
    for program in PROGRAMS {
        let said = boot(&qemu(&out, &rust_program(repo, &out, program)?))?;
        println!("{program}.lx106: {} instructions", said.instructions);
        tally.pass();
    }
    c_library(repo, &out, tally)?;
    overlays(repo, &out)?;
    tally.pass();
    Ok(())
}

/// What is linted as code for this core.
const LINTED: [&str; 4] = ["board-lx106", "overlay-lx106", "pools", "suite"];

/// Lints what runs here.
pub(crate) fn clippy(repo: &Repo, tally: &mut Tally) -> Result<()> {
    tools::ensure_build_std()?;
    tools::ensure_nightly_clippy()?;
    let out = repo.target_dir()?.join("xtensa");
    let clippy = cargo(repo, DIR, "clippy --release", &out);
    let clippy = LINTED.iter().fold(clippy, |clippy, package| clippy.arg("-p").arg(package));
    build(&clippy.words("-- -D warnings"))?;
    tally.pass();
    Ok(())
}

/// Cargo on this target, in a workspace.
fn cargo(repo: &Repo, dir: &str, words: &str, out: &Path) -> Cmd {
    let target = repo.path(DIR).join(BOARD).join(TARGET).with_extension("json");
    let cargo = repo.cargo_in(dir, "+nightly").words(words).words("--locked").words(STD);
    cargo.arg("--target").arg(target).arg("--target-dir").arg(out)
}

/// Builds, and shows what the compiler says if that fails: it warns with each crate that the ABI of
/// cores without register windows may one day be none of its own.
fn build(command: &Cmd) -> Result<()> {
    let mut said = Vec::new();
    let outcome = command.lines(|line| said.push(line.to_owned()));
    outcome.with_context(|| format!("it said:\n{}", said.join("\n")))
}

/// The build of a program of the firmware workspace.
fn of_program(repo: &Repo, out: &Path, program: &str) -> Cmd {
    cargo(repo, DIR, "build --release", out).arg("-p").arg(program)
}

fn elf_of(out: &Path, program: &str) -> PathBuf {
    out.join(TARGET).join("release").join(program)
}

/// Builds a program of the firmware workspace.
fn rust_program(repo: &Repo, out: &Path, program: &str) -> Result<PathBuf> {
    build(&of_program(repo, out, program))?;
    Ok(elf_of(out, program))
}

/// The emulator with a program, started in `dir`.
fn qemu(dir: &Path, elf: &Path) -> Cmd {
    tool("qemu-system-xtensa", dir).words(QEMU).arg(elf).limit(LIMIT)
}

/// Runs a program that closes as those of the RISC-V board do.
fn boot(run: &Cmd) -> Result<Said> {
    let mut lines = Vec::new();
    let outcome = run.lines(|line| {
        println!("{line}");
        lines.push(line.to_owned());
    });
    outcome.with_context(|| format!("the firmware said:\n{}", lines.join("\n")))?;
    match Said::close(lines) {
        Ok(said) => Ok(said),
        Err(lines) => bail!("`{run}` did not close with `ok`; it said:\n{}", lines.join("\n")),
    }
}

/// The compiler in a folder.
fn gcc(dir: &Path) -> Cmd {
    tool("xtensa-lx106-elf-gcc", dir).words(CORE_C)
}

/// The library by the nightly compiler, its programs by GCC, and both run.
fn c_library(repo: &Repo, out: &Path, tally: &mut Tally) -> Result<()> {
    let words = "rustc -p esparto-c --lib --crate-type staticlib --profile small";
    build(&cargo(repo, ".", words, out))?;
    let library = out.join(TARGET).join("small/libesparto_c.a");
    let programs = out.join("c");
    fs::create_dir_all(&programs).with_context(|| programs.display().to_string())?;
    let board = repo.path(DIR).join(BOARD);
    let gcc = || gcc(&repo.path(c::DIR));
    let mut ours = Vec::new();
    for source in [board.join("c/board.c"), repo.path(c::DIR).join("ports/xtensa.c")] {
        let object = programs.join(source.file_name().context("a source")?).with_extension("o");
        gcc().words(c::C).arg("-c").arg(source).arg("-o").arg(&object).run()?;
        ours.push(object);
    }
    for source in [c::sources(repo, "tests/c")?, c::sources(repo, "examples")?].concat() {
        let elf = programs.join(source.file_stem().context("a program has a name")?);
        let is_cpp = source.extension().is_some_and(|extension| extension == "cpp");
        // As on the RISC-V core, there is no C++ library.
        let language = if is_cpp { [c::CPP, "-fno-exceptions -fno-rtti"] } else { [c::C, ""] };
        let link = language.iter().fold(gcc(), |gcc, words| gcc.words(words)).arg(source);
        let link = ours.iter().fold(link, Cmd::arg).arg(&library).words(LINK);
        link.arg("-T").arg(board.join("lx106.x")).arg("-o").arg(&elf).run()?;
        says_ok(&qemu(&programs, &elf))?;
        tally.pass();
    }
    c::traced(repo, &programs)
}

/// The sources of the overlays and of the resident code that calls them; the RISC-V program's.
const OVERLAYS: [&str; 6] =
    ["ping.c", "pong.c", "moving.c", "loose.c", "shapes.cpp", "resident.cpp"];

/// The program with the loader.
const OVERLAY_PROGRAM: &str = "overlay-lx106";

/// Overlays from C and C++ by GCC: linked, packed, and loaded from the files by calls.
fn overlays(repo: &Repo, out: &Path) -> Result<()> {
    repo.cargo("build --quiet --locked --release -p esparto-cli").run()?;
    let esparto = repo.target_dir()?.join("release/esparto");
    let folder = out.join("overlays");
    let data = folder.join("data");
    for folder in [&folder, &data] {
        fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    }
    for source in OVERLAYS {
        let (stem, kind) = source.split_once('.').context("a source has an extension")?;
        let language = match kind {
            "c" => c::C,
            // Destructors of objects go to the table that unloading runs.
            _ => {
                "-std=c++17 -Wall -Wextra -Werror -fno-exceptions -fno-rtti -fno-use-cxa-atexit \
                 -fno-threadsafe-statics"
            }
        };
        let compile = gcc(&repo.path(DIR).join("overlay/overlays")).words(language);
        let object = folder.join(stem).with_extension("o");
        compile.arg("-c").arg(source).arg("-o").arg(object).run()?;
    }
    let config = folder.join("esparto.toml");
    let source = repo.path(DIR).join(OVERLAY_PROGRAM).join("esparto.toml");
    fs::copy(&source, &config).with_context(|| source.display().to_string())?;
    let host_tool = |words: &str| {
        tool(&esparto.to_string_lossy(), &folder).words(words).arg("--config").arg(&config)
    };
    host_tool("overlay link").arg("--out").arg(&folder).read()?;
    build(&of_program(repo, out, OVERLAY_PROGRAM).env("ESPARTO_OVERLAYS", &folder))?;
    let flash = folder.join("flash.elf");
    let pack = host_tool("overlay pack").arg("--out").arg(&data).arg("--flash").arg(&flash);
    println!("{}", pack.arg(elf_of(out, OVERLAY_PROGRAM)).read()?);
    // It opens its files where it is started.
    let said = boot(&qemu(&data, &flash))?;
    println!("{OVERLAY_PROGRAM}: {} instructions", said.instructions);
    Ok(())
}
