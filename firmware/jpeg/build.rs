//! Compiles the decoder: into this crate on a host; on the core the large parts into archives for
//! `esparto-ld`, where each becomes an overlay, and only the rest into this crate.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where the archives of overlays go.
const FOLDER: &str = "ESPARTO_OBJECTS";

/// What is used by all parts, and what must not go: our own, and the memory manager.
const RESIDENT: [&str; 4] = ["jcomapi", "jmemmgr", "jsimd_none", "jutils"];

/// The parts that become overlays. A picture is opened by the first; then the next two take turns,
/// row of blocks by row of blocks. The last is for other pictures and other wishes than a camera's.
const PARTS: [(&str, &[&str]); 4] = [
    ("marker", &["jdapimin", "jdinput", "jdmarker"]),
    ("blocks", &["jdcoefct", "jddctmgr", "jdhuff", "jidctint"]),
    ("colour", &["jdapistd", "jdcolor", "jdmainct", "jdmaster", "jdmerge", "jdpostct", "jdsample"]),
    ("rare", &["jdphuff", "jidctflt", "jidctfst", "jidctred", "jquant1", "jquant2"]),
];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=native");
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed={FOLDER}");
    let is_core = std::env::var("CARGO_CFG_TARGET_OS")? == "none";
    let folder = std::env::var_os(FOLDER).map(PathBuf::from);
    if is_core && folder.is_none() {
        // Enough to check and lint: nothing is linked.
        return Ok(());
    }
    let sources = sources()?;
    let build = || {
        let mut build = cc::Build::new();
        build.include("native").include(&sources).warnings(false).inherit_rustflags(false);
        if is_core {
            build.include("native/libc").pic(false).opt_level(2);
            build.flag("-ffreestanding").flag("-fno-omit-frame-pointer");
        }
        build
    };
    let files = |names: &[&str]| -> Vec<PathBuf> {
        names.iter().map(|name| sources.join(name).with_extension("c")).collect()
    };
    let mut resident = build();
    resident.file("native/decode.c").files(files(&RESIDENT));
    match folder.filter(|_| is_core) {
        Some(folder) => {
            for (name, part) in PARTS {
                build().files(files(part)).cargo_metadata(false).out_dir(&folder).compile(name);
            }
        }
        None => PARTS.iter().for_each(|(_, part)| {
            resident.files(files(part));
        }),
    }
    resident.compile("jpeg_native");
    Ok(())
}

/// The folder with the library's C sources.
fn sources() -> Result<PathBuf, Box<dyn Error>> {
    let output = Command::new(std::env::var("CARGO")?)
        .args(["metadata", "--format-version", "1", "--locked", "--manifest-path"])
        .arg(Path::new(&std::env::var("CARGO_MANIFEST_DIR")?).join("Cargo.toml"))
        .output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into());
    }
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    let packages = metadata["packages"].as_array().ok_or("cargo metadata has no packages")?;
    let package = packages.iter().find(|package| package["name"] == "mozjpeg-sys");
    let manifest = package.and_then(|package| package["manifest_path"].as_str());
    let manifest = Path::new(manifest.ok_or("mozjpeg-sys is not among the packages")?);
    Ok(manifest.parent().ok_or("a manifest lies in a folder")?.join("vendor"))
}
