//! A memory without a sink has no instruction of tracing, read from the compiled code.
//!
//! The core is compiled as it is and a second time with every call that tells a sink cut out of
//! its source. With the silent sink every function has as many instructions in both, and all but a
//! few are the same (the compiler may test the same flag in two ways); with a sink that takes note
//! they are more, which shows that the comparison can fail.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use proc_macro2::Span;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{Expr, Stmt};

use crate::program::IMC;
use crate::tally::Tally;
use crate::{Repo, tools};

/// The functions of `xtask/probe`.
const PROBES: [&str; 6] = [
    "probe_allocate",
    "probe_deallocate",
    "probe_resize",
    "probe_mark",
    "probe_tiers_allocate",
    "probe_tiers_deallocate",
];

/// How many instructions may be others: the compiler tests a flag by its bit or by its value.
const OTHER_LIMIT: usize = 4;

/// How the names of the methods that tell a sink begin.
const TELL: &str = "tell";

/// Compares the two.
pub(crate) fn check(repo: &Repo, tally: &mut Tally) -> Result<()> {
    tools::ensure_targets(&[IMC])?;
    let dir = repo.target_dir()?.join("silent");
    let whole = Variant::make(repo, dir.join("whole"), |text| Ok((text.to_owned(), 0)))?;
    let cut = Variant::make(repo, dir.join("cut"), cut_telling)?;
    ensure!(
        cut.cut_count > 0,
        "no call of a method `{TELL}…` was found in the core: has it moved?"
    );

    let (silent, silent_cut) = (whole.instructions("")?, cut.instructions("")?);
    let (noting, noting_cut) = (whole.instructions("noting")?, cut.instructions("noting")?);
    println!("{} calls to the sink cut out of the core's source; instructions:", cut.cut_count);
    println!("{:>28} {:>10} {:>10}", "", "as it is", "cut out");
    println!("{:>28} {:>10} {:>10}", "silent sink", count(&silent), count(&silent_cut));
    println!("{:>28} {:>10} {:>10}", "sink that takes note", count(&noting), count(&noting_cut));
    ensure!(
        lengths(&silent) == lengths(&silent_cut),
        "a silent memory has instructions of tracing"
    );
    let other_count = differing(&silent, &silent_cut);
    println!("{other_count} of them are other instructions");
    ensure!(
        other_count <= OTHER_LIMIT,
        "{other_count} instructions of a silent memory are others than without tracing, at most {OTHER_LIMIT} may be"
    );
    tally.pass();
    ensure!(count(&noting) > count(&noting_cut), "taking note costs nothing: the probe is broken");
    tally.pass();
    Ok(())
}

/// The functions of a program, each as its instructions without operands.
type Functions = Vec<Vec<String>>;

fn count(functions: &Functions) -> usize {
    functions.iter().map(Vec::len).sum()
}

/// How many instructions the functions have, in order.
fn lengths(functions: &Functions) -> Vec<usize> {
    let mut lengths: Vec<_> = functions.iter().map(Vec::len).collect();
    lengths.sort_unstable();
    lengths
}

/// How many instructions of `ours` are none of `theirs`, wherever they stand.
fn differing(ours: &Functions, theirs: &Functions) -> usize {
    let mut counts = BTreeMap::<&str, isize>::new();
    for (functions, step) in [(ours, 1), (theirs, -1)] {
        for word in functions.iter().flatten() {
            *counts.entry(word).or_default() += step;
        }
    }
    counts.values().map(|count| count.max(&0).unsigned_abs()).sum()
}

/// A workspace of the core and the probe.
struct Variant {
    dir: PathBuf,
    cut_count: usize,
}

impl Variant {
    fn make(
        repo: &Repo,
        dir: PathBuf,
        edit: impl Fn(&str) -> Result<(String, usize)> + Copy,
    ) -> Result<Self> {
        if dir.exists() {
            fs::remove_dir_all(&dir).with_context(|| dir.display().to_string())?;
        }
        fs::create_dir_all(&dir)?;
        // The members inherit from the workspace, so it is this repository's but for its members.
        let manifest = fs::read_to_string(repo.path("Cargo.toml"))?;
        let own = |line: &&str| {
            !["members", "exclude", "default-members"].iter().any(|key| line.starts_with(key))
        };
        let manifest: Vec<_> = manifest.lines().filter(own).collect();
        let members = "[workspace]\nmembers = [\"crates/esparto\", \"probe\"]";
        fs::write(dir.join("Cargo.toml"), manifest.join("\n").replace("[workspace]", members))?;
        fs::copy(repo.path("Cargo.lock"), dir.join("Cargo.lock"))?;
        let cut_count = copy(&repo.path("crates/esparto"), &dir.join("crates/esparto"), edit)?;
        copy(&repo.path("xtask/probe"), &dir.join("probe"), |text| Ok((text.to_owned(), 0)))?;
        Ok(Self { dir, cut_count })
    }

    /// Compiles the probe for the core without atomics and reads its assembly.
    fn instructions(&self, features: &str) -> Result<Functions> {
        let target_dir = self.dir.join("target");
        let build = crate::exec::Cmd::new("cargo", &self.dir)
            .words("rustc --quiet --release --lib -p probe --target")
            .arg(IMC)
            .arg("--features")
            .arg(features)
            .arg("--target-dir")
            .arg(&target_dir)
            // Cutting calls leaves variables unused.
            .env("RUSTFLAGS", "-Awarnings")
            .words("-- --emit=asm -Ccodegen-units=1 -Cdebuginfo=0");
        build.run()?;
        let deps = target_dir.join(IMC).join("release/deps");
        let mut newest = None;
        for entry in fs::read_dir(&deps).with_context(|| deps.display().to_string())? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if name.starts_with("probe-") && name.ends_with(".s") {
                newest = newest.max(Some((fs::metadata(&path)?.modified()?, path)));
            }
        }
        let (_, path) = newest.with_context(|| format!("`{build}` wrote no assembly"))?;
        let functions = read_assembly(&fs::read_to_string(path)?);
        for probe in PROBES {
            ensure!(functions.contains_key(probe), "`{build}` compiled no `{probe}`");
        }
        // Names carry a hash of the folder; what the functions do is compared, in any order.
        let mut functions: Functions = functions.into_values().collect();
        functions.sort();
        Ok(functions)
    }
}

/// A manifest without the programs of `tests/`, which is not copied.
fn without_tests(manifest: &str) -> String {
    let mut is_test = false;
    let is_kept = |line: &&str| {
        if line.starts_with('[') {
            is_test = *line == "[[test]]";
        }
        !is_test
    };
    manifest.lines().filter(is_kept).collect::<Vec<_>>().join("\n")
}

/// Copies a crate, its text files passing through `edit`; returns the sum of its counts.
fn copy(
    from: &Path,
    to: &Path,
    edit: impl Fn(&str) -> Result<(String, usize)> + Copy,
) -> Result<usize> {
    fs::create_dir_all(to).with_context(|| to.display().to_string())?;
    let mut edit_count = 0;
    for entry in fs::read_dir(from).with_context(|| from.display().to_string())? {
        let path = entry?.path();
        let name = path.file_name().context("an entry has a name")?;
        if path.is_dir() {
            if name == "src" || from.components().any(|part| part.as_os_str() == "src") {
                edit_count += copy(&path, &to.join(name), edit)?;
            }
            continue;
        }
        let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        let text = if name == "Cargo.toml" { without_tests(&text) } else { text };
        let is_source = path.extension().is_some_and(|extension| extension == "rs");
        let (text, count) = if is_source { edit(&text)? } else { (text, 0) };
        fs::write(to.join(name), text)?;
        edit_count += count;
    }
    Ok(edit_count)
}

/// Blanks every statement that calls a method `tell…`; lines stay where they were.
fn cut_telling(text: &str) -> Result<(String, usize)> {
    let mut finder = Finder::default();
    finder.visit_file(&syn::parse_file(text)?);
    let mut bytes = text.as_bytes().to_vec();
    for span in &finder.spans {
        for byte in &mut bytes[span.byte_range()] {
            if *byte != b'\n' {
                *byte = b' ';
            }
        }
    }
    Ok((String::from_utf8(bytes)?, finder.spans.len()))
}

#[derive(Default)]
struct Finder {
    spans: Vec<Span>,
}

impl Visit<'_> for Finder {
    fn visit_stmt(&mut self, statement: &Stmt) {
        if let Stmt::Expr(Expr::MethodCall(call), Some(_)) = statement
            && call.method.to_string().starts_with(TELL)
        {
            self.spans.push(statement.span());
        } else {
            visit::visit_stmt(self, statement);
        }
    }
}

/// The functions of an assembly file, by name: their instructions without operands.
fn read_assembly(text: &str) -> BTreeMap<String, Vec<String>> {
    let mut functions = BTreeMap::new();
    let mut current = None;
    for line in text.lines() {
        if let Some(label) = line.strip_suffix(':') {
            // Labels inside a function begin with a dot.
            if !label.starts_with(['.', '\t', ' ']) {
                current = Some(label.to_owned());
            }
        } else if let Some(name) = &current
            && let Some(word) = line.strip_prefix('\t').and_then(|line| line.split('\t').next())
            && word.starts_with(|letter: char| letter.is_ascii_lowercase())
        {
            let instructions: &mut Vec<String> = functions.entry(name.clone()).or_default();
            instructions.push(word.to_owned());
        }
    }
    functions
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn telling_is_cut_and_nothing_else() {
        let source = "fn f(&mut self) {\n    self.tell(\n        1,\n    );\n    self.work();\n    s.tell_failure(2);\n}\n";
        let (text, count) = cut_telling(source).expect("it parses");
        assert_eq!(count, 2);
        assert!(!text.contains("tell") && text.contains("self.work();"), "{text}");
        assert_eq!(text.lines().count(), source.lines().count());
    }

    #[test]
    fn assembly_is_read_by_function() {
        let text =
            "one:\n\t.cfi_startproc\n\taddi\tsp, sp, -16\n.LBB0:\n\tret\ntwo:\n\tli\ta0, 1\n";
        let functions = read_assembly(text);
        assert_eq!(functions["one"], ["addi", "ret"]);
        assert_eq!(functions["two"], ["li"]);
    }
}
