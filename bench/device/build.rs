//! Links the programs for the emulated board, and compiles the peers that are written in C from the
//! sources that crates ship.

use std::fs;
use std::path::{Path, PathBuf};

/// The FreeRTOS heaps under test. All define the same functions, so each gets names of its own.
const FREERTOS_HEAPS: [&str; 4] = ["heap_1", "heap_2", "heap_4", "heap_5"];

fn main() {
    let root = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo sets it"));
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=device.ld");
    println!("cargo:rerun-if-changed=c");
    println!("cargo:rustc-link-arg-bins=-T{}/device.ld", root.display());
    println!("cargo:rustc-link-arg-bins=--no-eh-frame-hdr");

    let metadata = cargo_metadata::MetadataCommand::new()
        .manifest_path(root.join("Cargo.toml"))
        .features(cargo_metadata::CargoOpt::AllFeatures)
        .exec()
        .unwrap_or_else(|error| panic!("cannot find the sources of the peers: {error}"));
    let dir_of = |name: &str| -> PathBuf {
        let package = metadata.packages.iter().find(|package| package.name.as_str() == name);
        let package = package.unwrap_or_else(|| panic!("{name} is not among the dependencies"));
        package.manifest_path.parent().expect("a manifest is in a folder").as_std_path().to_owned()
    };

    let kernel = dir_of("freertos-next").join("FreeRTOS-Kernel");
    for heap in FREERTOS_HEAPS {
        freertos(heap, &kernel, &root, &out);
    }
    let o1heap = dir_of("o1heap").join("o1heap/o1heap");
    compiler()
        .file(o1heap.join("o1heap.c"))
        // As its crate builds it: without assertions.
        .define("O1HEAP_ASSERT(x)", "(void)(x)")
        .compile("o1heap");
    let umm = dir_of("umm-malloc-sys");
    compiler()
        .file(umm.join("umm_malloc/src/umm_malloc.c"))
        .include(umm.join("src"))
        .compile("umm_malloc");
}

/// The C compiler: that of the distribution, with the flags a firmware has.
fn compiler() -> cc::Build {
    let mut build = cc::Build::new();
    build
        .compiler("riscv64-unknown-elf-gcc")
        .archiver("riscv64-unknown-elf-ar")
        .no_default_flags(true)
        .flag("-march=rv32imc")
        .flag("-mabi=ilp32")
        .flag("--specs=picolibc.specs")
        .flag("-ffreestanding")
        .flag("-ffunction-sections")
        .flag("-fdata-sections")
        .flag("-fno-common")
        .flag("-w")
        .flag(if std::env::var("OPT_LEVEL").as_deref() == Ok("s") { "-Os" } else { "-O2" });
    build
}

/// Compiles one heap of the kernel.
///
/// heap_1, heap_2 and heap_4 have their size as a constant, and the benchmark searches for the smallest that
/// will do: in the copy that is compiled, the size is a variable.
fn freertos(heap: &str, kernel: &Path, root: &Path, out: &Path) {
    let source = kernel.join(format!("portable/MemMang/{heap}.c"));
    let mut text = fs::read_to_string(&source)
        .unwrap_or_else(|error| panic!("cannot read {}: {error}", source.display()));
    let mut replace = |from: &str, to: &str| {
        assert!(text.contains(from), "{} has no `{from}`", source.display());
        text = text.replace(from, to);
    };
    if heap != "heap_5" {
        replace("ucHeap[ configTOTAL_HEAP_SIZE ];", "ucHeap[];");
    }
    if heap == "heap_2" {
        replace(
            "static size_t xFreeBytesRemaining = configADJUSTED_HEAP_SIZE;",
            "static size_t xFreeBytesRemaining;",
        );
    }
    let copy = out.join(format!("{heap}.c"));
    fs::write(&copy, text).unwrap_or_else(|error| panic!("cannot write {heap}.c: {error}"));
    let mut build = compiler();
    build.file(copy).include(root.join("c")).include(kernel.join("include"));
    for name in [
        "pvPortMalloc",
        "pvPortCalloc",
        "vPortFree",
        "vPortHeapResetState",
        "vPortInitialiseBlocks",
        "xPortGetFreeHeapSize",
        "xPortGetMinimumEverFreeHeapSize",
        "xPortResetHeapMinimumEverFreeHeapSize",
        "vPortGetHeapStats",
        "vPortDefineHeapRegions",
    ] {
        build.define(name, format!("{heap}_{name}").as_str());
    }
    build.compile(heap);
}
