//! How many tests ran, read from what the test runners print.

use std::fmt;

use regex::Regex;

/// Tests that ran, over any number of runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Tests that passed.
    pub(crate) passed: u64,
    /// Tests that failed.
    pub(crate) failed: u64,
    /// Tests that were left out.
    pub(crate) ignored: u64,
}

impl Tally {
    /// Adds what one line of a runner says, if it is its last line.
    ///
    /// Understands `cargo test` (and Miri and the suites on the core, which close with the same
    /// line), `cargo nextest`, and Python's unittest, which fails by itself when a test does.
    pub(crate) fn read_line(&mut self, line: &str) {
        let number = |text: &str, what: &str| -> u64 {
            let pattern =
                Regex::new(&format!(r"([0-9]+) {what}")).expect("the pattern is constant");
            pattern.captures(text).and_then(|found| found[1].parse().ok()).unwrap_or(0)
        };
        let line = without_colour(line);
        if line.trim_start().starts_with("test result:") {
            self.passed += number(&line, "passed");
            self.failed += number(&line, "failed");
            self.ignored += number(&line, "ignored");
        } else if line.trim_start().starts_with("Summary [") {
            self.passed += number(&line, "passed");
            self.failed += number(&line, "failed") + number(&line, "timed out");
            self.ignored += number(&line, "skipped");
        } else if line.starts_with("Ran ") {
            self.passed += number(&line, "tests? in ");
        }
    }

    /// Counts one check that passed.
    pub(crate) fn pass(&mut self) {
        self.passed += 1;
    }
}

impl std::ops::AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.ignored += other.ignored;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed; {} failed; {} ignored", self.passed, self.failed, self.ignored)
    }
}

/// The line without escape sequences for colours.
fn without_colour(line: &str) -> String {
    let mut plain = String::with_capacity(line.len());
    let mut is_escape = false;
    for letter in line.chars() {
        match letter {
            '\u{1b}' => is_escape = true,
            'm' if is_escape => is_escape = false,
            _ if is_escape => {}
            other => plain.push(other),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_runners_are_understood() {
        let mut tally = Tally::default();
        tally.read_line(
            "test result: FAILED. 12 passed; 1 failed; 2 ignored; 0 measured; 0 filtered out",
        );
        tally.read_line("\u{1b}[32;1m     Summary\u{1b}[0m [   0.005s] 7 tests run: 5 passed, 2 failed, 3 skipped");
        tally.read_line("running 5 tests, 9 passed");
        tally.read_line("Ran 4 tests in 0.001s");
        tally.read_line("Ran 1 test in 0.001s");
        assert_eq!(tally, Tally { passed: 22, failed: 3, ignored: 5 });
    }
}
