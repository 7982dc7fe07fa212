//! `esparto chips`: the memory maps of the chips.

mod page;
mod view;

use esparto_chips::{CHIPS, UnknownChip};

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
    match &args.chip {
        None => out.show(&view::Chips::new(CHIPS), |w| page::all(CHIPS, w)),
        Some(name) => {
            let chip = esparto_chips::find(name)?;
            out.show(&view::Chip::new(chip), |w| page::one(chip, w))
        }
    }
}

/// The message of an unknown chip lists the known ones, so that is the mend.
impl From<UnknownChip<'_>> for Failure {
    fn from(unknown: UnknownChip<'_>) -> Self {
        let mend = match unknown.nearest {
            Some(chip) => format!("write {}, or another of the known names", chip.name),
            None => "write one of the known names; `esparto chips` shows them".to_owned(),
        };
        Self::bad_input(unknown).mend(mend)
    }
}
