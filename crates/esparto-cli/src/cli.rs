//! The command line and its dispatch.

use std::io::{self, BufWriter, Write};

use clap::{Parser, Subcommand};

use crate::{Exit, Failure, Output, chips, map, overlay, report, run, sim};

/// What the help says below the options; [`Exit`] holds the same numbers.
const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  the input was judged bad: an unknown chip, a damaged file
  2  the command line was wrong
  3  a file could not be read or written";

/// The memory manager for ESP32-class microcontrollers, from the desk.
#[derive(Debug, Parser)]
#[command(name = "esparto", version, after_help = EXIT_CODES)]
pub struct Cli {
    /// Write JSON instead of text; errors too, on standard error
    #[arg(long, global = true)]
    pub json: bool,

    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands, one module each.
#[derive(Debug, Subcommand)]
#[non_exhaustive]
pub enum Command {
    /// Show the memory maps of the chips: one line each, or one chip in full
    #[command(after_help = EXIT_CODES)]
    Chips(chips::Args),
    /// Report what happened in a memory, from its trace
    #[command(after_help = EXIT_CODES, after_long_help = with_exit_codes(report::LONG_HELP))]
    Report(report::Args),
    /// Replay a trace on a chip's memory map with a heap of your choice, and report on that
    #[command(after_help = EXIT_CODES, after_long_help = with_exit_codes(run::LONG_HELP))]
    Run(run::Args),
    /// Run a firmware on a simulated board, with the rules of its memory
    #[command(after_help = EXIT_CODES, after_long_help = with_exit_codes(sim::LONG_HELP))]
    Sim(sim::Args),
    /// Show where every byte of a firmware lives, and what is left; or what two of them differ in
    #[command(after_help = EXIT_CODES)]
    Map(map::Args),
    /// Link libraries as overlays, pack them, and read what was packed
    #[command(after_help = EXIT_CODES, after_long_help = with_exit_codes(overlay::LONG_HELP))]
    Overlay(overlay::Args),
}

fn with_exit_codes(help: &str) -> String {
    format!("{help}\n\n{EXIT_CODES}")
}

/// Carries out a command line: results to `out`, a failure to `err`.
///
/// A reader that closes `out` early (`esparto chips | head`) ends the command quietly.
pub fn execute(cli: &Cli, out: impl Write, mut err: impl Write) -> Exit {
    let mut writer = BufWriter::new(out);
    let mut output = Output::new(&mut writer, cli.json);
    let result = match &cli.command {
        Command::Chips(args) => chips::run(args, &mut output),
        Command::Report(args) => report::run(args, &mut output),
        Command::Run(args) => run::run(args, &mut output),
        Command::Sim(args) => sim::run(args, &mut output),
        Command::Map(args) => map::run(args, &mut output),
        Command::Overlay(args) => overlay::run(args, &mut output),
    };
    match result.and_then(|()| writer.flush().map_err(Failure::from)) {
        Ok(()) => Exit::Done,
        Err(failure) if failure.io_kind() == Some(io::ErrorKind::BrokenPipe) => Exit::Done,
        Err(failure) => {
            // With nobody to read the message, the exit code still tells.
            let _ = if cli.json {
                writeln!(err, "{}", failure.to_json())
            } else {
                writeln!(err, "error: {failure}")
            };
            failure.exit()
        }
    }
}
