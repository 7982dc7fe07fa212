//! Programs without an error on the simulator with memcheck, which has to find none.

use anyhow::{Result, bail};

use crate::emulator::Emulator;
use crate::exec::Cmd;
use crate::firmware::CAMERA;
use crate::program::{IMAC, Program};
use crate::tally::Tally;
use crate::{Repo, tools, traces};

/// The camera and every workload.
///
/// # Errors
/// As [`hold`].
pub(crate) fn run(repo: &Repo) -> Result<()> {
    tools::ensure_targets(&tools::BARE_TARGETS)?;
    let (sim, mut tally) = (Emulator::sim(repo)?, Tally::default());
    for name in traces::NAMES {
        let program = match name {
            "camera" => CAMERA,
            workload => Program::new("workloads", workload, IMAC),
        };
        hold(repo, &sim, &program, &mut tally)?;
    }
    Ok(())
}

/// Runs `program`, which tells memcheck of its memory.
///
/// # Errors
/// It does not build or run, or memcheck finds something.
pub(crate) fn hold(
    repo: &Repo,
    sim: &Emulator,
    program: &Program,
    tally: &mut Tally,
) -> Result<()> {
    let Emulator::Sim { esparto } = sim else { bail!("only the simulator has a memcheck") };
    program.build(repo)?;
    let run = Cmd::new(esparto.display().to_string(), ".").words("sim --memcheck");
    run.arg(program.elf(repo)).quiet().read()?;
    println!("{}: memcheck finds nothing", program.title());
    tally.pass();
    Ok(())
}
