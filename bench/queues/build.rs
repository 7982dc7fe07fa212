//! Compiles the queues of the FreeRTOS kernel from the sources that a crate ships.

use std::path::PathBuf;

fn main() {
    let root = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=c");
    let metadata = cargo_metadata::MetadataCommand::new()
        .manifest_path(root.join("Cargo.toml"))
        .features(cargo_metadata::CargoOpt::AllFeatures)
        .exec()
        .unwrap_or_else(|error| panic!("cannot find the sources of the kernel: {error}"));
    let package = metadata.packages.iter().find(|package| package.name.as_str() == "freertos-next");
    let package = package.expect("freertos-next is among the dependencies");
    let kernel = package.manifest_path.parent().expect("a manifest is in a folder");
    let kernel = kernel.as_std_path().join("FreeRTOS-Kernel");
    cc::Build::new()
        .compiler("riscv64-unknown-elf-gcc")
        .archiver("riscv64-unknown-elf-ar")
        .no_default_flags(true)
        .flags(["-march=rv32imc_zicsr", "-mabi=ilp32", "--specs=picolibc.specs", "-ffreestanding"])
        .flags(["-ffunction-sections", "-fdata-sections", "-fno-common", "-w", "-O2"])
        .include(root.join("c"))
        .include(kernel.join("include"))
        .include(kernel.join("portable/GCC/RISC-V"))
        .files(["tasks.c", "queue.c", "list.c"].map(|file| kernel.join(file)))
        .file(root.join("c/port.c"))
        .compile("freertos");
}
