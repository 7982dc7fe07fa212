//! `cargo xtask sim-soak`: what the tests of the simulator do in short, for long.

use anyhow::Result;

use crate::repo::WITHOUT_COMMANDS;
use crate::{Repo, tools};

/// Compares `instruction_count` instructions of each kind with QEMU, and runs `file_count` damaged
/// firmware files with memcheck.
///
/// # Errors
/// A difference, a panic, or a test that does not start.
pub(crate) fn run(repo: &Repo, instruction_count: u64, file_count: u64) -> Result<()> {
    tools::QEMU_RISCV32.ensure()?;
    tools::ensure_targets(&tools::BARE_TARGETS)?;
    let test = |words: &str| {
        repo.cargo("test --quiet --release")
            .words(WITHOUT_COMMANDS)
            .words(words)
            .words("--nocapture")
    };
    test("--test lockstep --")
        .env("ESPARTO_SIM_INSTRUCTIONS", instruction_count.to_string())
        .run()?;
    test("--test firmware -- sim_damage::").env("ESPARTO_SIM_FILES", file_count.to_string()).run()
}
