//! Tests that need more than Rust: QEMU, a cross compiler, gdb. Their crates say `test = false` of
//! them; here is what they need.

use anyhow::Result;
use cargo_metadata::Metadata;

use crate::exec::Cmd;
use crate::repo::WITHOUT_COMMANDS;
use crate::steps::{checked, tested};
use crate::tally::Tally;
use crate::{Repo, tools};

/// Lints them: `--all-targets` are those that are tested by themselves.
pub(crate) fn clippy(repo: &Repo, tally: &mut Tally) -> Result<()> {
    let clippy = named(repo.cargo("clippy"), &repo.metadata()?);
    checked(&clippy.words("-- -D warnings"), tally)
}

/// Runs all of them.
pub(crate) fn test(repo: &Repo, tally: &mut Tally) -> Result<()> {
    tools::ensure_targets(&tools::BARE_TARGETS)?;
    tools::ensure_targets(&tools::FLOAT_TARGETS)?;
    // Its assembler knows the windowed Xtensa cores.
    tools::ensure_nightly()?;
    for tool in [tools::QEMU_RISCV32, tools::RISCV_GCC, tools::XTENSA_GCC, tools::GDB, tools::CMAKE]
    {
        tool.ensure()?;
    }
    tested(&named(repo.cargo("test --no-fail-fast"), &repo.metadata()?), tally)
}

/// Cargo on them.
fn named(cargo: Cmd, metadata: &Metadata) -> Cmd {
    let cargo = cargo.words(WITHOUT_COMMANDS);
    apart(metadata).iter().fold(cargo, |cargo, name| cargo.arg("--test").arg(name))
}

/// The tests that are not run with the others.
fn apart(metadata: &Metadata) -> Vec<String> {
    let packages = metadata.workspace_packages();
    let targets = packages.iter().flat_map(|package| &package.targets);
    let apart = targets.filter(|target| target.is_test() && !target.test);
    apart.map(|target| target.name.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tests_that_stand_apart_are_found() {
        let metadata =
            Repo::find().and_then(|repo| repo.metadata()).expect("the repository is here");
        let found = apart(&metadata);
        for name in ["firmware", "lockstep"] {
            assert!(found.iter().any(|found| found == name), "{found:?}");
        }
    }
}
