//! The linker for Cargo: links overlays first, then the firmware.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use esparto_cli::{Exit, overlay};

fn main() -> ExitCode {
    match overlay::link_as(std::env::args_os().skip(1)) {
        Ok(()) => Exit::Done.into(),
        Err(failure) => {
            eprintln!("error: {failure}");
            failure.exit().into()
        }
    }
}
