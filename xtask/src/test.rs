//! `cargo xtask test`: the steps in order, each told, and one closing line.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::Repo;
use crate::steps::{STEPS, Step};
use crate::tally::Tally;

/// Prints the steps and what each shows.
pub(crate) fn list() {
    for step in &STEPS {
        println!("{:<10} {}", step.name, step.about);
    }
}

/// Runs the steps of `names`, or all; goes on after a failure and fails at the end.
///
/// # Errors
/// Names the steps that failed.
pub(crate) fn run(repo: &Repo, names: &[String]) -> Result<()> {
    let chosen = choose(names)?;
    let start = Instant::now();
    let mut total = Tally::default();
    let mut lines = Vec::new();
    let mut failed = Vec::new();
    for (index, step) in chosen.iter().enumerate() {
        eprintln!("\n── {} of {}: {} – {}", index + 1, chosen.len(), step.name, step.about);
        let step_start = Instant::now();
        let mut tally = Tally::default();
        let outcome = (step.run)(repo, &mut tally).and_then(|()| check(step, tally));
        let seconds = step_start.elapsed().as_secs_f32();
        let verdict = match &outcome {
            Ok(()) => format!("ok, {} passed, {} ignored", tally.passed, tally.ignored),
            Err(error) => {
                eprintln!("error: {error:#}");
                tally.failed = tally.failed.max(1);
                failed.push(step.name);
                format!("FAILED: {error}")
            }
        };
        lines.push(format!("{:<10} {seconds:>7.1} s  {verdict}", step.name));
        total += tally;
    }
    println!("\n{}", lines.join("\n"));
    println!("{}", closing_line(total, chosen.len(), &failed, start.elapsed()));
    if failed.is_empty() {
        return Ok(());
    }
    bail!("failed: {}; run one alone with `cargo xtask test {}`", failed.join(", "), failed[0])
}

fn choose(names: &[String]) -> Result<Vec<&'static Step>> {
    if names.is_empty() {
        return Ok(STEPS.iter().collect());
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
        assert_eq!(choose(&[]).expect("all steps").len(), STEPS.len());
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
