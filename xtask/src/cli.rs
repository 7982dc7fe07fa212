//! The command line.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::exec::Cmd;
use crate::{
    Repo, card, demo, firmware, library, loader, memcheck, overlay_scale, race, sim_soak, steps,
    test, tools, traces,
};

/// The development commands of Esparto.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the camera, its stages from an SD card, on the simulator and report where its memory went
    Demo {
        /// Run the same file with the same card in QEMU too: every line, every load and the trace have to
        /// be the same
        #[arg(long)]
        qemu: bool,
    },
    /// Run the camera for an hour of emulated time: what is in use after a minute may not grow
    Soak {
        /// Run it in QEMU
        #[arg(long)]
        qemu: bool,
    },
    /// Call 64 MB of overlays on an SD card in a random order, on the simulator; check every answer
    OverlayScale {
        /// 2 MB only, as the tests do
        #[arg(long)]
        small: bool,
    },
    /// Run everything that CI runs, or the named steps alone
    Test {
        /// Steps to run, in this order; all when none is named
        #[arg(value_name = "STEP", value_parser = steps::NAMES)]
        steps: Vec<String>,
        /// Print the steps and what each shows, and end
        #[arg(long)]
        list: bool,
    },
    /// Measure: run the benchmark driver with these arguments, or, with `queues` as the first, that
    /// of pools and queues, or, with `loader`, that of overlays; all if there are none
    Bench {
        /// Passed through to `esparto-bench`; `--help` shows them
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGS")]
        args: Vec<String>,
    },
    /// Time the simulator against QEMU on the camera, and memcheck against the simulator
    Race {
        /// How often; the best of each counts
        #[arg(long, default_value_t = 2, value_name = "COUNT")]
        rounds: u32,
    },
    /// Hold the simulator to QEMU by random programs, and to damaged firmware files, for long
    SimSoak {
        /// Instructions of each kind: plain, interrupted, beside protected memory
        #[arg(long, default_value_t = 10_000_000, value_name = "COUNT")]
        instructions: u64,
        /// Firmware files with damage, run with memcheck
        #[arg(long, default_value_t = 100_000, value_name = "COUNT")]
        files: u64,
    },
    /// Run the camera and every workload with memcheck, which has to find nothing
    Memcheck,
    /// Format the root workspace and the firmware
    Fmt,
    /// Check formatting and run clippy
    Lint,
    /// Make the image of an SD card with files, for `esparto sim --sd`
    Card {
        /// The image to write
        image: PathBuf,
        /// What shall be on the card; a folder goes with all that is below
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// Make the library for PlatformIO: one folder with headers, scripts and prebuilt libraries
    Platformio {
        /// A new folder, an empty one, or an older library
        #[arg(value_name = "FOLDER")]
        out: PathBuf,
    },
    /// Make the library for Arduino: one folder with headers, examples and prebuilt libraries
    Arduino {
        /// A new folder, an empty one, or an older library
        #[arg(value_name = "FOLDER")]
        out: PathBuf,
    },
    /// Record a trace of `traces/` anew on the emulated core
    Record {
        /// The trace, without its ending
        #[arg(value_name = "TRACE", value_parser = traces::NAMES)]
        name: String,
    },
    /// Hold the trace decoder against random and damaged traces, the heaps against random operations
    Fuzz {
        /// How many; the same number gives the same inputs
        #[arg(long, default_value_t = 10_000_000, value_name = "COUNT")]
        inputs: u64,
        /// Use libFuzzer instead: the target (trace_decode or heap_ops) and arguments for it
        /// (installs nightly; needs a C++ compiler)
        #[arg(long, num_args = 0.., allow_hyphen_values = true, value_name = "ARGS", conflicts_with = "inputs")]
        libfuzzer: Option<Vec<String>>,
    },
}

/// Runs the command line of this process.
#[must_use]
pub fn main() -> ExitCode {
    match run(Cli::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<()> {
    let repo = Repo::find()?;
    match command {
        Command::Demo { qemu } => demo::run(&repo, qemu),
        Command::Soak { qemu } => firmware::soak::run(&repo, qemu),
        Command::OverlayScale { small } => overlay_scale::run(&repo, small),
        Command::Test { list: true, .. } => {
            test::list();
            Ok(())
        }
        Command::Test { steps, list: false } => test::run(&repo, &steps),
        Command::Bench { args } => {
            tools::ensure_targets(&tools::BARE_TARGETS)?;
            tools::QEMU_RISCV32.ensure()?;
            tools::RISCV_GCC.ensure()?;
            let queues = |args: &[String]| {
                let bench = "run --quiet --release -p esparto-bench --bin esparto-bench-queues --";
                args.iter().fold(repo.cargo(bench), Cmd::arg).run()
            };
            if let Some((_, args)) = args.split_first().filter(|(first, _)| *first == "queues") {
                return queues(args);
            }
            if let Some((_, args)) = args.split_first().filter(|(first, _)| *first == "loader") {
                return loader::run(&repo, args);
            }
            let bench = repo.cargo("run --quiet --release -p esparto-bench --");
            args.iter().fold(bench, Cmd::arg).run()?;
            // Who asks for a part gets that part.
            match args.as_slice() {
                [] => queues(&[]).and_then(|()| loader::run(&repo, &[])),
                [flag, file] if flag == "--json" => loader::add_to(&repo, &repo.path(file)),
                _ => Ok(()),
            }
        }
        Command::Race { rounds } => race::run(&repo, rounds),
        Command::SimSoak { instructions, files } => sim_soak::run(&repo, instructions, files),
        Command::Memcheck => memcheck::run(&repo),
        Command::Fmt => steps::format(&repo),
        Command::Lint => test::run(&repo, &["fmt", "clippy", "clippy-rest"].map(str::to_owned)),
        Command::Card { image, files } => card::make(&image, &files),
        Command::Platformio { out } => library::platformio(&repo, &out),
        Command::Arduino { out } => library::arduino(&repo, &out),
        Command::Record { name } => traces::record(&repo, &name),
        Command::Fuzz { libfuzzer: Some(args), .. } => steps::libfuzzer(&repo, &args),
        Command::Fuzz { inputs, libfuzzer: None } => steps::fuzz(&repo, inputs),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_is_explained_to_contributors() {
        let told = include_str!("../../CONTRIBUTING.md");
        for command in Cli::command().get_subcommands() {
            let name = format!("`cargo xtask {}", command.get_name());
            assert!(told.contains(&name), "CONTRIBUTING.md has no row for {name}`");
        }
    }

    #[test]
    fn arguments_of_the_bench_pass_through() {
        let cli = Cli::parse_from(["xtask", "bench", "--json", "heap"]);
        let Command::Bench { args } = cli.command else { panic!("not bench: {cli:?}") };
        assert_eq!(args, ["--json", "heap"]);
    }
}
