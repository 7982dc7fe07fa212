//! `esparto.toml`: which overlays there are, from what, and where they go.

mod check;
mod written;

use std::fs;
use std::path::{Path, PathBuf};

use esparto_chips::Chip;
use esparto_image::{Abi, Isa, Name, Placement};

pub(crate) use written::Constants;

use crate::Failure;
use written::Source;

/// A stretch of addresses; never empty, and it ends inside 32 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stretch {
    pub(crate) addr: u32,
    pub(crate) len_bytes: u32,
}

impl Stretch {
    fn last_addr(self) -> u32 {
        self.addr + (self.len_bytes - 1)
    }

    /// The same memory on the chip's other bus, if there is one.
    fn alias(self, chip: &Chip) -> Option<Self> {
        // Words run backwards on some buses, so the first one may be the last one there.
        let ends = [chip.alias_of(self.addr)?, chip.alias_of(self.last_addr() & !3)?];
        let addr = ends[0].min(ends[1]) & !3;
        Some(Self { addr, len_bytes: self.len_bytes })
    }
}

/// An overlay to make.
#[derive(Debug)]
pub(crate) struct Overlay {
    /// Its number, from 0.
    pub(crate) number: u16,
    /// The line of its name in esparto.toml, from 1.
    pub(crate) line: usize,
    pub(crate) name: Name,
    pub(crate) slot: u16,
    /// Objects and archives, found.
    pub(crate) files: Vec<PathBuf>,
    /// The crate whose rlib becomes the overlay, in Cargo's spelling with `_`.
    pub(crate) krate: Option<String>,
    /// Symbols to pull out of archives; without any, archives come whole.
    pub(crate) roots: Vec<String>,
    /// Functions that must be there, weak ones as well.
    pub(crate) exports: Vec<String>,
    pub(crate) depends: Vec<u16>,
    pub(crate) constants: Constants,
    pub(crate) placement: Placement,
    pub(crate) compress: bool,
    /// Among the relocatable ones, from 0; meaningless for others.
    pub(crate) base_index: u16,
}

/// What `esparto.toml` says, checked.
#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) file: PathBuf,
    pub(crate) chip: Name,
    pub(crate) isa: Isa,
    pub(crate) abi: Abi,
    /// Is instruction memory accessed by words only?
    pub(crate) is_word_only: bool,
    pub(crate) ld: Option<String>,
    pub(crate) has_gdb_table: bool,
    pub(crate) is_fat: bool,
    pub(crate) card: Stretch,
    pub(crate) data: Option<Stretch>,
    pub(crate) slots: Vec<Stretch>,
    pub(crate) overlays: Vec<Overlay>,
}

impl Config {
    /// Reads `file`. Paths in it are relative to its folder.
    ///
    /// # Errors
    /// A file that cannot be read, is no TOML, or contradicts itself or the chip.
    pub(crate) fn read(file: &Path) -> Result<Self, Failure> {
        let bytes = fs::read(file).map_err(|error| Failure::io("read", file, error))?;
        let text = str::from_utf8(&bytes).map_err(|error| {
            let before = &bytes[..error.valid_up_to()];
            Failure::bad_input("not UTF-8")
                .in_file(file)
                .at_line(1 + before.iter().filter(|byte| **byte == b'\n').count())
                .mend("write it as text in UTF-8")
        })?;
        let source = Source::new(file, text);
        check::check(source.parse()?, &source)
    }

    /// A fault of what the file says of `overlay`.
    pub(crate) fn fault_of(&self, overlay: &Overlay, what: impl std::fmt::Display) -> Failure {
        Failure::bad_input(what).in_file(&self.file).at_line(overlay.line)
    }
}
