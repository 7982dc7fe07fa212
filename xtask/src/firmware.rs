//! The programs of `firmware/`: built, booted in QEMU, checked.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use cargo_metadata::Message;

use crate::exec::Cmd;
use crate::steps::tested;
use crate::tally::Tally;
use crate::{Repo, tools};

/// The firmware workspace.
const DIR: &str = "firmware";

/// The core that the firmware is built for: the one without atomics is the harder one.
pub(crate) const TARGET: &str = "riscv32imc-unknown-none-elf";

/// The longest that an emulated program may run.
const BOOT_LIMIT: Duration = Duration::from_secs(5 * 60);

/// Makes sure that firmware can be built and booted.
pub(crate) fn ensure_tools() -> Result<()> {
    tools::ensure_targets(&tools::BARE_TARGETS)?;
    tools::QEMU_RISCV32.ensure()
}

/// Builds a program for `target` and returns its ELF file.
pub(crate) fn build(repo: &Repo, package: &str, target: &str, more: &str) -> Result<PathBuf> {
    let build = repo
        .cargo_in(DIR, "build --locked --release --message-format=json-render-diagnostics -p")
        .arg(package)
        .arg("--target")
        .arg(target)
        .words(more);
    let messages = build.read()?;
    let mut elf = None;
    for message in Message::parse_stream(messages.as_bytes()) {
        if let Message::CompilerArtifact(artifact) = message? {
            elf = artifact.executable.or(elf);
        }
    }
    Ok(elf.with_context(|| format!("`{build}` made no program"))?.into_std_path_buf())
}

/// Boots `elf` with `out_dir` as the folder that its files go to; `take` gets its lines.
pub(crate) fn boot(elf: &Path, out_dir: &Path, take: impl FnMut(&str)) -> Result<()> {
    let qemu = Cmd::new(tools::QEMU_RISCV32.command(), out_dir)
        .words("-M virt -bios none -nographic -monitor none -serial stdio")
        .words("-icount shift=0 -semihosting-config enable=on,target=native -kernel")
        .arg(elf);
    qemu.limit(BOOT_LIMIT).lines(take)
}

/// The lines that the camera pipeline prints on this machine.
pub(crate) fn camera_on_host(repo: &Repo) -> Result<Vec<String>> {
    let host = repo.cargo_in(DIR, "run --quiet --locked --release -p pipeline --example host");
    Ok(host.read()?.lines().map(str::to_owned).collect())
}

/// Lints the firmware, each part for the machine it runs on.
pub(crate) fn clippy(repo: &Repo, tally: &mut Tally) -> Result<()> {
    tools::ensure_targets(&tools::BARE_TARGETS)?;
    repo.cargo_in(DIR, "clippy --locked --workspace -- -D warnings").arg("").run()?;
    tally.pass();
    Ok(())
}

/// The parts of the firmware that run anywhere, tested here.
pub(crate) fn test_on_host(repo: &Repo, tally: &mut Tally) -> Result<()> {
    tested(&repo.cargo_in(DIR, "test --locked --release -p pipeline"), tally)
}

/// The suite and the camera on the emulated core.
pub(crate) fn test(_repo: &Repo, _tally: &mut Tally) -> Result<()> {
    bail!("not yet")
}
