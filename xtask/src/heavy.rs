//! Tests that need more than Rust: QEMU, a cross compiler, gdb. Their crates keep them behind a
//! feature; here is what they need, and they run as they are meant to: optimised.

use anyhow::Result;
use cargo_metadata::Metadata;

use crate::steps::tested;
use crate::tally::Tally;
use crate::{Repo, tools};

/// The features that they are behind.
const FEATURES: [&str; 2] = ["firmware", "qemu"];

/// Every other feature of the workspace, as `--features` takes them.
pub(crate) fn other_features(metadata: &Metadata) -> String {
    let packages = metadata.workspace_packages().into_iter();
    let names = packages.flat_map(|package| {
        let features = package.features.keys().filter(|name| !FEATURES.contains(&name.as_str()));
        features.map(|name| format!("{}/{name}", package.name)).collect::<Vec<_>>()
    });
    names.collect::<Vec<_>>().join(",")
}

/// Runs all of them.
pub(crate) fn test(repo: &Repo, tally: &mut Tally) -> Result<()> {
    tools::ensure_targets(&tools::BARE_TARGETS)?;
    // Its assembler knows the windowed Xtensa cores.
    tools::ensure_nightly()?;
    for tool in [tools::QEMU_RISCV32, tools::RISCV_GCC, tools::XTENSA_GCC, tools::GDB, tools::CMAKE]
    {
        tool.ensure()?;
    }
    for (package, feature, tests) in tests_behind(&repo.metadata()?) {
        let test = repo.cargo("test --locked --release -p").arg(package);
        let test = test.arg("--features").arg(feature);
        let test = tests.iter().fold(test, |test, name| test.arg("--test").arg(name));
        tested(&test, tally)?;
    }
    Ok(())
}

/// Package, feature and the tests that require it.
fn tests_behind(metadata: &Metadata) -> Vec<(String, &'static str, Vec<String>)> {
    let mut found = Vec::new();
    for package in metadata.workspace_packages() {
        for feature in FEATURES {
            let targets = package.targets.iter().filter(|target| {
                target.is_test() && target.required_features.iter().any(|name| name == feature)
            });
            let tests: Vec<String> = targets.map(|target| target.name.clone()).collect();
            if !tests.is_empty() {
                found.push((package.name.to_string(), feature, tests));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tests_behind_features_are_found_and_their_features_left_out_elsewhere() {
        let metadata =
            Repo::find().and_then(|repo| repo.metadata()).expect("the repository is here");
        let found = tests_behind(&metadata);
        let has = |package: &str, test: &str| {
            found.iter().any(|(name, _, tests)| name == package && tests.iter().any(|t| t == test))
        };
        assert!(has("esparto-cli", "planted") && has("esparto-cli", "card"), "{found:?}");
        assert!(has("esparto-sim", "lockstep"), "{found:?}");
        let others = other_features(&metadata);
        assert!(others.contains("esparto/allocator-api2-v0_4"), "{others}");
        assert!(!others.contains("firmware") && !others.contains("qemu"), "{others}");
    }
}
