//! The benchmark driver of Esparto; see the library.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    match esparto_bench::run(&esparto_bench::Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
