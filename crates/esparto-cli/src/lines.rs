//! File and line of an address, from the debug information of a linked ELF file.
//!
//! Files linked with `--emit-relocs` carry relocations that were applied already, so nothing of them
//! is applied here.

use addr2line::gimli::{self, EndianSlice, LittleEndian};
use rustc_hash::{FxHashMap, FxHashSet};

type Reader<'a> = EndianSlice<'a, LittleEndian>;

/// The debug information of a firmware.
pub(crate) struct Lines<'a> {
    context: Option<addr2line::Context<Reader<'a>>>,
    dwarf: Option<gimli::Dwarf<Reader<'a>>>,
}

impl<'a> Lines<'a> {
    /// Reads it from sections by name; without it, or if it is damaged, no address has a line.
    pub(crate) fn new(section: impl Fn(&str) -> Option<&'a [u8]>) -> Self {
        let load = |id: gimli::SectionId| -> Result<_, gimli::Error> {
            let bytes = section(id.name()).unwrap_or_default();
            Ok(EndianSlice::new(bytes, LittleEndian))
        };
        let context = gimli::Dwarf::load(load).and_then(addr2line::Context::from_dwarf).ok();
        Self { context, dwarf: gimli::Dwarf::load(load).ok() }
    }

    /// `file:line` of the declarations of the functions and variables at `addrs`, of those that are known. Walks
    /// the debug information once; stops at what is damaged.
    pub(crate) fn declarations(&self, addrs: &[u32]) -> FxHashMap<u32, String> {
        let mut found = FxHashMap::default();
        let Some(dwarf) = self.dwarf.as_ref().filter(|_| !addrs.is_empty()) else { return found };
        let wanted: FxHashSet<u32> = addrs.iter().copied().collect();
        let mut units = dwarf.units();
        while let Ok(Some(header)) = units.next() {
            if let Ok(unit) = dwarf.unit(header) {
                let _ = declarations_of(dwarf, &unit, &wanted, &mut found);
            }
            if found.len() == wanted.len() {
                break;
            }
        }
        found
    }

    /// `file:line`, if known.
    pub(crate) fn at(&self, addr: u32) -> Option<String> {
        let location = self.context.as_ref()?.find_location(addr.into()).ok()??;
        let file = short(location.file?);
        Some(location.line.map_or_else(|| file.to_owned(), |line| format!("{file}:{line}")))
    }
}

fn declarations_of(
    dwarf: &gimli::Dwarf<Reader<'_>>,
    unit: &gimli::Unit<Reader<'_>>,
    wanted: &FxHashSet<u32>,
    found: &mut FxHashMap<u32, String>,
) -> gimli::Result<()> {
    let mut entries = unit.entries();
    while let Some(entry) = entries.next_dfs()? {
        let address = match entry.tag() {
            gimli::DW_TAG_subprogram => match entry.attr_value(gimli::DW_AT_low_pc) {
                Some(low_pc) => dwarf.attr_address(unit, low_pc)?,
                None => None,
            },
            gimli::DW_TAG_variable => match entry.attr_value(gimli::DW_AT_location) {
                Some(gimli::AttributeValue::Exprloc(place)) => {
                    match place.operations(unit.encoding()).next()? {
                        Some(gimli::Operation::Address { address }) => Some(address),
                        _ => None,
                    }
                }
                _ => None,
            },
            _ => None,
        };
        let Some(address) = address.filter(|address| wanted.contains(&(*address as u32))) else {
            continue;
        };
        // A definition may leave file and line to the declaration it completes.
        let declaration = match entry.attr_value(gimli::DW_AT_specification) {
            Some(gimli::AttributeValue::UnitRef(at)) => Some(unit.entry(at)?),
            _ => None,
        };
        let value = |name| {
            let own = entry.attr_value(name);
            own.or_else(|| declaration.as_ref().and_then(|entry| entry.attr_value(name)))
        };
        let (Some(line), Some(program)) =
            (value(gimli::DW_AT_decl_line).and_then(|line| line.udata_value()), &unit.line_program)
        else {
            continue;
        };
        let file = match value(gimli::DW_AT_decl_file) {
            Some(gimli::AttributeValue::FileIndex(index)) => program.header().file(index),
            _ => None,
        };
        if let Some(file) = file {
            let name = dwarf.attr_string(unit, file.path_name())?;
            let folder = match file.directory(program.header()) {
                Some(folder) => dwarf.attr_string(unit, folder)?.to_string_lossy(),
                None => Default::default(),
            };
            let path = format!("{folder}/{}", name.to_string_lossy());
            let path = path.strip_prefix('/').filter(|_| folder.is_empty()).unwrap_or(&path);
            found.insert(address as u32, format!("{}:{line}", short(path)));
        }
    }
    Ok(())
}

/// The last two parts of a path tell it from others; the rest is of the machine it was built on.
fn short(path: &str) -> &str {
    let mut slashes = path.rmatch_indices(['/', '\\']);
    slashes.nth(1).map_or(path, |(at, _)| &path[at + 1..])
}
