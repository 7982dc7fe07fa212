//! The `esparto` command: reads its arguments and hands over to the library.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    esparto_cli::execute(&esparto_cli::Cli::parse(), std::io::stdout(), std::io::stderr()).into()
}
