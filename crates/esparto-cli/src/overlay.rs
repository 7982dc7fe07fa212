//! `esparto overlay`: libraries linked as overlays, packed, and read back.

mod check;
mod collect;
mod config;
pub(crate) mod elf;
mod files;
mod inputs;
mod inspect;
mod link;
mod machine;
mod marked;
mod pack;
mod places;
mod relocatable;
mod response;
mod retarget;
mod script;
mod sign;
mod strip;
mod stubs;
mod tools;
mod wrapper;

pub use wrapper::link_as;

use crate::{Failure, Output};

/// The arguments of `esparto overlay`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The steps from libraries to files on a card.
#[derive(Debug, clap::Subcommand)]
#[non_exhaustive]
pub enum Command {
    /// List the files that overlays are made of, once esparto.toml is found right
    Inputs(inputs::Args),
    /// Prepare overlays, stubs and a linker fragment for the final link
    Link(link::Args),
    /// Run a compiler's link command with the overlays of its objects
    Wrap(wrapper::Args),
    /// Check a linked firmware, take its overlays out and write them as files
    Pack(pack::Args),
    /// Make a key to sign overlays by
    Keygen(sign::KeygenArgs),
    /// Sign the pairs in a folder
    Sign(sign::SignArgs),
    /// Show what is in images
    Inspect(inspect::InspectArgs),
    /// Verify every byte of all pairs in a folder, and that they are of one build
    Verify(inspect::VerifyArgs),
    /// Show in what two images differ
    Diff(inspect::DiffArgs),
}

pub(crate) const LONG_HELP: &str = "\
An overlay is linked with the firmware, taken out of it and kept on storage. By steps:

  esparto overlay link --config esparto.toml --out build/overlays build/*.o
  riscv32-esp-elf-gcc … -Wl,@build/overlays/link.args -o firmware.elf
  esparto overlay pack firmware.elf --config esparto.toml --out data/

Or around a link command; for Cargo, the linker is `esparto-ld`:

  esparto overlay wrap --config esparto.toml -- riscv32-esp-elf-gcc main.o … -o firmware.elf

docs/overlays.md says what esparto.toml holds and how the parts meet.";

/// Carries out one step.
///
/// # Errors
/// Anything that would fail on the device, by file, section and symbol.
pub fn run(args: &Args, out: &mut Output<'_>) -> Result<(), Failure> {
    match &args.command {
        Command::Inputs(args) => inputs::run(args, out),
        Command::Link(args) => link::run(args, out),
        Command::Wrap(args) => wrapper::wrap(args),
        Command::Pack(args) => pack::run(args, out),
        Command::Keygen(args) => sign::keygen(args, out),
        Command::Sign(args) => sign::sign(args, out),
        Command::Inspect(args) => inspect::inspect(args, out),
        Command::Verify(args) => inspect::verify(args, out),
        Command::Diff(args) => inspect::diff(args, out),
    }
}
