//! The C library as others' build systems want it: one folder with headers and prebuilt libraries.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::{Repo, tools};

/// The cores that Rust itself builds for: its name, and the chips with that core.
const CORES: [(&str, &[&str]); 2] = [
    ("riscv32imc-unknown-none-elf", &["esp32c2", "esp32c3"]),
    ("riscv32imac-unknown-none-elf", &["esp32c5", "esp32c6", "esp32c61", "esp32h2"]),
];

const ARCHIVE: &str = "libesparto_c.a";

/// The headers, which go along wherever the library goes.
const HEADERS: &str = "crates/esparto-c/include";

/// What both take from the component of ESP-IDF.
const IDF: [&str; 3] = ["esparto_idf.c", "esparto_idf_overlay.c", "esparto_idf.h"];

/// Makes a library for PlatformIO in the folder `out`, with the libraries of the RISC-V chips.
///
/// # Errors
/// A library does not build, or `out` cannot be written or holds something else.
pub(crate) fn platformio(repo: &Repo, out: &Path) -> Result<()> {
    let from = repo.path("integrations/platformio");
    begin(out, "library.json")?;
    for file in ["library.json", "esparto_library.py", "esparto_overlay.py", "README.md"] {
        copy(&from.join(file), &out.join(file))?;
    }
    for folder in ["src", "example"] {
        copy(&from.join(folder), &out.join(folder))?;
    }
    copy(&repo.path(HEADERS), &out.join("include"))?;
    copy(&repo.path("crates/esparto-c/ports"), &out.join("ports"))?;
    for file in IDF {
        copy(&repo.path("integrations/esp-idf").join(file), &out.join("ports").join(file))?;
    }
    finish(repo, out)?;
    for (core, _) in CORES {
        copy(&build(repo, core)?, &out.join("lib").join(core).join(ARCHIVE))?;
    }
    Ok(())
}

/// Makes a library for Arduino in the folder `out`, with the libraries of the RISC-V chips.
///
/// # Errors
/// As [`platformio`].
pub(crate) fn arduino(repo: &Repo, out: &Path) -> Result<()> {
    let from = repo.path("integrations/arduino");
    begin(out, "library.properties")?;
    for file in ["library.properties", "keywords.txt", "README.md", "examples"] {
        copy(&from.join(file), &out.join(file))?;
    }
    let src = out.join("src");
    // The Arduino IDE compiles whatever lies in src, and includes the header of the library's name.
    copy(&from.join("src"), &src)?;
    copy(&repo.path(HEADERS), &src)?;
    for file in IDF {
        copy(&repo.path("integrations/esp-idf").join(file), &src.join(file))?;
    }
    finish(repo, out)?;
    for (core, chips) in CORES {
        let archive = build(repo, core)?;
        for chip in chips {
            copy(&archive, &src.join(chip).join(ARCHIVE))?;
        }
    }
    Ok(())
}

/// Makes `out` empty, if it is nothing else than an older one of these.
fn begin(out: &Path, mark: &str) -> Result<()> {
    if out.is_dir() && !names(out)?.is_empty() {
        if !out.join(mark).is_file() {
            bail!("{} holds other files: name a new or an empty folder", out.display());
        }
        fs::remove_dir_all(out).with_context(|| out.display().to_string())?;
    }
    fs::create_dir_all(out).with_context(|| out.display().to_string())
}

fn finish(repo: &Repo, out: &Path) -> Result<()> {
    ["LICENSE-APACHE", "LICENSE-MIT"]
        .iter()
        .try_for_each(|file| copy(&repo.path(file), &out.join(file)))
}

/// Builds the library for a core; where it is then.
fn build(repo: &Repo, core: &str) -> Result<PathBuf> {
    tools::ensure_targets(&[core])?;
    let words = "build --quiet --locked -p esparto-c --profile small --target";
    repo.cargo(words).arg(core).run()?;
    Ok(repo.target_dir()?.join(core).join("small").join(ARCHIVE))
}

/// The host tool, as others' builds call it.
pub(crate) fn host_tool(repo: &Repo) -> Result<PathBuf> {
    let name = format!("esparto{}", std::env::consts::EXE_SUFFIX);
    Ok(repo.host_tools()?.join(name))
}

/// Copies a file, or a folder with everything below but what builds leave behind.
pub(crate) fn copy(from: &Path, to: &Path) -> Result<()> {
    let mut left = vec![(from.to_owned(), to.to_owned())];
    while let Some((from, to)) = left.pop() {
        let context = || format!("{} to {}", from.display(), to.display());
        if !from.is_dir() {
            fs::create_dir_all(to.parent().unwrap_or(Path::new(""))).with_context(context)?;
            fs::copy(&from, &to).with_context(context)?;
            continue;
        }
        fs::create_dir_all(&to).with_context(context)?;
        for name in names(&from)? {
            if ![".pio", "__pycache__"].contains(&name.as_str()) {
                left.push((from.join(&name), to.join(&name)));
            }
        }
    }
    Ok(())
}

/// The names of what is in a folder, in order.
pub(crate) fn names(folder: &Path) -> Result<Vec<String>> {
    let listed = fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    let mut names = listed
        .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
        .collect::<Result<Vec<_>>>()?;
    names.sort();
    Ok(names)
}
