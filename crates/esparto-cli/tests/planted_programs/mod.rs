//! The programs of `firmware/planted`, built.
#![allow(dead_code, reason = "each test uses a part")]

use std::path::{Path, PathBuf};
use std::process::Command;

pub(crate) fn firmware() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../firmware")
}

/// Builds all programs for `target` on QEMU's machine; gives the folder they are in.
pub(crate) fn build(target: &str) -> PathBuf {
    build_with("planted", target, &[])
}

/// Builds all programs for the map of `chip`, their code in SRAM.
pub(crate) fn build_for(chip: &str, target: &str) -> PathBuf {
    let place = [("ESPARTO_CHIP", chip), ("ESPARTO_CODE", "sram")];
    build_with(&format!("planted-{chip}"), target, &place)
}

fn build_with(folder: &str, target: &str, place: &[(&str, &str)]) -> PathBuf {
    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join(folder);
    let status = Command::new(env!("CARGO"))
        .current_dir(firmware())
        .args(["build", "--quiet", "--release", "--locked", "--target", target, "-p", "planted"])
        .arg("--target-dir")
        .arg(&out)
        .env_remove("RUSTFLAGS")
        .envs(place.iter().copied())
        // A debugger wants variables too.
        .env("CARGO_PROFILE_RELEASE_DEBUG", "full")
        .status()
        .expect("cargo starts");
    assert!(status.success(), "the programs do not build; `rustup target add {target}`?");
    out.join(target).join("release")
}

/// The number of the line of `text` that ends with `mark`, or that comes after it when the mark
/// has a line of its own.
pub(crate) fn line_that_ends_with(text: &str, mark: &str) -> Option<usize> {
    let at = text.lines().position(|line| line.ends_with(mark))?;
    let is_above = text.lines().nth(at)?.trim() == mark;
    Some(at + 1 + usize::from(is_above))
}
