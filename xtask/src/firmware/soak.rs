//! `cargo xtask soak`: an hour of the camera's load, without growth.

use std::time::Instant;

use anyhow::Result;

use crate::demo::{progress_bar, show};
use crate::emulator::Emulator;
use crate::firmware::Progress;
use crate::program::{IMC, Program};
use crate::{Repo, tools};

/// The camera for an hour of emulated time. It fails when anything grows.
const SOAK: Program = Program::new("camera", "soak", IMC);

/// Boots it on the simulator or, `with_qemu`, in QEMU, and shows what it said.
pub(crate) fn run(repo: &Repo, with_qemu: bool) -> Result<()> {
    let start = Instant::now();
    tools::ensure_targets(&[SOAK.target])?;
    let emulator = if with_qemu { Emulator::qemu()? } else { Emulator::sim(repo)? };
    let bar = progress_bar();
    let said = emulator.boot(repo, &SOAK, None, |line| show(&bar, line));
    bar.finish_and_clear();
    let said = said?;
    said.lines
        .iter()
        .filter(|line| Progress::read(line).is_none())
        .for_each(|line| println!("{line}"));
    println!("{} instructions, and nothing grew", said.instructions);
    println!("Done in {:.0} s.", start.elapsed().as_secs_f32());
    Ok(())
}
