//! Compiles the C++: into this crate on a host, into an archive for `esparto-ld` on the core, where it
//! becomes an overlay.

use std::path::PathBuf;

/// Where the archives of overlays go.
const FOLDER: &str = "ESPARTO_OBJECTS";

fn main() {
    println!("cargo::rerun-if-changed=native");
    println!("cargo::rerun-if-env-changed={FOLDER}");
    let mut build = cc::Build::new();
    build
        .inherit_rustflags(false)
        .cpp(true)
        .std("c++17")
        .cpp_link_stdlib(None)
        .file("native/lens.cpp");
    for flag in [
        "-fno-exceptions",
        "-fno-rtti",
        "-fno-threadsafe-statics",
        // Destructors of objects go to the table that unloading runs.
        "-fno-use-cxa-atexit",
    ] {
        build.flag(flag);
    }
    let is_core = std::env::var("CARGO_CFG_TARGET_OS").is_ok_and(|os| os == "none");
    match std::env::var_os(FOLDER).map(PathBuf::from) {
        // Enough to check and lint: nothing is linked.
        None if is_core => {}
        Some(folder) if is_core => {
            build.flag("-ffreestanding").flag("-fno-omit-frame-pointer");
            build.pic(false).opt_level(2);
            build.cargo_metadata(false).out_dir(folder).compile("lens");
        }
        _ => build.compile("lens_native"),
    }
}
