//! `esparto map`: where every byte of a firmware lives, what is left, and what grew.

mod account;
mod difference;
mod page;
mod symbols;

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use esparto_chips::Chip;
use serde::Serialize;

use crate::overlay::elf::Firmware;
use crate::{Failure, Output};
use account::{Account, KINDS};
use symbols::SymbolView;

/// The arguments of `esparto map`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The firmware, as the linker wrote it
    pub elf: PathBuf,
    /// A newer one: show what it takes more and less
    pub newer: Option<PathBuf>,
    /// The chip, as in esp32c3; without it, only what the file itself takes is known
    #[arg(long)]
    pub chip: Option<String>,
    /// How many of the largest symbols to show
    #[arg(long, default_value_t = 20)]
    pub top: usize,
    /// Write the map as one HTML page
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
}

/// The map of one firmware.
#[derive(Debug, Serialize)]
struct Map {
    file: PathBuf,
    chip: Option<&'static str>,
    account: Account,
    symbols: Vec<SymbolView>,
}

/// Shows one map, or the difference of two.
///
/// # Errors
/// A file that is no linked firmware; an unknown chip; a page that cannot be written.
pub fn run(args: &Args, out: &mut Output<'_>) -> Result<(), Failure> {
    let chip = args.chip.as_deref().map(esparto_chips::find).transpose()?;
    if let Some(newer) = &args.newer {
        let difference = difference::of(&args.elf, newer, chip, args.top)?;
        return out.show(&difference, |w| difference.write(w));
    }
    let map = Map::read(&args.elf, chip, args.top)?;
    if let Some(html) = &args.html {
        fs::write(html, page::page(&map)).map_err(|error| Failure::io("write", html, error))?;
    }
    out.show(&map, |w| map.write(w))
}

impl Map {
    fn read(file: &Path, chip: Option<&'static Chip>, top: usize) -> Result<Self, Failure> {
        let bytes = fs::read(file).map_err(|error| Failure::io("read", file, error))?;
        let firmware = Firmware::parse(file, &bytes)?;
        let account = Account::of(&firmware, chip);
        let symbols = symbols::largest(&firmware, &account, top);
        Ok(Self { file: file.to_owned(), chip: chip.map(|chip| chip.name), account, symbols })
    }

    fn write(&self, w: &mut dyn Write) -> io::Result<()> {
        write!(w, "{:16}", "")?;
        for kind in KINDS {
            write!(w, " {:>11}", kind.name())?;
        }
        writeln!(w, " {:>11}", "total")?;
        for area in self.account.rows() {
            write!(w, "{:16}", area.name)?;
            for kind in KINDS {
                match area.bytes.of(kind) {
                    0 => write!(w, " {:>11}", "-")?,
                    bytes => write!(w, " {bytes:>11}")?,
                }
            }
            writeln!(w, " {:>11}", area.len_bytes)?;
        }
        if self.chip.is_none() {
            writeln!(w, "\nWithout --chip, only what the file takes is known, not what is left.")?;
        }
        writeln!(w, "\nSections")?;
        for section in &self.account.sections {
            writeln!(
                w,
                "  {:24} {:#010x} {:>9}  {:10} {}",
                section.name,
                section.addr,
                section.len_bytes,
                section.kind.name(),
                section.area
            )?;
        }
        writeln!(w, "\nLargest symbols")?;
        for symbol in &self.symbols {
            writeln!(
                w,
                "  {:>9}  {:#010x} {:10} {:12} {:12} {}  {}",
                symbol.len_bytes,
                symbol.addr,
                symbol.kind.name(),
                symbol.storage.name(),
                symbol.area,
                symbol.name,
                symbol.location.as_deref().unwrap_or("")
            )?;
        }
        Ok(())
    }
}
