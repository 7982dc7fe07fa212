//! The workspace `firmware/`, and where cargo leaves its programs.

use std::path::{Path, PathBuf};

pub(crate) fn firmware() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../firmware")
}

/// The folder of what is built for `target`. A target directory from the environment counts from the
/// workspace.
pub(crate) fn built(target: &str) -> PathBuf {
    let place = std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
    firmware().join(place).join(target).join("release")
}
