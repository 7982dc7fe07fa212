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
    println!("cargo::rerun-if-changed={}", args.display());
    println!("cargo::rustc-link-arg-bins=@{}", args.display());
    println!("cargo::rustc-link-arg-bins=--wrap=longjmp");
    for object in ["resident.o", "setjmp.o"] {
        let object = folder.join(object);
        println!("cargo::rerun-if-changed={}", object.display());
        // Overlays that need neither come without.
        if object.exists() {
            println!("cargo::rustc-link-arg-bins={}", object.display());
        }
    }
}
