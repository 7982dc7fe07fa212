//! `cargo xtask`: the development commands of Esparto.

use std::process::ExitCode;

fn main() -> ExitCode {
    xtask::main()
}
