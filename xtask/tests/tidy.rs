//! The house rules, held against this repository.

use std::fs;
use std::path::Path;

use xtask::Repo;
use xtask::tidy::{Fault, coverage, layers, rooms, words};

fn repo() -> Repo {
    Repo::find().expect("the tests run inside the repository")
}

/// Every text file of the tree: path, text. Lock files are cargo's.
fn texts() -> Vec<(String, String)> {
    let repo = repo();
    let files = repo.files().expect("git lists the files");
    let texts: Vec<_> = files
        .iter()
        .filter(|file| file.extension().is_none_or(|extension| extension != "lock"))
        // What is not text (photographs, traces, models) has no words.
        .filter_map(|file| {
            let text = fs::read_to_string(repo.path(file)).ok()?;
            Some((file.to_string_lossy().replace('\\', "/"), text))
        })
        .collect();
    assert!(
        texts.iter().any(|(path, _)| path == "xtask/tests/tidy.rs"),
        "this file is one of them"
    );
    texts
}

#[track_caller]
fn assert_none(faults: &[Fault]) {
    assert!(faults.is_empty(), "{} fault(s):\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn each_crate_uses_only_what_the_table_allows() {
    let metadata = repo().metadata().expect("cargo reads the workspace");
    let packages = layers::packages(&metadata).expect("every root file parses");
    for name in ["esparto", "esparto-chips", "esparto-trace", "esparto-cli"] {
        assert!(packages.iter().any(|package| package.name == name), "{name} is in the workspace");
    }
    assert_none(&layers::check(&packages));
}

#[test]
fn rooms_are_small() {
    assert_none(&rooms::check(&texts(), &rooms::LONG_FILES));
}

#[test]
fn the_tree_holds_no_unwanted_words() {
    assert_none(&words::check(&texts()));
}

#[test]
fn links_lead_somewhere() {
    let repo = repo();
    assert_none(&words::check_links(&texts(), |path: &Path| repo.path(path).exists()));
}

#[test]
fn the_coverage_page_is_true() {
    let repo = repo();
    let page = fs::read_to_string(repo.path("docs/coverage.md")).expect("the page is there");
    assert_none(&coverage::check(&page, |path| fs::read_to_string(repo.path(path)).ok()));
}

#[test]
fn locked_dependencies_come_from_one_public_registry() {
    let repo = repo();
    let locks = repo.files().expect("git lists the files").into_iter();
    for lock in locks.filter(|file| file.ends_with("Cargo.lock")) {
        let text = fs::read_to_string(repo.path(&lock)).expect("the lock file is text");
        let public = "source = \"registry+https://github.com/rust-lang/crates.io-index\"";
        for line in text.lines().filter(|line| line.starts_with("source = ")) {
            assert_eq!(line, public, "{}", lock.display());
        }
    }
}

#[test]
fn each_file_of_tests_is_part_of_a_program() {
    let metadata = repo().metadata().expect("cargo reads the workspace");
    for package in metadata.workspace_packages() {
        let targets = package.targets.iter().filter(|target| target.is_test());
        let roots: Vec<_> = targets.map(|target| target.src_path.as_std_path()).collect();
        let texts = roots.iter().map(|root| fs::read_to_string(root).expect("a root of tests"));
        let texts: String = texts.collect();
        let folder = package.manifest_path.parent().expect("it lies in a folder").join("tests");
        for entry in fs::read_dir(folder).into_iter().flatten() {
            let file = entry.expect("the folder can be read").path();
            let is_root = roots.contains(&file.as_path());
            if is_root || file.extension().is_none_or(|extension| extension != "rs") {
                continue;
            }
            let name = file.file_stem().expect("it ends with rs").to_string_lossy();
            assert!(texts.contains(&format!("mod {name};")), "no program holds {}", file.display());
        }
    }
}
