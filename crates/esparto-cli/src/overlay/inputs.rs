//! `esparto overlay inputs`: what esparto.toml names, for builds that want to know when to link anew.

use std::path::PathBuf;

use serde::Serialize;

use super::config::Config;
use crate::{Failure, Output};

/// The arguments of `esparto overlay inputs`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What becomes an overlay, and where it goes
    #[arg(long, value_name = "FILE", default_value = "esparto.toml")]
    pub config: PathBuf,
}

#[derive(Debug, Serialize)]
struct Inputs {
    /// esparto.toml itself, and the objects and archives that it names; found now, in their order.
    files: Vec<PathBuf>,
}

pub(crate) fn run(args: &Args, out: &mut Output<'_>) -> Result<(), Failure> {
    let config = Config::read(&args.config)?;
    let mut files = vec![config.file];
    files.extend(config.overlays.into_iter().flat_map(|overlay| overlay.files));
    let inputs = Inputs { files };
    out.show(&inputs, |w| {
        inputs.files.iter().try_for_each(|file| writeln!(w, "{}", file.display()))
    })
}
