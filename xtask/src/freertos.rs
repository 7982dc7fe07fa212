//! The real FreeRTOS kernel on our heap, on the emulated core.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::c::{BOARD, CORE_C, QEMU, library_for_core, says_ok, tool};
use crate::exec::Cmd;
use crate::tally::Tally;
use crate::{Repo, tools};

/// Where heap, board and programs are.
const DIR: &str = "integrations/freertos";

/// Who ships the kernel's sources, and which workspace pins their version.
const KERNEL: (&str, &str) = ("freertos-next", "bench/device/Cargo.toml");

/// The parts of the kernel that are linked, below its folder.
const SOURCES: [&str; 5] =
    ["tasks.c", "queue.c", "list.c", "portable/GCC/RISC-V/port.c", "portable/GCC/RISC-V/portASM.S"];

/// Its folders of headers.
const INCLUDES: [&str; 3] = [
    "include",
    "portable/GCC/RISC-V",
    "portable/GCC/RISC-V/chip_specific_extensions/RISCV_MTIME_CLINT_no_extensions",
];

/// What is run, by program of `test` and heap scheme.
const RUNS: [(&str, u32); 8] = [
    ("tasks", 0),
    ("tasks", 1),
    ("tasks", 2),
    ("tasks", 3),
    ("tasks", 4),
    ("tasks", 5),
    ("leak", 0),
    ("stack", 0),
];

/// Builds the kernel once for each scheme, and runs the programs.
pub(crate) fn test(repo: &Repo, tally: &mut Tally) -> Result<()> {
    tools::RISCV_GCC.ensure()?;
    tools::QEMU_RISCV32.ensure()?;
    let library = library_for_core(repo)?;
    let kernel = kernel(repo)?;
    let out = repo.target_dir()?.join("freertos-test");
    fs::create_dir_all(&out).with_context(|| out.display().to_string())?;
    for (program, scheme) in RUNS {
        println!("{program}, scheme {scheme}:");
        let elf = link(repo, &kernel, &library, &out, (program, scheme))?;
        says_ok(&tool("qemu-system-riscv32", &out).words(QEMU).arg(elf))?;
        tally.pass();
    }
    Ok(())
}

/// The folder of the kernel's sources, fetched if need be.
fn kernel(repo: &Repo) -> Result<PathBuf> {
    let (name, manifest) = KERNEL;
    let metadata = cargo_metadata::MetadataCommand::new()
        .manifest_path(repo.root().join(manifest))
        .features(cargo_metadata::CargoOpt::AllFeatures)
        .other_options(["--locked".to_owned()])
        .exec()
        .with_context(|| format!("cargo cannot read {manifest}"))?;
    let package = metadata.packages.iter().find(|package| package.name == name);
    let package = package.with_context(|| format!("{manifest} does not name {name}"))?;
    let folder = package.manifest_path.parent().context("a manifest lies in a folder")?;
    Ok(folder.join("FreeRTOS-Kernel").into_std_path_buf())
}

/// Compiles and links one program.
fn link(
    repo: &Repo,
    kernel: &Path,
    library: &Path,
    out: &Path,
    (program, scheme): (&str, u32),
) -> Result<PathBuf> {
    let dir = repo.root().join(DIR);
    let ours = ["heap_esparto.c", "test/board.c", &format!("test/{program}.c")]
        .map(|source| (dir.join(source), "-std=gnu11 -Wall -Wextra -Werror"));
    let port = (repo.root().join("crates/esparto-c/ports/riscv.c"), "-Wall -Wextra -Werror");
    // Not ours to mend.
    let theirs = SOURCES.map(|source| (kernel.join(source), "-w"));
    let mut objects = Vec::new();
    for (source, flags) in ours.into_iter().chain([port]).chain(theirs) {
        let stem = source.file_stem().context("a source has a name")?.to_string_lossy();
        let object = out.join(format!("{}-{stem}.o", objects.len()));
        // The kernel's port says itself that it uses the control registers.
        let compile = tool("riscv64-unknown-elf-gcc", &dir)
            .words("-march=rv32imc_zicsr -mabi=ilp32 --specs=picolibc.specs -Os -g")
            .words("-ffunction-sections -fdata-sections -I test -I ../../crates/esparto-c/include")
            .words(flags)
            .arg(format!("-DESPARTO_FREERTOS_SCHEME={scheme}"));
        let compile = INCLUDES
            .iter()
            .fold(compile, |compile, folder| compile.arg("-I").arg(kernel.join(folder)));
        compile.arg("-c").arg(&source).arg("-o").arg(&object).run()?;
        objects.push(object);
    }
    let elf = out.join(format!("{program}-{scheme}.elf"));
    let link = tool("riscv64-unknown-elf-gcc", &dir).words(CORE_C).words(BOARD);
    let link: Cmd = objects.iter().fold(link, |link, object| link.arg(object));
    link.arg(library).arg("-o").arg(&elf).run()?;
    Ok(elf)
}
