//! The two emulators that a firmware runs on: the simulator of this repository, and QEMU.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::exec::Cmd;
use crate::program::Program;
use crate::{Repo, tools};

/// The longest that an emulated program may run.
const BOOT_LIMIT: Duration = Duration::from_secs(10 * 60);

/// What a program may take on the simulator: twice what the longest here does, the soak.
const INSTRUCTION_LIMIT: &str = "100000000000";

/// What runs a program.
#[derive(Clone, Debug)]
pub(crate) enum Emulator {
    /// `esparto sim`, built and at this path.
    Sim { esparto: PathBuf },
    /// `qemu-system-riscv32`, as the firmware's cargo configuration names it.
    Qemu,
}

impl Emulator {
    /// The simulator, which is built here and needs nothing else.
    pub(crate) fn sim(repo: &Repo) -> Result<Self> {
        let esparto = repo.host_tools()?.join("esparto");
        Ok(Self::Sim { esparto })
    }

    /// QEMU, installed if need be.
    pub(crate) fn qemu() -> Result<Self> {
        tools::QEMU_RISCV32.ensure()?;
        Ok(Self::Qemu)
    }

    /// Boots `program`; `take` sees its lines as they come, `trace` is the file for its trace. The
    /// program has to close with `ok` and the number of its instructions.
    ///
    /// The program starts by `cargo run`, so that it is built, and named alike on both: its command
    /// line is in its memory, and its length counts.
    pub(crate) fn boot(
        &self,
        repo: &Repo,
        program: &Program,
        trace: Option<&Path>,
        take: impl FnMut(&str),
    ) -> Result<Said> {
        // The emulator starts where cargo does, and the firmware splits its command line at blanks:
        // only the trace's bare name is passed.
        let dir = trace.map(|trace| trace.parent().context("a trace lies in a folder"));
        let run = program.cargo(repo, dir.transpose()?, "run --quiet");
        let run = match self {
            Self::Sim { esparto } => run.arg("--config").arg(runner(program, esparto)?),
            Self::Qemu => run,
        };
        let run = match (self, trace.and_then(Path::file_name)) {
            (Self::Sim { .. }, Some(name)) => run.arg("--").arg("--trace").arg(name),
            (Self::Qemu, Some(name)) => run.arg("--").arg("-append").arg(name),
            (_, None) => run,
        };
        self.listen(&run, take)
    }

    /// What the firmware says that `run` starts on this emulator: it has to close with `ok` and the number
    /// of its instructions. `take` sees its lines as they come.
    pub(crate) fn listen(&self, run: &Cmd, mut take: impl FnMut(&str)) -> Result<Said> {
        let mut lines = Vec::new();
        let outcome = run.clone().limit(BOOT_LIMIT).lines(|line| {
            let line = line.trim_end();
            take(line);
            lines.push(line.to_owned());
        });
        // What it said last is what it died of.
        outcome.with_context(|| format!("the firmware said:\n{}", lines.join("\n")))?;
        if matches!(self, Self::Sim { .. }) {
            // The simulator's own last word: all instructions, and on what.
            lines.pop();
        }
        match Said::close(lines) {
            Ok(said) => Ok(said),
            Err(lines) => bail!("`{run}` did not close with `ok`; it said:\n{}", lines.join("\n")),
        }
    }
}

/// The simulator as cargo's runner of `program`, in the words of cargo's configuration.
fn runner(program: &Program, esparto: &Path) -> Result<String> {
    let esparto = esparto.to_str().context("the path to the simulator is no text")?;
    let words = [esparto, "sim", "--max-instructions", INSTRUCTION_LIMIT];
    let board = program.chip.map(|(chip, _)| ["--chip", chip, "--protect"]);
    let words = words.into_iter().chain(board.into_iter().flatten());
    let words: Vec<String> = words.map(|word| format!("{word:?}")).collect();
    Ok(format!("target.{}.runner=[{}]", program.target, words.join(",")))
}

/// What a program said that ended well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Said {
    /// Its lines, without the two that close it.
    pub(crate) lines: Vec<String>,
    /// The instructions from the start to the end, as the core counted them.
    pub(crate) instructions: u64,
}

impl Said {
    /// Takes the closing lines off. `Err` gives all lines back.
    pub(crate) fn close(mut lines: Vec<String>) -> Result<Self, Vec<String>> {
        let [.., ok, count] = &lines[..] else { return Err(lines) };
        let instructions = count.strip_prefix("instructions ").and_then(|count| count.parse().ok());
        match instructions {
            Some(instructions) if ok == "ok" => {
                lines.truncate(lines.len() - 2);
                Ok(Self { lines, instructions })
            }
            _ => Err(lines),
        }
    }

    /// The lines that start with `result`, which the core and this machine must agree on.
    pub(crate) fn results(&self) -> Vec<String> {
        results(self.lines.iter().map(String::as_str))
    }

    /// The lines that tell of overlays.
    pub(crate) fn loads(&self) -> impl Iterator<Item = &str> {
        self.lines.iter().map(String::as_str).filter(|line| line.starts_with("overlay"))
    }

    /// Holds what the simulator said to what QEMU said: every line and the number of instructions.
    pub(crate) fn hold_to(&self, qemu: &Self) -> Result<()> {
        compare(["QEMU", "the simulator"], &qemu.lines, &self.lines)?;
        if self.instructions != qemu.instructions {
            bail!(
                "the same lines, but {} instructions on the simulator and {} on QEMU",
                self.instructions,
                qemu.instructions
            );
        }
        Ok(())
    }
}

/// The lines that start with `result`.
pub(crate) fn results<'a>(lines: impl Iterator<Item = &'a str>) -> Vec<String> {
    lines.filter(|line| line.starts_with("result ")).map(str::to_owned).collect()
}

/// Holds the lines of `ours` to those of `theirs`.
pub(crate) fn compare(names: [&str; 2], theirs: &[String], ours: &[String]) -> Result<()> {
    if theirs == ours {
        return Ok(());
    }
    let shorter = theirs.len().min(ours.len());
    let at = theirs.iter().zip(ours).position(|(a, b)| a != b).unwrap_or(shorter);
    let line = |lines: &[String]| lines.get(at).map_or("(no line)", |line| line).to_owned();
    bail!(
        "{} and {} differ: {} and {} lines; the first that differs:\n  {}\n  {}",
        names[0],
        names[1],
        theirs.len(),
        ours.len(),
        line(theirs),
        line(ours)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn a_program_closes_with_ok_and_a_count() {
        let said =
            Said::close(lines("hello\nresult 0 a\nok\ninstructions 12")).expect("it ended well");
        assert_eq!((said.results(), said.instructions), (lines("result 0 a"), 12));
        for bad in ["", "ok", "ok\ninstructions x", "instructions 12\nok", "instructions 12"] {
            assert_eq!(Said::close(lines(bad)), Err(lines(bad)), "{bad}");
        }
    }

    #[test]
    fn a_difference_is_an_error_that_shows_it() {
        let qemu = Said::close(lines("a\nb\nok\ninstructions 12")).expect("it ended well");
        assert!(qemu.hold_to(&qemu).is_ok());
        for (sim, needle) in [
            ("a\nc\nok\ninstructions 12", "\n  b\n  c"),
            ("a\nok\ninstructions 12", "(no line)"),
            ("a\nb\nok\ninstructions 13", "13 instructions"),
        ] {
            let sim = Said::close(lines(sim)).expect("it ended well");
            let error = sim.hold_to(&qemu).expect_err("they differ").to_string();
            assert!(error.contains(needle), "{error}");
        }
    }
}
