//! The programs of `firmware/planted`, built.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use crate::firmware_dir::{built, firmware};

/// Builds all programs for `target` on QEMU's machine; gives the folder they are in.
pub(crate) fn build(target: &str) -> PathBuf {
    build_with("planted", target, &[], &[])
}

/// Builds all programs for the map of `chip`, their code in SRAM, their names mangled as nightly
/// compilers do it.
pub(crate) fn build_for(chip: &str, target: &str) -> PathBuf {
    let place = [("ESPARTO_CHIP", chip), ("ESPARTO_CODE", "sram")];
    let names = r#"target.'cfg(target_os = "none")'.rustflags=["-Csymbol-mangling-version=v0"]"#;
    build_with(&format!("planted-{chip}"), target, &place, &["--config", names])
}

/// Builds them where all firmware is, one set at a time: what they have in common is compiled once.
/// Each set is built and copied once: a debugger maps the file that it reads, so no file may be
/// written again while tests run.
fn build_with(folder: &str, target: &str, place: &[(&str, &str)], words: &[&str]) -> PathBuf {
    static BUILT: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());
    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join(folder).join(target);
    let mut sets = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
    if sets.contains(&out) {
        return out;
    }
    let status = Command::new(env!("CARGO"))
        .current_dir(firmware())
        .args(["build", "--quiet", "--release", "--locked", "--target", target, "-p", "planted"])
        .args(words)
        .env_remove("RUSTFLAGS")
        .envs(place.iter().copied())
        // A debugger wants variables too.
        .env("CARGO_PROFILE_RELEASE_DEBUG", "full")
        .status()
        .expect("cargo starts");
    assert!(status.success(), "the programs do not build; `rustup target add {target}`?");
    fs::create_dir_all(&out).expect("there is room");
    let sources = fs::read_dir(firmware().join("planted/src/bin")).expect("there are programs");
    for source in sources {
        let source = source.expect("a program").path();
        let program = source.file_stem().expect("it has a name");
        fs::copy(built(target).join(program), out.join(program)).expect("built, and there is room");
    }
    sets.insert(out.clone());
    out
}

/// The number of the line of `text` that ends with `mark`, or that comes after it when the mark
/// has a line of its own.
pub(crate) fn line_that_ends_with(text: &str, mark: &str) -> Option<usize> {
    let at = text.lines().position(|line| line.ends_with(mark))?;
    let is_above = text.lines().nth(at)?.trim() == mark;
    Some(at + 1 + usize::from(is_above))
}
