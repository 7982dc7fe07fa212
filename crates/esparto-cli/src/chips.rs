//! `esparto chips`: the memory maps of the chips.

use crate::{Failure, Output};

/// The arguments of `esparto chips`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The chip to show in full, as in esp32s3 or ESP32-S3; without it, one line for every chip
    pub chip: Option<String>,
}

/// Shows all chips or one.
///
/// # Errors
/// An unknown chip; output that cannot be written.
pub fn run(args: &Args, out: &mut Output<'_>) -> Result<(), Failure> {
    let _ = (args, out);
    Err(Failure::bad_input("no chips yet"))
}
