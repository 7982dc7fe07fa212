//! `cargo xtask race`: the simulator against QEMU, and against itself with memcheck, in one run.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::Repo;
use crate::emulator::Emulator;
use crate::exec::Cmd;
use crate::firmware::CAMERA;
use crate::program::{IMAC, Program};

/// A firmware that tells memcheck of every block, and allocates most of the time.
const BUSY: Program = Program::new("planted", "busy", IMAC);

/// What memcheck may cost, as a multiple.
const MEMCHECK_LIMIT: f64 = 5.0;

/// Runs each `rounds` times, in turn, and takes the best.
///
/// # Errors
/// The simulator is slower than QEMU, or memcheck costs more than it may; a run fails, or the two
/// do not say the same.
pub(crate) fn run(repo: &Repo, rounds: u32) -> Result<()> {
    let (sim, qemu) = (Emulator::sim(repo)?, Emulator::qemu()?);
    let Emulator::Sim { esparto } = &sim else { bail!("the simulator is QEMU") };
    CAMERA.build(repo)?;
    BUSY.build(repo)?;
    let checked = |options: &str| -> Result<()> {
        let run = Cmd::new(esparto.display().to_string(), ".").arg("sim").words(options);
        run.arg(BUSY.elf(repo)).quiet().read().map(drop)
    };
    let mut best = [Duration::MAX; 4];
    let mut instructions = 0;
    for _ in 0..rounds.max(1) {
        let mut said = Vec::new();
        for (emulator, best) in [&sim, &qemu].into_iter().zip(&mut best) {
            let start = Instant::now();
            said.push(emulator.boot(repo, &CAMERA, None, |_| ())?);
            *best = start.elapsed().min(*best);
        }
        said[0].hold_to(&said[1])?;
        instructions = said[0].instructions;
        for (options, best) in ["", "--memcheck"].into_iter().zip(&mut best[2..]) {
            let start = Instant::now();
            checked(options)?;
            *best = start.elapsed().min(*best);
        }
    }
    let [sim, qemu, plain, memcheck] = best.map(|time| time.as_secs_f64());
    let cost = memcheck / plain;
    println!(
        "the camera, {instructions} instructions: {sim:.1} s on the simulator, {qemu:.1} s in QEMU with -icount shift=0"
    );
    println!("busy: {plain:.2} s, {memcheck:.2} s with memcheck: {cost:.1} times as long");
    if sim > qemu {
        bail!("the simulator is {:.2} times slower than QEMU", sim / qemu);
    }
    if cost > MEMCHECK_LIMIT {
        bail!("memcheck makes it {cost:.1} times slower, more than {MEMCHECK_LIMIT}");
    }
    Ok(())
}
