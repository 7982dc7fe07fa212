//! `cargo xtask demo`: the camera firmware on an emulated core, and where its memory went.

use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use indicatif::{ProgressBar, ProgressStyle};

use crate::firmware::{self, Camera, Progress};
use crate::{Repo, traces};

/// Builds, boots, checks, reports.
///
/// # Errors
/// Says which of these failed, and what to install when a tool is missing.
pub(crate) fn run(repo: &Repo) -> Result<()> {
    let start = Instant::now();
    firmware::ensure_tools()?;
    let out = repo.target_dir()?.join("demo");
    fs::create_dir_all(&out).with_context(|| out.display().to_string())?;

    eprintln!("1/4 Building the host tool and the firmware");
    repo.cargo("build --locked --release -p esparto-cli").run()?;
    let camera = Camera::build(repo)?;

    eprintln!("2/4 The computation on this machine, to compare with");
    let expected = camera.on_host(repo)?;

    eprintln!("3/4 The firmware on an emulated RV32IMC core, all its memory from Esparto");
    let trace = out.join("camera.trace");
    let bar = progress_bar();
    let core = camera.on_core(repo, &trace, |line| show(&bar, line));
    bar.finish_and_clear();
    let core = core?;
    firmware::compare(&expected, &core.results())?;
    core.lines
        .iter()
        .filter(|line| Progress::read(line).is_none())
        .for_each(|line| println!("{line}"));
    println!("{} results, the same on the core and on this machine\n", expected.len());

    eprintln!("4/4 Where every byte went");
    let page = out.join("report.html");
    let report = traces::report(repo, &trace).arg("--elf").arg(camera.elf(repo));
    report.arg("--html").arg(&page).quiet().run()?;
    println!("\nThe report to open:  {}", page.display());
    println!("The trace behind it: {}", trace.display());
    println!("Done in {:.0} s.", start.elapsed().as_secs_f32());
    Ok(())
}

fn progress_bar() -> ProgressBar {
    let template = "{spinner} [{bar:30}] {percent}%  {elapsed}  {wide_msg}";
    let style = ProgressStyle::with_template(template).expect("the template is a constant");
    let bar = ProgressBar::new(1).with_style(style.progress_chars("=> ")).with_message("booting");
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}

fn show(bar: &ProgressBar, line: &str) {
    if let Some(progress) = Progress::read(line) {
        bar.set_length(progress.total_count);
        bar.set_position(progress.done_count);
        bar.set_message(progress.what.to_owned());
    }
}
