//! Running other programs, with errors that name the command line.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};

/// A command line, shown before it runs and named when it fails.
#[derive(Clone, Debug)]
pub(crate) struct Cmd {
    program: OsString,
    args: Vec<OsString>,
    dir: PathBuf,
    envs: Vec<(String, OsString)>,
    is_quiet: bool,
    limit: Duration,
}

/// Nothing that is read line by line takes longer than this, unless it is told otherwise.
const LIMIT: Duration = Duration::from_secs(30 * 60);

impl Cmd {
    /// A call of `program` from the folder `dir`.
    pub(crate) fn new(program: impl AsRef<OsStr>, dir: impl Into<PathBuf>) -> Self {
        Self {
            program: program.as_ref().to_owned(),
            args: Vec::new(),
            dir: dir.into(),
            envs: Vec::new(),
            is_quiet: false,
            limit: LIMIT,
        }
    }

    /// Adds the blank-separated words of `words` as arguments.
    pub(crate) fn words(mut self, words: &str) -> Self {
        self.args.extend(words.split_whitespace().map(OsString::from));
        self
    }

    /// Adds one argument as it is.
    pub(crate) fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.args.push(arg.as_ref().to_owned());
        self
    }

    /// Sets an environment variable.
    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.envs.push((name.to_owned(), value.as_ref().to_owned()));
        self
    }

    /// Does not show the command line before it runs.
    pub(crate) fn quiet(mut self) -> Self {
        self.is_quiet = true;
        self
    }

    /// Bounds the time that [`lines`](Self::lines) takes.
    pub(crate) fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Runs with the terminal attached.
    pub(crate) fn run(&self) -> Result<()> {
        self.announce();
        let status = self.expression().unchecked().run().context(self.to_string())?.status;
        if status.success() { Ok(()) } else { bail!("`{self}` ended with {status}") }
    }

    /// Runs and returns what it wrote to standard output; its standard error is shown.
    pub(crate) fn read(&self) -> Result<String> {
        self.announce();
        self.expression().read().with_context(|| format!("`{self}` failed"))
    }

    /// Does it start and end well? Its output is dropped.
    pub(crate) fn succeeds(&self) -> bool {
        let run = self.expression().stdin_null().stdout_null().stderr_null().unchecked().run();
        run.is_ok_and(|output| output.status.success())
    }

    /// Runs and hands every line of standard output and standard error to `take`, as it comes.
    /// Kills the program when it takes longer than its limit.
    pub(crate) fn lines(&self, mut take: impl FnMut(&str)) -> Result<()> {
        self.announce();
        let expression = self.expression().stdin_null().stderr_to_stdout();
        let reader = expression.reader().with_context(|| self.to_string())?;
        let (done, waiting) = mpsc::channel::<()>();
        thread::scope(|scope| {
            let reader = &reader;
            let watchdog = scope.spawn(move || {
                let is_late = waiting.recv_timeout(self.limit) == Err(RecvTimeoutError::Timeout);
                // A program that is gone already needs no killing.
                is_late && reader.kill().is_ok()
            });
            let read = BufReader::new(reader).split(b'\n').try_for_each(|line| {
                take(String::from_utf8_lossy(&line?).trim_end_matches('\r'));
                std::io::Result::Ok(())
            });
            drop(done);
            if watchdog.join().is_ok_and(|was_killed| was_killed) {
                bail!("`{self}` did not end within {} s and was killed", self.limit.as_secs());
            }
            // A status other than success arrives as a read error at the end.
            read.with_context(|| format!("`{self}` failed"))
        })
    }

    fn announce(&self) {
        if !self.is_quiet {
            eprintln!("$ {self}");
        }
    }

    fn expression(&self) -> duct::Expression {
        self.envs.iter().fold(
            duct::cmd(&self.program, &self.args).dir(&self.dir),
            |expression, (name, value)| expression.env(name, value),
        )
    }
}

impl fmt::Display for Cmd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in &self.envs {
            write!(f, "{name}={} ", quoted(value))?;
        }
        f.write_str(&quoted(&self.program))?;
        for arg in &self.args {
            write!(f, " {}", quoted(arg))?;
        }
        Ok(())
    }
}

/// The word as a shell would need it.
fn quoted(word: &OsStr) -> String {
    let word = word.to_string_lossy();
    if !word.is_empty() && !word.contains([' ', '"', '\'', '$', '*']) {
        return word.into_owned();
    }
    format!("'{word}'")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_names_the_command_line() {
        let cmd = Cmd::new("false", ".").words("a b").arg("c d").env("X", "1").quiet();
        let error = cmd.run().expect_err("false fails").to_string();
        assert!(error.contains("X=1 false a b 'c d'"), "{error}");
        assert!(!cmd.succeeds());
        assert!(cmd.lines(|_| ()).is_err());
    }

    #[test]
    fn a_program_that_hangs_is_killed() {
        let cmd = Cmd::new("sleep", ".").arg("1000").quiet().limit(Duration::from_millis(1));
        let error = cmd.lines(|_| ()).expect_err("it sleeps").to_string();
        assert!(error.contains("did not end"), "{error}");
    }

    #[test]
    fn lines_carries_both_streams() {
        let mut seen = Vec::new();
        let cmd = Cmd::new("sh", ".").arg("-c").arg("echo one; echo two >&2").quiet();
        cmd.lines(|line| seen.push(line.to_owned())).expect("sh runs");
        assert_eq!(seen, ["one", "two"]);
    }
}
