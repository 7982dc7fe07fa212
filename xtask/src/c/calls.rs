//! A trace from C that says where each request was made.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::{BOARD, C, CORE_C, DIR, HOST_LIBRARIES, QEMU, says_ok, tool, tool_here};
use crate::{Repo, traces};

const SOURCE: &str = "tests/calls/calls.c";

/// What tells calls to the trace, and the linker of it.
const TELLER: &str = "ports/calls.c @ports/calls.args -DESPARTO_TRACE_CALLS";

/// Runs it on this machine and on the core; every leak is named by its line.
pub(super) fn test(repo: &Repo, libraries: &[PathBuf; 2], out: &Path) -> Result<()> {
    let [here, there] = ["host", "core"].map(|folder| out.join(folder));
    // At the addresses that its file says, as firmware is.
    let link = tool_here(repo, "cc").words(C).words("-no-pie").arg(SOURCE).words(TELLER);
    let program = here.join("calls");
    link.arg(&libraries[0]).words(HOST_LIBRARIES).arg("-o").arg(&program).run()?;
    says_ok(&tool(&program.to_string_lossy(), &here))?;
    names_its_leaks(repo, &here)?;

    let link = tool_here(repo, "riscv64-unknown-elf-gcc").words(C).words(CORE_C).words(BOARD);
    let link = link.arg(SOURCE).words(TELLER).arg(out.join("port.o")).arg(&libraries[1]);
    link.arg("-o").arg(there.join("calls")).run()?;
    says_ok(&tool("qemu-system-riscv32", &there).words(QEMU).arg(there.join("calls")))?;
    names_its_leaks(repo, &there)
}

/// A line that ends with `leak: BLOCKS BYTES` leaks so much.
fn names_its_leaks(repo: &Repo, folder: &Path) -> Result<()> {
    let report = traces::report(repo, &folder.join("calls.trace"))?.arg("--json").arg("--elf");
    let report = report.arg(folder.join("calls")).read()?;
    let report: Value = serde_json::from_str(&report).context("the report is no JSON")?;
    let leaks = report["leaks"].as_array().context("the report says nothing of leaks")?;
    let path = repo.root().join(DIR).join(SOURCE);
    let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let mut count = 0;
    for (line, text) in (1..).zip(text.lines()) {
        let Some((_, leak)) = text.split_once("/* leak: ") else { continue };
        let (blocks, bytes) =
            leak.trim_end_matches(" */").split_once(' ').context("two figures")?;
        let (blocks, bytes) = (blocks.parse::<u64>()?, bytes.parse::<u64>()?);
        let place = format!("calls.c:{line}");
        // Of several callers where it became a part of them.
        let of_line = |leak: &&Value| {
            leak["location"].as_str().is_some_and(|location| location.ends_with(&place))
        };
        let sum = |figure: &str| -> u64 {
            leaks.iter().filter(of_line).filter_map(|leak| leak[figure].as_u64()).sum()
        };
        let found = (sum("block_count"), sum("live_bytes"));
        ensure!(
            found == (blocks, bytes),
            "{place} leaks {bytes} bytes in {blocks} blocks, and the report says {found:?}: {leaks:?}"
        );
        count += 1;
    }
    ensure!(count == 4, "{SOURCE} says of {count} lines that they leak");
    Ok(())
}
