//! Hands the linker what `esparto overlay link` made: objects of overlays, stubs, the fragment.

use std::path::PathBuf;

/// The folder that it was told as `--out`.
const FOLDER: &str = "ESPARTO_OVERLAYS";

fn main() {
    println!("cargo::rerun-if-env-changed={FOLDER}");
    println!("cargo::rerun-if-changed=build.rs");
    let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) else {
        // Enough to check and lint; without the stubs nothing links.
        return;
    };
    let args = folder.join("link.args");
    let resident = folder.join("resident.o");
    for file in [&args, &resident] {
        println!("cargo::rerun-if-changed={}", file.display());
    }
    // For the linker behind the compiler.
    println!("cargo::rustc-link-arg-bins=-Wl,@{}", args.display());
    println!("cargo::rustc-link-arg-bins={}", resident.display());
    println!("cargo::rustc-link-arg-bins=-Wl,--wrap=longjmp");
}
