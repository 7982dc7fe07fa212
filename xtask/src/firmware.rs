//! The programs of `firmware/`: built, booted on both emulators, compared with this machine.

pub(crate) mod leak;
mod record;
pub(crate) mod soak;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::emulator::{self, Emulator, Said, compare};
use crate::exec::Cmd;
use crate::program::{DIR, IMAC, IMC, Program, target_dir};
use crate::steps::{checked, tested};
use crate::tally::Tally;
use crate::{Repo, heavy, memcheck, overlay_scale, streamed, tools};

use record::Records;

/// The camera.
pub(crate) const CAMERA: Program = Program::new("camera", "camera", IMC);

/// The programs that run on the core and hold what they say to be true.
const PROGRAMS: [Program; 10] = [
    Program::new("suite", "suite", IMC),
    Program::new("suite", "suite", IMAC),
    Program::new("measure", "measure", IMC),
    Program::new("pools", "pools", IMC),
    Program::new("pools", "pools", IMAC),
    Program::new("bus", "bus", IMC),
    Program::new("leak", "leaking", IMC),
    Program::new("leak", "fixed", IMC),
    Program::new("leak", "overrun", IMC),
    Program::new("camera", "soak_short", IMC),
];

/// The suite on chips' memory maps, each with memory either writable or executable: both buses at one
/// address and at two, code in flash and in SRAM. `firmware/board-virt/build.rs` has the others.
const CHIP_PROGRAMS: [Program; 3] = [
    Program::new("suite", "suite", IMC).on("esp32c3", "flash"),
    Program::new("suite", "suite", IMC).on("esp32c3", "sram"),
    Program::new("suite", "suite", IMAC).on("esp32c6", "sram"),
];

/// What is linted for which core; some libraries of the workloads want atomics.
const LINTED: [(&[&str], &str); 2] = [
    (
        &[
            "board-virt",
            "bus",
            "camera",
            "camera-card",
            "card",
            "leak",
            "measure",
            "overlay",
            "pools",
            "radio",
            "recording",
            "scale",
            "suite",
        ],
        IMC,
    ),
    (&["planted", "workloads"], IMAC),
];

/// What is linted and tested on this machine.
const ON_HOST: &str =
    "-p board-map -p board-sd -p card-image -p journal -p jpeg -p lens -p pipeline";
const NATIVE: &str = "--features pipeline/native";

/// How far a program is: `progress DONE/TOTAL WHAT`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Progress<'a> {
    /// Steps that are over.
    pub(crate) done_count: u64,
    /// All steps.
    pub(crate) total_count: u64,
    /// What was over last.
    pub(crate) what: &'a str,
}

impl<'a> Progress<'a> {
    /// Reads a line of a program; `None` for a line of another kind.
    pub(crate) fn read(line: &'a str) -> Option<Self> {
        let (count, what) = line.strip_prefix("progress ")?.split_once(' ')?;
        let (done, total) = count.split_once('/')?;
        Some(Self { done_count: done.parse().ok()?, total_count: total.parse().ok()?, what })
    }
}

/// Cargo in the firmware workspace.
fn cargo(repo: &Repo, words: &str) -> Cmd {
    repo.cargo_in(DIR, words)
}

/// The same for what runs on this machine: as fast without being linked in one piece, as firmware is. Its
/// profile is that of the camera on a card, so that both share what runs while they are built.
fn cargo_here(repo: &Repo, words: &str) -> Cmd {
    let cargo = cargo(repo, words).words("--locked --profile streamed").words(ON_HOST);
    let cargo = cargo.env("CARGO_PROFILE_STREAMED_CODEGEN_UNITS", "16");
    // As tests have it: else it is built once for them and once for what is no test.
    cargo.env("CARGO_PROFILE_STREAMED_PANIC", "unwind")
}

/// What the camera's decoder and lens are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stages {
    /// Rust.
    Rust,
    /// C and C++.
    Native,
}

/// The results of the camera's computation on this machine.
pub(crate) fn camera_on_host(repo: &Repo, stages: Stages) -> Result<Vec<String>> {
    let build = cargo_here(repo, "build --quiet --example host");
    match stages {
        Stages::Rust => build,
        Stages::Native => build.words(NATIVE),
    }
    .run()?;
    let run = Cmd::new(target_dir(repo).join("streamed/examples/host"), repo.root());
    let results = emulator::results(run.read()?.lines());
    if results.is_empty() { bail!("`{run}` printed no result") } else { Ok(results) }
}

/// Holds what the camera computed on the core to the results of this machine.
pub(crate) fn hold_camera(said: &Said, host: &[String]) -> Result<()> {
    compare(["this machine", "the core"], host, &said.results())
}

/// The trace that the camera on the simulator wrote is that of QEMU, byte for byte.
pub(crate) fn compare_traces(sim: &Path, qemu: &Path) -> Result<()> {
    let read = |path: &Path| std::fs::read(path).with_context(|| path.display().to_string());
    if read(sim)? != read(qemu)? {
        bail!("the traces differ: {} and {}", sim.display(), qemu.display());
    }
    Ok(())
}

/// Lints the firmware, each part for the machine it runs on.
pub(crate) fn clippy(repo: &Repo, tally: &mut Tally) -> Result<()> {
    tools::ensure_targets(&tools::BARE_TARGETS)?;
    // Of the programs with parts in C.
    tools::RISCV_GCC.ensure()?;
    let host = cargo(repo, "clippy --locked --release --all-targets").words(ON_HOST);
    checked(&host.words("-- -D warnings"), tally)?;
    // One by one, as they are built: together they would share features, and a program without an
    // allocator would be asked for one.
    for (packages, target) in LINTED {
        for package in packages {
            let core = cargo(repo, "clippy --locked --release --target").arg(target);
            checked(&core.arg("-p").arg(package).words("-- -D warnings"), tally)?;
        }
    }
    Ok(())
}

/// The parts of the firmware that run anywhere, tested here.
pub(crate) fn test_on_host(repo: &Repo, tally: &mut Tally) -> Result<()> {
    tested(&cargo_here(repo, "test"), tally)?;
    // Beside the Rust stages, those in C and C++.
    tested(&cargo_here(repo, "test --lib").words(NATIVE), tally)
}

/// A folder for what a step leaves behind.
fn folder(repo: &Repo, name: &str) -> Result<PathBuf> {
    let folder = repo.target_dir()?.join(name);
    std::fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
    Ok(folder)
}

/// The camera and the programs that hold themselves to something, in QEMU.
pub(crate) fn test_on_qemu(repo: &Repo, tally: &mut Tally) -> Result<()> {
    tools::ensure_targets(&tools::BARE_TARGETS)?;
    let records = Records::new(folder(repo, "core-test")?);
    let said = records.of_camera(repo)?;
    hold_camera(&said, &camera_on_host(repo, Stages::Rust)?)?;
    tally.pass();
    for program in PROGRAMS {
        let said = records.of(repo, &program)?;
        leak::hold(program.bin, &said.lines)?;
        tally.pass();
    }
    Ok(())
}

/// The same on the simulator: every line and the number of instructions as in QEMU.
pub(crate) fn test_on_sim(repo: &Repo, tally: &mut Tally) -> Result<()> {
    tools::ensure_targets(&tools::BARE_TARGETS)?;
    let sim = Emulator::sim(repo)?;
    let records = Records::new(folder(repo, "core-test")?);
    let trace = folder(repo, "sim-test")?.join("camera.trace");
    let said = sim.boot(repo, &CAMERA, Some(&trace), |line| println!("{line}"))?;
    said.hold_to(&records.of_camera(repo)?)?;
    compare_traces(&trace, &records.camera_trace())?;
    println!("camera: the same {} instructions and the same trace as in QEMU", said.instructions);
    tally.pass();
    memcheck::hold(repo, &sim, &CAMERA, tally)?;
    for program in PROGRAMS {
        let said = sim.boot(repo, &program, None, |_| ())?;
        said.hold_to(&records.of(repo, &program)?)?;
        println!("{}: the same {} instructions as in QEMU", program.title(), said.instructions);
        tally.pass();
    }
    for program in CHIP_PROGRAMS {
        let said = sim.boot(repo, &program, None, |_| ())?;
        println!("{}: {} instructions", program.title(), said.instructions);
        tally.pass();
    }
    streamed::test(repo, &sim, tally)?;
    overlay_scale::test(repo, tally)?;
    heavy::test(repo, tally)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_is_read_and_nothing_else() {
        let progress = Progress::read("progress 3/40 frame 0 detect");
        let expected = Progress { done_count: 3, total_count: 40, what: "frame 0 detect" };
        assert_eq!(progress, Some(expected));
        for line in ["result 0 a", "progress", "progress 3 of 4", "progress x/4 y"] {
            assert_eq!(Progress::read(line), None, "{line}");
        }
    }
}
