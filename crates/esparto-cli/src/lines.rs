//! File and line of an address, from the debug information of a linked ELF file.
//!
//! Files linked with `--emit-relocs` carry relocations that were applied already, so nothing of them
//! is applied here.

use addr2line::gimli::{self, EndianSlice, LittleEndian};

/// The debug information of a firmware.
pub(crate) struct Lines<'a> {
    context: Option<addr2line::Context<EndianSlice<'a, LittleEndian>>>,
}

impl<'a> Lines<'a> {
    /// Reads it from sections by name; without it, or if it is damaged, no address has a line.
    pub(crate) fn new(section: impl Fn(&str) -> Option<&'a [u8]>) -> Self {
        let load = |id: gimli::SectionId| -> Result<_, gimli::Error> {
            let bytes = section(id.name()).unwrap_or_default();
            Ok(EndianSlice::new(bytes, LittleEndian))
        };
        let context = gimli::Dwarf::load(load).and_then(addr2line::Context::from_dwarf).ok();
        Self { context }
    }

    /// `file:line`, if known.
    pub(crate) fn at(&self, addr: u32) -> Option<String> {
        let location = self.context.as_ref()?.find_location(addr.into()).ok()??;
        let file = short(location.file?);
        Some(location.line.map_or_else(|| file.to_owned(), |line| format!("{file}:{line}")))
    }
}

/// The last two parts of a path tell it from others; the rest is of the machine it was built on.
fn short(path: &str) -> &str {
    let mut slashes = path.rmatch_indices(['/', '\\']);
    slashes.nth(1).map_or(path, |(at, _)| &path[at + 1..])
}
