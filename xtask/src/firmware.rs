//! The programs of `firmware/`: built, booted in QEMU, compared with this machine.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::exec::Cmd;
use crate::steps::{checked, tested};
use crate::tally::Tally;
use crate::{Repo, tools};

/// The firmware workspace.
const DIR: &str = "firmware";

/// The core without atomics: the harder one, and the ESP32-C3's.
pub(crate) const IMC: &str = "riscv32imc-unknown-none-elf";

/// The core with atomics, which some libraries of the workloads want.
pub(crate) const IMAC: &str = "riscv32imac-unknown-none-elf";

/// The programs that run on the core and hold what they say to be true, with the cores they run on.
const PROGRAMS: [(&str, &[&str]); 7] = [
    ("suite", &tools::BARE_TARGETS),
    ("measure", &[IMC]),
    ("pools", &tools::BARE_TARGETS),
    ("bus", &[IMC]),
    ("leak --bin leaking", &[IMC]),
    ("leak --bin fixed", &[IMC]),
    ("leak --bin overrun", &[IMC]),
];

/// What is linted for which core; some libraries of the workloads want atomics.
const LINTED: [(&[&str], &str); 2] = [
    (&["board-virt", "bus", "camera", "leak", "measure", "pools", "recording", "suite"], IMC),
    (&["planted", "workloads"], IMAC),
];

/// Programs whose instructions are counted without the frame pointers that only a trace wants.
const FRAMELESS: [&str; 1] = ["pools"];

/// The longest that an emulated program may run.
const BOOT_LIMIT: Duration = Duration::from_secs(10 * 60);

/// How far a program is: `progress DONE/TOTAL WHAT`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Progress<'a> {
    /// Steps that are over.
    pub(crate) done_count: u64,
    /// All steps.
    pub(crate) total_count: u64,
    /// What was over last.
    pub(crate) what: &'a str,
}

impl<'a> Progress<'a> {
    /// Reads a line of a program; `None` for a line of another kind.
    pub(crate) fn read(line: &'a str) -> Option<Self> {
        let (count, what) = line.strip_prefix("progress ")?.split_once(' ')?;
        let (done, total) = count.split_once('/')?;
        Some(Self { done_count: done.parse().ok()?, total_count: total.parse().ok()?, what })
    }
}

/// What a program on the core said.
pub(crate) struct Said {
    pub(crate) lines: Vec<String>,
}

impl Said {
    /// The lines that the core and the host must agree on.
    pub(crate) fn results(&self) -> Vec<String> {
        results(self.lines.iter().map(String::as_str))
    }
}

/// Makes sure that firmware can be built and booted.
pub(crate) fn ensure_tools() -> Result<()> {
    tools::ensure_targets(&tools::BARE_TARGETS)?;
    tools::QEMU_RISCV32.ensure()
}

/// Cargo in the firmware workspace.
pub(crate) fn cargo(repo: &Repo, words: &str) -> Cmd {
    repo.cargo_in(DIR, words)
}

/// Boots `program` (arguments of the workspace's `cargo run`) on the emulated core, by the runner
/// that the workspace's cargo configuration names; `take` sees its lines as they come, `trace` is
/// the file for its trace. The program has to close with `ok`.
pub(crate) fn boot(
    repo: &Repo,
    program: &str,
    trace: Option<&Path>,
    mut take: impl FnMut(&str),
) -> Result<Said> {
    // QEMU starts where cargo does, and the firmware splits its command line at blanks: only the
    // trace's bare name is passed. Away from its folder, the workspace's configuration is named; in
    // it, cargo finds it by itself, and naming it would give every flag twice.
    let run = match trace {
        Some(trace) => {
            let dir = trace.parent().context("a trace lies in a folder")?;
            let config = repo.path(DIR).join(".cargo/config.toml");
            Cmd::new("cargo", dir).arg("--config").arg(config)
        }
        None => Cmd::new("cargo", repo.path(DIR)),
    };
    let is_frameless = FRAMELESS.iter().any(|name| program.ends_with(&format!("-p {name}")));
    let run = if is_frameless { run.env("RUSTFLAGS", "-Clink-arg=-Tlink.x") } else { run };
    let run = run
        .words("run --quiet --locked --release --manifest-path")
        .arg(repo.path(DIR).join("Cargo.toml"))
        .words(program);
    let run = match trace.and_then(Path::file_name) {
        Some(name) => run.arg("--").arg("-append").arg(name),
        None => run,
    };
    let mut lines = Vec::new();
    let run = run.limit(BOOT_LIMIT);
    let outcome = run.lines(|line| {
        let line = line.trim_end();
        take(line);
        lines.push(line.to_owned());
    });
    // What it said last is what it died of.
    outcome.with_context(|| format!("the firmware said:\n{}", lines.join("\n")))?;
    if lines.last().is_none_or(|line| line != "ok") {
        bail!("`{run}` did not close with `ok`; it said:\n{}", lines.join("\n"));
    }
    Ok(Said { lines })
}

/// The camera firmware.
pub(crate) struct Camera {
    program: String,
}

impl Camera {
    /// Builds it, and its counterpart for this machine.
    pub(crate) fn build(repo: &Repo) -> Result<Self> {
        let program = format!("--target {IMC} -p camera");
        cargo(repo, "build --locked --release").words(&program).run()?;
        cargo(repo, "build --locked --release -p pipeline --example host").run()?;
        Ok(Self { program })
    }

    /// The program with its names and lines. A target directory from the environment counts from
    /// the workspace, where cargo ran.
    pub(crate) fn elf(&self, repo: &Repo) -> PathBuf {
        let target = std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
        repo.path(DIR).join(target).join(IMC).join("release/camera")
    }

    /// The results on this machine.
    pub(crate) fn on_host(&self, repo: &Repo) -> Result<Vec<String>> {
        let run = cargo(repo, "run --quiet --locked --release -p pipeline --example host");
        let results = results(run.read()?.lines());
        if results.is_empty() { bail!("`{run}` printed no result") } else { Ok(results) }
    }

    /// Runs it on the emulated core with `trace` as the file for its trace.
    pub(crate) fn on_core(
        &self,
        repo: &Repo,
        trace: &Path,
        take: impl FnMut(&str),
    ) -> Result<Said> {
        boot(repo, &self.program, Some(trace), take)
    }
}

fn results<'a>(lines: impl Iterator<Item = &'a str>) -> Vec<String> {
    lines.filter(|line| line.starts_with("result ")).map(str::to_owned).collect()
}

/// Holds the results of the core to those of this machine.
pub(crate) fn compare(host: &[String], core: &[String]) -> Result<()> {
    if host == core {
        return Ok(());
    }
    let at = host.iter().zip(core).position(|(a, b)| a != b).unwrap_or(host.len().min(core.len()));
    let line = |lines: &[String]| lines.get(at).map_or("(no line)", |line| line).to_owned();
    bail!(
        "the core and this machine differ: {} and {} results; the first that differs:\n  host {}\n  core {}",
        host.len(),
        core.len(),
        line(host),
        line(core)
    )
}

/// Lints the firmware, each part for the machine it runs on.
pub(crate) fn clippy(repo: &Repo, tally: &mut Tally) -> Result<()> {
    tools::ensure_targets(&tools::BARE_TARGETS)?;
    let host = cargo(repo, "clippy --locked --release -p pipeline --all-targets -- -D warnings");
    checked(&host, tally)?;
    // One by one, as they are built: together they would share features, and a program without an
    // allocator would be asked for one.
    for (packages, target) in LINTED {
        for package in packages {
            let core = cargo(repo, "clippy --locked --release --target").arg(target);
            checked(&core.arg("-p").arg(package).words("-- -D warnings"), tally)?;
        }
    }
    Ok(())
}

/// The parts of the firmware that run anywhere, tested here.
pub(crate) fn test_on_host(repo: &Repo, tally: &mut Tally) -> Result<()> {
    tested(&cargo(repo, "test --locked --release -p pipeline"), tally)
}

/// The camera and the programs that hold themselves to something, on the emulated core.
pub(crate) fn test(repo: &Repo, tally: &mut Tally) -> Result<()> {
    ensure_tools()?;
    let out = repo.target_dir()?.join("core-test");
    std::fs::create_dir_all(&out).with_context(|| out.display().to_string())?;
    let camera = Camera::build(repo)?;
    let host = camera.on_host(repo)?;
    let core = camera.on_core(repo, &out.join("camera.trace"), |line| println!("{line}"))?;
    compare(&host, &core.results())?;
    tally.pass();
    for (name, targets) in PROGRAMS {
        for target in targets {
            let program = format!("--target {target} -p {name}");
            boot(repo, &program, None, |line| println!("{line}"))?;
            tally.pass();
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        results(text.lines())
    }

    #[test]
    fn progress_is_read_and_nothing_else() {
        let progress = Progress::read("progress 3/40 frame 0 detect");
        let expected = Progress { done_count: 3, total_count: 40, what: "frame 0 detect" };
        assert_eq!(progress, Some(expected));
        for line in ["result 0 a", "progress", "progress 3 of 4", "progress x/4 y"] {
            assert_eq!(Progress::read(line), None, "{line}");
        }
    }

    #[test]
    fn a_difference_is_an_error_that_shows_it() {
        let host = lines("hello\nresult 0 a\nresult 1 b");
        assert!(compare(&host, &lines("result 0 a\nstage\nresult 1 b")).is_ok());
        for (core, needle) in
            [("result 0 a\nresult 1 c", "result 1 c"), ("result 0 a", "(no line)")]
        {
            let error = compare(&host, &lines(core)).expect_err("they differ").to_string();
            assert!(error.contains(needle), "{error}");
        }
    }
}
