//! `cargo xtask race`: the simulator against QEMU, and against itself with memcheck, in one run.

use std::sync::LazyLock;
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
    // As its users have it, and not with the checks of the tests.
    repo.cargo("build --quiet --locked --release -p esparto-cli").run()?;
    let esparto = repo.target_dir()?.join("release/esparto");
    let (sim, qemu) = (Emulator::Sim { esparto: esparto.clone() }, Emulator::qemu()?);
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
            let start = processor_time();
            said.push(emulator.boot(repo, &CAMERA, None, |_| ())?);
            *best = processor_time().saturating_sub(start).min(*best);
        }
        said[0].hold_to(&said[1])?;
        instructions = said[0].instructions;
        for (options, best) in ["", "--memcheck"].into_iter().zip(&mut best[2..]) {
            let start = processor_time();
            checked(options)?;
            *best = processor_time().saturating_sub(start).min(*best);
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

/// What the programs that this one started, and waited for, have cost so far: processor time, which
/// other work on the machine does not change. Where the system does not tell, the time of day.
fn processor_time() -> Duration {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    // Hundredths of a second; the fields behind the name in brackets.
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    let ticks: Vec<u64> = fields.skip(13).take(2).map_while(|field| field.parse().ok()).collect();
    match ticks[..] {
        [user, system] => Duration::from_millis((user + system) * 10),
        _ => START.elapsed(),
    }
}
