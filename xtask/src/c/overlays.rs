//! Overlays from C and C++: prepared, linked, packed, and run on the core from real files.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::{BOARD, C, CORE_C, CPP, DIR, HOST_LIBRARIES, QEMU, says_ok, tool, tool_here};
use crate::tally::Tally;
use crate::{Repo, traces};

/// For C++ without its library: destructors of objects go to the table that unloading runs.
const BARE_CPP: &str = "-fno-exceptions -fno-rtti -fno-use-cxa-atexit -fno-threadsafe-statics";

/// What becomes overlays, and what runs them.
const OVERLAYS: [&str; 3] = ["voice.c", "noise.c", "shapes.cpp"];
const PROGRAMS: [&str; 2] = ["overlays.c", "objects.cpp"];

/// Runs the programs of `tests/overlay`.
pub(super) fn test(
    repo: &Repo,
    libraries: &[PathBuf; 2],
    out: &Path,
    tally: &mut Tally,
) -> Result<()> {
    let out = out.join("overlay");
    let prepared = out.join("prepared");
    fs::create_dir_all(&prepared).with_context(|| prepared.display().to_string())?;
    nowhere(repo, &libraries[0], &out)?;
    tally.pass();

    let config = out.join("esparto.toml");
    let tests = repo.root().join(DIR).join("tests/overlay");
    let from = tests.join("overlays/esparto.toml");
    fs::copy(&from, &config).with_context(|| from.display().to_string())?;
    for source in OVERLAYS {
        let (stem, language) = language(source);
        let compile = tool_here(repo, "riscv64-unknown-elf-gcc").words(&language).words(CORE_C);
        let compile = compile.arg("-c").arg(tests.join("overlays").join(source));
        compile.arg("-o").arg(out.join(format!("{stem}.o"))).run()?;
    }
    let link = traces::esparto(repo, "overlay link --config")?.arg(&config);
    link.arg("--out").arg(&prepared).read()?;
    for source in PROGRAMS {
        let (stem, language) = language(source);
        let (elf, folder) = (out.join(format!("{stem}.elf")), out.join(stem));
        let compile = tool_here(repo, "riscv64-unknown-elf-gcc").words(&language).words(CORE_C);
        let compile = compile.words(BOARD).arg(tests.join(source)).arg(out.join("../port.o"));
        // One stretch is code and data: this board has no more.
        let compile = compile.arg(&libraries[1]).arg("-Wl,--no-warn-rwx-segments");
        let compile = compile.arg(format!("-Wl,@{}", prepared.join("link.args").display()));
        compile.arg("-o").arg(&elf).run()?;
        fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
        let pack = traces::esparto(repo, "overlay pack")?.arg(&elf).arg("--config").arg(&config);
        pack.arg("--out").arg(folder.join("data")).read()?;
        let boot = tool("qemu-system-riscv32", &folder).words(QEMU);
        says_ok(&boot.arg(out.join(format!("{stem}.flash.elf"))))?;
        tally.pass();
    }
    Ok(())
}

/// The name of a source, and how it is compiled.
fn language(source: &str) -> (&str, String) {
    match source.split_once('.') {
        Some((stem, "cpp")) => (stem, format!("{CPP} {BARE_CPP}")),
        _ => (source.trim_end_matches(".c"), C.to_owned()),
    }
}

/// A desk machine has no overlays.
fn nowhere(repo: &Repo, library: &Path, out: &Path) -> Result<()> {
    let program = out.join("nowhere");
    let link = tool_here(repo, "cc").words(C).arg("tests/overlay/nowhere.c").arg(library);
    link.words(HOST_LIBRARIES).arg("-o").arg(&program).run()?;
    says_ok(&tool(&program.to_string_lossy(), out))
}
