//! The core under Miri: one file of tests after the other, as many at once as there are processors.

use std::sync::Mutex;
use std::thread;

use anyhow::{Context, Result, bail};

use crate::exec::Cmd;
use crate::tally::Tally;
use crate::{Repo, tools};

/// Miri looks at all of the core on 64 bits, and on 32 bits at what computes with addresses. Neither
/// has to be the machine's own.
const WIDE: &str = "x86_64-unknown-linux-gnu";
const NARROW: &str = "i686-unknown-linux-gnu";
const ON_NARROW: [&str; 6] =
    ["heap_tag", "heap_sized", "linked_list", "memory", "pool_block", "word"];

/// What takes longest starts first, so that nobody waits for it at the end.
const LONG: [&str; 6] =
    ["memory_settle", "heap_tag", "freertos", "guard", "linked_list", "bus_random"];

/// Each takes up to a gigabyte.
const MOST_AT_ONCE: usize = 4;

const FLAGS: &str = "-Zmiri-strict-provenance -Zmiri-disable-isolation -Zmiri-ignore-leaks";

/// Tests for one kind of machine.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Job {
    target: &'static str,
    /// The file in `tests/`; `None` for the tests inside of the crate.
    test: Option<String>,
}

impl Job {
    fn command(&self, repo: &Repo) -> Cmd {
        let miri = miri(repo, self.target);
        match &self.test {
            Some(test) => miri.arg("--test").arg(test),
            None => miri.arg("--lib"),
        }
    }

    fn rank(&self) -> usize {
        let place = |test: &String| LONG.iter().position(|long| long == test);
        self.test.as_ref().and_then(place).unwrap_or(LONG.len())
    }
}

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

/// Runs all of it; goes on after a failure and fails at the end.
pub(crate) fn test(repo: &Repo, tally: &mut Tally) -> Result<()> {
    tools::ensure_miri()?;
    let waiting = Mutex::new(jobs(repo)?);
    // Cargo builds one at a time: better now than with the others waiting.
    miri(repo, WIDE).words("--no-run --lib --tests").run()?;
    let narrow = miri(repo, NARROW).words("--no-run --lib");
    ON_NARROW.iter().fold(narrow, |narrow, test| narrow.arg("--test").arg(test)).run()?;
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

/// All jobs, the one to begin with last.
fn jobs(repo: &Repo) -> Result<Vec<Job>> {
    let metadata = repo.metadata()?;
    let packages = metadata.workspace_packages();
    let core = packages.iter().find(|package| package.name == "esparto");
    let targets = &core.context("the core is in the workspace")?.targets;
    let files = targets.iter().filter(|target| target.is_test()).map(|target| &target.name);
    let files: Vec<String> = files.cloned().collect();
    if let Some(gone) =
        ON_NARROW.iter().chain(&LONG).find(|name| !files.iter().any(|file| file == *name))
    {
        bail!("there is no `tests/{gone}.rs` any more: mend the list in xtask/src/miri.rs");
    }
    let mut jobs = Vec::new();
    for (target, tests) in [(NARROW, ON_NARROW.map(str::to_owned).to_vec()), (WIDE, files)] {
        let tests = tests.into_iter().map(Some).chain([None]);
        jobs.extend(tests.map(|test| Job { target, test }));
    }
    jobs.sort_by_key(|job| std::cmp::Reverse(job.rank()));
    Ok(jobs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_looked_at_and_the_longest_first() {
        let repo = Repo::find().expect("the repository is here");
        let jobs = jobs(&repo).expect("the core is here");
        let last = jobs.last().expect("there are jobs");
        assert_eq!(last.test.as_deref(), Some(LONG[0]));
        let own = |target| jobs.iter().filter(move |job| job.target == target);
        assert_eq!(own(NARROW).count(), ON_NARROW.len() + 1);
        let files = std::fs::read_dir(repo.path("crates/esparto/tests")).expect("it has tests");
        let files = files.filter_map(Result::ok).map(|entry| entry.path());
        let files = files.filter(|path| path.extension().is_some_and(|end| end == "rs"));
        assert_eq!(own(WIDE).count(), files.count() + 1);
    }
}
