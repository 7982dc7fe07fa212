//! `cargo xtask demo`: the camera, with more code than its flash, on the simulator with an SD card, and
//! where its memory went.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use indicatif::{ProgressBar, ProgressStyle};

use crate::emulator::Emulator;
use crate::firmware::{self, Progress, Stages};
use crate::streamed::{Packed, STREAMED};
use crate::{Repo, tools, traces};

/// Builds, runs, checks, reports; with `with_qemu`, runs the same file with the same card there too and
/// compares.
///
/// # Errors
/// Says which of these failed, and what to install when a tool is missing.
pub(crate) fn run(repo: &Repo, with_qemu: bool) -> Result<()> {
    let start = Instant::now();
    tools::ensure_targets(&[STREAMED.target])?;
    // The stages in C and C++ are compiled for the core, and for this machine to compare with.
    tools::RISCV_GCC.ensure()?;
    tools::HOST_CPP.ensure()?;
    let qemu = with_qemu.then(Emulator::qemu).transpose()?;
    let out = repo.target_dir()?.join("demo");
    let trace = out.join("camera.trace");
    let qemu_trace = out.join("qemu/camera.trace");
    fs::create_dir_all(out.join("qemu")).with_context(|| out.display().to_string())?;

    eprintln!(
        "1/4 Building the host tool and the firmware, and packing what is larger than its flash"
    );
    let sim = Emulator::sim(repo)?;
    let Emulator::Sim { esparto } = &sim else { bail!("the simulator is QEMU") };
    let packed = Packed::build(repo, esparto, &out.join("overlays"))?;
    packed.account.lines().iter().for_each(|line| println!("{line}"));

    eprintln!("2/4 The computation on this machine, to compare with");
    let expected = firmware::camera_on_host(repo, Stages::Native)?;

    eprintln!(
        "3/4 The firmware on a simulated RV32IMC core, its stages from the SD card, all its memory from Esparto"
    );
    let bar = progress_bar();
    let (said, in_qemu) = thread::scope(|scope| {
        let qemu = qemu.as_ref();
        let in_qemu = qemu.map(|qemu| scope.spawn(|| packed.boot(qemu, &qemu_trace, |_| ())));
        let said = packed.boot(&sim, &trace, |line| show(&bar, line));
        bar.set_message("waiting for QEMU");
        let in_qemu = in_qemu.map(|run| run.join().map_err(|_| anyhow!("QEMU's thread died")));
        (said, in_qemu)
    });
    bar.finish_and_clear();
    let said = said?;
    firmware::hold_camera(&said, &expected)?;
    said.lines
        .iter()
        .filter(|line| Progress::read(line).is_none())
        .for_each(|line| println!("{line}"));
    println!("{} results, the same on the core and on this machine", expected.len());
    println!("{} instructions on the simulator", said.instructions);
    if let Some(in_qemu) = in_qemu {
        let in_qemu = in_qemu??;
        said.hold_to(&in_qemu)?;
        firmware::compare_traces(&trace, &qemu_trace)?;
        in_qemu.loads().for_each(|line| println!("in QEMU: {line}"));
        println!(
            "{} instructions in QEMU, from its SD card: every line, every load and the trace are the same",
            in_qemu.instructions
        );
    }
    println!();

    eprintln!("4/4 Where every byte went");
    let page = out.join("report.html");
    let report = traces::report(repo, &trace)?.arg("--elf").arg(&packed.elf);
    report.arg("--html").arg(&page).quiet().run()?;
    println!("\nThe report to open:  {}", page.display());
    println!("The trace behind it: {}", trace.display());
    println!("Done in {:.0} s.", start.elapsed().as_secs_f32());
    Ok(())
}

/// A bar for a program that says how far it is.
pub(crate) fn progress_bar() -> ProgressBar {
    let template = "{spinner} [{bar:30}] {percent}%  {elapsed}  {wide_msg}";
    let style = ProgressStyle::with_template(template).expect("the template is a constant");
    let bar = ProgressBar::new(1).with_style(style.progress_chars("=> ")).with_message("booting");
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}

/// Shows a line on it, if it is one of those.
pub(crate) fn show(bar: &ProgressBar, line: &str) {
    if let Some(progress) = Progress::read(line) {
        bar.set_length(progress.total_count);
        bar.set_position(progress.done_count);
        bar.set_message(progress.what.to_owned());
    }
}
