//! The recorded traces of `traces/`: recorded anew, reported, replayed.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::emulator::Emulator;
use crate::exec::Cmd;
use crate::firmware::CAMERA;
use crate::program::{IMAC, Program};
use crate::tally::Tally;
use crate::{Repo, tools};

/// The traces that can be recorded anew; but for the camera's, each is a program of
/// `firmware/workloads`.
pub(crate) const NAMES: [&str; 8] =
    ["camera", "bignum", "json", "patterns", "rhai", "series", "server", "telemetry"];

/// The host tool, built, with a command.
pub(crate) fn esparto(repo: &Repo, words: &str) -> Result<Cmd> {
    Ok(Cmd::new(repo.host_tools()?.join("esparto"), repo.root()).words(words))
}

/// `esparto report` on `trace`.
pub(crate) fn report(repo: &Repo, trace: &Path) -> Result<Cmd> {
    Ok(esparto(repo, "report")?.arg(trace))
}

/// Records the trace `name` on the simulator.
pub(crate) fn record(repo: &Repo, name: &str) -> Result<()> {
    let trace = repo.path("traces").join(name).with_extension("trace");
    let workload = NAMES.into_iter().find(|known| *known == name).context("no such trace")?;
    let program = match workload {
        "camera" => CAMERA,
        workload => Program::new("workloads", workload, IMAC),
    };
    tools::ensure_targets(&[program.target])?;
    Emulator::sim(repo)?.boot(repo, &program, Some(&trace), |line| println!("{line}"))?;
    println!("recorded {}", trace.display());
    Ok(())
}

/// Reports and replays every committed trace, as the README shows it.
pub(crate) fn check(repo: &Repo, tally: &mut Tally) -> Result<()> {
    let esparto = esparto(repo, "")?;
    json(&esparto.clone().words("chips esp32s3 --json"))?;
    tally.pass();
    let traces = committed(repo)?;
    if traces.len() < 4 {
        bail!("traces/ holds {} traces; the camera's and three more are owed", traces.len());
    }
    for trace in traces {
        json(&esparto.clone().words("report --json").arg(&trace))?;
        tally.pass();
        json(&esparto.clone().words("run esp32c3 --json").arg(&trace))?;
        tally.pass();
    }
    Ok(())
}

fn committed(repo: &Repo) -> Result<Vec<PathBuf>> {
    let files = repo.files()?.into_iter();
    Ok(files.filter(|file| file.starts_with("traces") && has_trace_ending(file)).collect())
}

fn has_trace_ending(file: &Path) -> bool {
    file.extension().is_some_and(|extension| extension == "trace")
}

/// What `command` writes has to be one JSON value.
fn json(command: &Cmd) -> Result<Value> {
    let text = command.read()?;
    serde_json::from_str(&text).with_context(|| format!("`{command}` wrote no JSON"))
}
