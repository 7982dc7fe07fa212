//! The core under Miri: its files of tests side by side, as many at once as there are processors.

use std::fs;
use std::sync::Mutex;
use std::thread;

use anyhow::{Context, Result, bail};

use crate::exec::Cmd;
use crate::tally::Tally;
use crate::{Repo, tools};

/// Miri looks at what computes with addresses on 32 bits, as on the chips, and at the rest of the core
/// on 64; `miri-both` looks at all of it on 64 bits too. Neither has to be the machine's own.
const WIDE: &str = "x86_64-unknown-linux-gnu";
const NARROW: &str = "i686-unknown-linux-gnu";
const ON_NARROW: [&str; 6] =
    ["heap_tag", "heap_sized", "linked_list", "memory", "pool_block", "word"];

/// What takes long, the longest first.
const LONG: [&str; 6] =
    ["heap_tag", "linked_list", "freertos", "heap_extend", "memory_settle", "bus_random"];

/// What takes a quarter of the time and goes where others go too: only `miri-both` looks at it.
const SKIPPED: [&str; 9] = [
    "freertos::a_memory_with_heap_4_keeps_an_exact_account",
    "heap_extend::a_gap_is_never_handed_out",
    "heap_tag::a_cache_is_emptied_in_steps_and_then_a_refused_request_is_granted",
    "heap_tag::every_short_sequence_holds",
    "linked_list::every_short_sequence_holds",
    "memory_grow::a_region_grows_while_its_blocks_are_live",
    "memory_settle::a_request_beyond_the_free_bytes_leaves_the_cache_alone",
    "memory_settle::every_way_of_asking_settles",
    "memory_usual::blocks_of_every_size_and_alignment_keep_what_is_in_them",
];

/// Each takes up to a gigabyte.
const MOST_AT_ONCE: usize = 4;

const FLAGS: &str = "-Zmiri-strict-provenance -Zmiri-disable-isolation -Zmiri-ignore-leaks";

/// Tests for one kind of machine.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Job {
    target: &'static str,
    /// The files in `tests/`; none for the tests inside of the crate.
    files: Vec<String>,
    wide: Wide,
}

impl Job {
    fn command(&self, repo: &Repo) -> Cmd {
        let miri = miri(repo, self.target);
        if self.files.is_empty() {
            return miri.arg("--lib");
        }
        // Each file is a module of one program.
        let miri = miri.words("--test").arg(PROGRAM).arg("--");
        let miri = self.files.iter().fold(miri, |miri, file| miri.arg(format!("{file}::")));
        match self.wide {
            Wide::All => miri,
            Wide::Rest => SKIPPED.iter().fold(miri, |miri, test| miri.arg("--skip").arg(test)),
        }
    }
}

/// The longest come first.
fn rank(file: &str) -> usize {
    LONG.iter().position(|long| *long == file).unwrap_or(LONG.len())
}

/// The program of `tests/` that Miri can run: the model checker's it cannot.
const PROGRAM: &str = "all";

fn miri(repo: &Repo, target: &str) -> Cmd {
    let miri = repo.cargo("+nightly miri test --quiet --locked -p esparto --all-features --target");
    miri.arg(target)
        // Isolation off: proptest looks for the file of its earlier failures. Leaks ignored:
        // memory handed to a `Memory` is given for ever, as on the chip.
        .env("MIRIFLAGS", FLAGS)
        // Miri is some hundred times slower: the host step runs the full number of cases.
        .env("PROPTEST_CASES", "4")
        .quiet()
}

/// How much is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wide {
    /// On 64 bits what is not on 32, and not what is skipped.
    Rest,
    /// All on 64 bits, and nothing skipped.
    All,
}

/// Each file of tests on one kind of machine.
pub(crate) fn test(repo: &Repo, tally: &mut Tally) -> Result<()> {
    run_all(repo, Wide::Rest, tally)
}

/// What computes with addresses on both.
pub(crate) fn test_both(repo: &Repo, tally: &mut Tally) -> Result<()> {
    run_all(repo, Wide::All, tally)
}

/// Goes on after a failure and fails at the end.
fn run_all(repo: &Repo, wide: Wide, tally: &mut Tally) -> Result<()> {
    tools::ensure_nightly()?;
    let waiting = Mutex::new(jobs(repo, wide)?);
    // Cargo builds one at a time: better now than with the others waiting.
    for target in [WIDE, NARROW] {
        miri(repo, target).words("--no-run --lib --test").arg(PROGRAM).run()?;
    }
    let at_once = thread::available_parallelism().map_or(1, usize::from).min(MOST_AT_ONCE);
    let total = Mutex::new((Tally::default(), Vec::new()));
    thread::scope(|scope| {
        for _ in 0..at_once {
            scope.spawn(|| {
                while let Some(job) = pop(&waiting) {
                    let (said, own, failure) = run(repo, &job);
                    if let Ok(mut total) = total.lock() {
                        println!("{said}");
                        total.0 += own;
                        total.1.extend(failure);
                    }
                }
            });
        }
    });
    let Ok((own, failures)) = total.into_inner() else { bail!("a thread died") };
    *tally += own;
    if failures.is_empty() { Ok(()) } else { bail!("{}", failures.join("\n")) }
}

fn pop(waiting: &Mutex<Vec<Job>>) -> Option<Job> {
    waiting.lock().ok()?.pop()
}

/// What was said, what was counted, and what failed. A file without a test for Miri is no failure.
fn run(repo: &Repo, job: &Job) -> (String, Tally, Option<String>) {
    let command = job.command(repo);
    let (mut said, mut tally) = (format!("$ {command}"), Tally::default());
    let outcome = command.lines(|line| {
        said.push('\n');
        said.push_str(line);
        tally.read_line(line);
    });
    (said, tally, outcome.err().map(|error| format!("{error:#}")))
}

/// The modules of the program.
fn files(repo: &Repo) -> Result<Vec<String>> {
    let root = repo.path("crates/esparto/tests").join(PROGRAM).with_extension("rs");
    let text = fs::read_to_string(&root).with_context(|| root.display().to_string())?;
    let modules = text.lines().filter_map(|line| line.strip_prefix("mod ")?.strip_suffix(';'));
    Ok(modules.map(str::to_owned).collect())
}

/// All jobs, the one to begin with last.
fn jobs(repo: &Repo, wide: Wide) -> Result<Vec<Job>> {
    let files = files(repo)?;
    if let Some(gone) =
        ON_NARROW.iter().chain(&LONG).find(|name| !files.iter().any(|file| file == *name))
    {
        bail!("there is no `tests/{gone}.rs` any more: mend the list in xtask/src/miri.rs");
    }
    let on_narrow = |file: &&String| ON_NARROW.contains(&file.as_str());
    let narrow: Vec<String> = files.iter().filter(on_narrow).cloned().collect();
    let on_wide = |file: &&String| wide == Wide::All || !on_narrow(file);
    let rest: Vec<String> = files.iter().filter(on_wide).cloned().collect();
    let mut jobs = Vec::new();
    for (target, files) in [(NARROW, narrow), (WIDE, rest)] {
        // Dealt out by length: each start of Miri reads the whole program.
        let mut files = files;
        files.sort_by_key(|file| rank(file));
        let mut hands = vec![Vec::new(); STARTS];
        files.into_iter().enumerate().for_each(|(at, file)| hands[at % STARTS].push(file));
        hands.push(Vec::new());
        jobs.extend(hands.into_iter().map(|files| Job { target, files, wide }));
    }
    // Those without files last: they are short.
    jobs.sort_by_key(|job| !job.files.is_empty());
    Ok(jobs)
}

/// How often Miri starts for a machine, beside the start for the tests inside of the crate.
const STARTS: usize = 2;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn what_is_skipped_is_there() {
        let repo = Repo::find().expect("the repository is here");
        for test in SKIPPED {
            let (file, name) = test.split_once("::").expect("a file and a test");
            let path = repo.path("crates/esparto/tests").join(file).with_extension("rs");
            let text = fs::read_to_string(path).expect("the file is there");
            assert!(text.contains(&format!("fn {name}()")), "{test}");
        }
    }

    #[test]
    fn every_file_is_looked_at() {
        let repo = Repo::find().expect("the repository is here");
        let modules = files(&repo).expect("the program of tests is here");
        assert!(modules.len() > ON_NARROW.len());
        for (wide, wide_count) in
            [(Wide::All, modules.len()), (Wide::Rest, modules.len() - ON_NARROW.len())]
        {
            let jobs = jobs(&repo, wide).expect("the core is here");
            for (target, count) in [(NARROW, ON_NARROW.len()), (WIDE, wide_count)] {
                let own: Vec<_> = jobs.iter().filter(|job| job.target == target).collect();
                let own_files: BTreeSet<_> = own.iter().flat_map(|job| &job.files).collect();
                assert_eq!(own_files.len(), count);
                // And the tests inside of the crate.
                assert!(own.iter().any(|job| job.files.is_empty()));
            }
        }
    }
}
