//! Hands the linker what `cargo xtask overlay-scale` made: objects of overlays, stubs, the fragment,
//! and the table of all functions.

use std::path::PathBuf;

/// The folder that it is in.
const FOLDER: &str = "ESPARTO_OVERLAYS";

fn main() {
    println!("cargo::rerun-if-env-changed={FOLDER}");
    println!("cargo::rerun-if-changed=build.rs");
    let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) else {
        // Enough to check and lint; without the stubs nothing links.
        return;
    };
    let (args, table) = (folder.join("link.args"), folder.join("table.o"));
    println!("cargo::rerun-if-changed={}", args.display());
    println!("cargo::rerun-if-changed={}", table.display());
    println!("cargo::rustc-link-arg-bins=@{}", args.display());
    println!("cargo::rustc-link-arg-bins={}", table.display());
}
