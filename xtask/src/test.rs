//! `cargo xtask test`: the steps in order, each told, and one closing line.

use std::panic::resume_unwind;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::Repo;
use crate::steps::{STEPS, Step};
use crate::tally::Tally;

/// Prints the steps and what each shows.
pub(crate) fn list() {
    for step in &STEPS {
        println!("{:<14} {}", step.name, step.about);
    }
}

/// What came of a step.
struct Outcome {
    name: &'static str,
    tally: Tally,
    is_failed: bool,
    line: String,
}

/// Runs the steps of `names`, or all that do not want to be named; goes on after a failure and fails
/// at the end. Steps that have a target directory of their own, or build nothing that another uses, run
/// beside the others, one after the other: half of a step's time, one processor is idle.
///
/// # Errors
/// Names the steps that failed.
pub(crate) fn run(repo: &Repo, names: &[String]) -> Result<()> {
    let start = Instant::now();
    let steps = choose(names)?;
    let (beside, in_turn): (Vec<_>, Vec<_>) = steps.into_iter().partition(|step| step.is_beside);
    let all = |steps: &[&'static Step]| -> Vec<Outcome> {
        steps.iter().map(|step| run_step(repo, step)).collect()
    };
    let outcomes = thread::scope(|scope| {
        let beside = scope.spawn(|| all(&beside));
        let mut outcomes = all(&in_turn);
        outcomes.extend(beside.join().unwrap_or_else(|panic| resume_unwind(panic)));
        outcomes
    });
    let lines: Vec<&str> = outcomes.iter().map(|outcome| outcome.line.as_str()).collect();
    let is_failed = |outcome: &&Outcome| outcome.is_failed;
    let failed: Vec<&str> = outcomes.iter().filter(is_failed).map(|outcome| outcome.name).collect();
    let mut total = Tally::default();
    outcomes.iter().for_each(|outcome| total += outcome.tally);
    println!("\n{}", lines.join("\n"));
    println!("{}", closing_line(total, outcomes.len(), &failed, start.elapsed()));
    if failed.is_empty() {
        return Ok(());
    }
    bail!("failed: {}; run one alone with `cargo xtask test {}`", failed.join(", "), failed[0])
}

fn run_step(repo: &Repo, step: &Step) -> Outcome {
    eprintln!("\n── {}: {}", step.name, step.about);
    let start = Instant::now();
    let mut tally = Tally::default();
    let outcome = (step.run)(repo, &mut tally).and_then(|()| check(step, tally));
    let seconds = start.elapsed().as_secs_f32();
    let verdict = match &outcome {
        Ok(()) => format!("ok, {} passed, {} ignored", tally.passed, tally.ignored),
        Err(error) => {
            eprintln!("error: {}: {error:#}", step.name);
            tally.failed = tally.failed.max(1);
            format!("FAILED: {error}")
        }
    };
    let line = format!("{:<14} {seconds:>7.1} s  {verdict}", step.name);
    Outcome { name: step.name, tally, is_failed: outcome.is_err(), line }
}

fn choose(names: &[String]) -> Result<Vec<&'static Step>> {
    if names.is_empty() {
        return Ok(STEPS.iter().filter(|step| !step.is_apart).collect());
    }
    let find = |name: &String| {
        let step = STEPS.iter().find(|step| step.name == name);
        step.with_context(|| format!("there is no step `{name}`; `cargo xtask test --list`"))
    };
    names.iter().map(find).collect()
}

/// A step that tested nothing is a step that can hide anything.
fn check(step: &Step, tally: Tally) -> Result<()> {
    if tally.failed > 0 {
        bail!("{} of {} tests failed", tally.failed, tally.passed + tally.failed);
    }
    if tally.passed == 0 {
        bail!("the step {} ran no test at all", step.name);
    }
    Ok(())
}

fn closing_line(total: Tally, step_count: usize, failed: &[&str], elapsed: Duration) -> String {
    let verdict = if failed.is_empty() { "ok" } else { "FAILED" };
    format!(
        "test result: {verdict}. {total}; {step_count} steps; finished in {:.1}s",
        elapsed.as_secs_f32()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_without_tests_fails() {
        assert!(check(&STEPS[0], Tally::default()).is_err());
        assert!(check(&STEPS[0], Tally { passed: 3, failed: 1, ignored: 0 }).is_err());
        assert!(check(&STEPS[0], Tally { passed: 1, failed: 0, ignored: 0 }).is_ok());
    }

    #[test]
    fn steps_are_found_by_name() {
        let all = choose(&[]).expect("all steps");
        assert!(all.iter().all(|step| !step.is_apart) && all.len() < STEPS.len());
        assert_eq!(choose(&["fmt".to_owned()]).expect("fmt is a step")[0].name, "fmt");
        assert!(choose(&["no-such-step".to_owned()]).is_err());
    }

    #[test]
    fn the_closing_line_is_a_runners() {
        let total = Tally { passed: 5, failed: 0, ignored: 1 };
        let line = closing_line(total, 3, &[], Duration::from_secs(2));
        assert_eq!(
            line,
            "test result: ok. 5 passed; 0 failed; 1 ignored; 3 steps; finished in 2.0s"
        );
        assert!(
            closing_line(total, 3, &["fmt"], Duration::ZERO).starts_with("test result: FAILED")
        );
    }
}
