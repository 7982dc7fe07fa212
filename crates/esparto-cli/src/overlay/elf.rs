//! A linked firmware, as the packer reads it.

use std::cell::OnceCell;
use std::path::Path;

use object::LittleEndian as Le;
use object::elf;
use object::read::elf::{ElfFile32, FileHeader, SectionHeader, Sym as _};
use object::{Object, ObjectSection};
use rustc_hash::FxHashMap;

use crate::Failure;
use crate::lines::Lines;

/// A section of the firmware.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Section<'a> {
    pub(crate) name: &'a str,
    pub(crate) header: &'a elf::SectionHeader32<Le>,
    /// Its contents; empty where it has none in the file.
    pub(crate) bytes: &'a [u8],
    /// Which overlay it is a part of.
    pub(crate) part: Part,
}

/// Which part of which overlay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Resident,
    /// Executable.
    Code(u16),
    /// Constants and data.
    Data(u16),
    /// Zeros.
    Zero(u16),
}

impl Part {
    /// The overlay, if it is of one.
    pub(crate) fn overlay(self) -> Option<u16> {
        match self {
            Self::Resident => None,
            Self::Code(k) | Self::Data(k) | Self::Zero(k) => Some(k),
        }
    }

    fn of(name: &str) -> Self {
        let parsed = name.strip_prefix(".ovl").and_then(|rest| {
            let (number, letter) = rest.split_once('_')?;
            Some((number.parse().ok()?, letter))
        });
        match parsed {
            Some((k, "e")) => Self::Code(k),
            Some((k, "d")) => Self::Data(k),
            Some((k, "b")) => Self::Zero(k),
            _ => Self::Resident,
        }
    }
}

impl Section<'_> {
    pub(crate) fn addr(&self) -> u32 {
        self.header.sh_addr.get(Le)
    }

    pub(crate) fn len_bytes(&self) -> u32 {
        self.header.sh_size.get(Le)
    }

    pub(crate) fn is_alloc(&self) -> bool {
        self.header.sh_flags(Le).contains(elf::SHF_ALLOC)
    }

    pub(crate) fn kind(&self) -> elf::SectionType {
        self.header.sh_type.get(Le)
    }
}

/// A symbol of the firmware.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Symbol<'a> {
    pub(crate) name: &'a str,
    pub(crate) addr: u32,
    pub(crate) len_bytes: u32,
    /// The number of its section; 0 if undefined, above all sections if absolute.
    pub(crate) section: usize,
    pub(crate) is_function: bool,
    pub(crate) is_object: bool,
    pub(crate) is_weak: bool,
    pub(crate) is_local: bool,
}

/// A relocation that the linker left in the file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Relocation {
    /// The address that was changed.
    pub(crate) addr: u32,
    pub(crate) r_type: elf::RelocationType,
    /// The number of the symbol.
    pub(crate) symbol: usize,
    pub(crate) addend: i32,
}

/// A linked firmware.
pub(crate) struct Firmware<'a> {
    pub(crate) file: &'a Path,
    pub(crate) bytes: &'a [u8],
    pub(crate) header: &'a elf::FileHeader32<Le>,
    pub(crate) sections: Vec<Section<'a>>,
    pub(crate) symbols: Vec<Symbol<'a>>,
    by_name: FxHashMap<&'a str, usize>,
    /// Sections that are compressed in the file, by name, once somebody reads them.
    unpacked: OnceCell<FxHashMap<&'a str, Vec<u8>>>,
}

impl<'a> Firmware<'a> {
    /// Reads `bytes`, the contents of `file`.
    ///
    /// # Errors
    /// Anything but a linked ELF file of 32 bits with symbols.
    pub(crate) fn parse(file: &'a Path, bytes: &'a [u8]) -> Result<Self, Failure> {
        let bad = |what: &str, mend: &str| Failure::bad_input(what).in_file(file).mend(mend);
        let relink = "give the ELF file that the linker wrote, not an image made of it";
        if !bytes.starts_with(&elf::ELFMAG) {
            return Err(bad("not an ELF file", relink));
        }
        if bytes.get(4) == Some(&elf::ELFCLASS64.0) {
            return Err(bad(
                "an ELF file for 64 bits; the chips have 32",
                "give the firmware's ELF file, not a program of this machine",
            ));
        }
        let broken = |error: object::read::Error| {
            Failure::bad_input(format!("a damaged or truncated ELF file: {error}"))
                .in_file(file)
                .mend("link the firmware again")
        };
        let header = elf::FileHeader32::<Le>::parse(bytes).map_err(broken)?;
        header.endian().map_err(broken)?;
        if header.e_type.get(Le) != elf::ET_EXEC && header.e_type.get(Le) != elf::ET_DYN {
            return Err(bad("an ELF file that is not linked yet", relink));
        }
        let table = header.sections(Le, bytes).map_err(broken)?;
        let mut sections = Vec::with_capacity(table.len());
        for section in table.iter() {
            let name = table.section_name(Le, section).map_err(broken)?;
            let name = std::str::from_utf8(name).unwrap_or("(not UTF-8)");
            sections.push(Section {
                name,
                header: section,
                bytes: section.data(Le, bytes).map_err(broken)?,
                part: Part::of(name),
            });
        }
        let symbol_table = table.symbols(Le, bytes, elf::SHT_SYMTAB).map_err(broken)?;
        if symbol_table.is_empty() {
            return Err(bad(
                "an ELF file without symbols",
                "link without -s, and pack before anything strips the file",
            ));
        }
        let mut symbols = Vec::with_capacity(symbol_table.len());
        let mut by_name = FxHashMap::default();
        for (index, symbol) in symbol_table.iter().enumerate() {
            let name = symbol.name(Le, symbol_table.strings()).unwrap_or_default();
            let name = std::str::from_utf8(name).unwrap_or_default();
            let kind = symbol.st_type();
            let section = match symbol_table
                .symbol_section(Le, symbol, object::SymbolIndex(index))
                .map_err(broken)?
            {
                Some(section) => section.0,
                None if symbol.is_undefined(Le) => 0,
                None => usize::MAX,
            };
            if kind != elf::STT_FILE && kind != elf::STT_SECTION && section != 0 && !name.is_empty()
            {
                // A global one is what others mean by the name.
                if symbol.st_bind() == elf::STB_LOCAL {
                    by_name.entry(name).or_insert(index);
                } else {
                    by_name.insert(name, index);
                }
            }
            symbols.push(Symbol {
                name,
                addr: symbol.st_value(Le),
                len_bytes: symbol.st_size(Le),
                section,
                is_function: kind == elf::STT_FUNC,
                is_object: kind == elf::STT_OBJECT,
                is_weak: symbol.st_bind() == elf::STB_WEAK,
                is_local: symbol.st_bind() == elf::STB_LOCAL,
            });
        }
        let unpacked = OnceCell::new();
        Ok(Self { file, bytes, header, sections, symbols, by_name, unpacked })
    }

    /// The symbol that others mean by `name`.
    pub(crate) fn symbol(&self, name: &str) -> Option<&Symbol<'a>> {
        self.by_name.get(name).map(|&index| &self.symbols[index])
    }

    /// Its debug information.
    pub(crate) fn lines(&self) -> Lines<'_> {
        let unpacked = self.unpacked.get_or_init(|| self.unpack());
        Lines::new(|name| {
            let plain = || self.sections.iter().find(|section| section.name == name);
            let unpacked = unpacked.get(name).map(Vec::as_slice);
            unpacked.or_else(|| plain().map(|section| section.bytes))
        })
    }

    /// What is compressed in the file; what cannot be unpacked is left out.
    fn unpack(&self) -> FxHashMap<&'a str, Vec<u8>> {
        let is_packed =
            |section: &Section<'_>| section.header.sh_flags(Le).contains(elf::SHF_COMPRESSED);
        if !self.sections.iter().any(is_packed) {
            return FxHashMap::default();
        }
        let Ok(file) = ElfFile32::<Le>::parse(self.bytes) else { return FxHashMap::default() };
        let packed = file.elf_section_table().enumerate().zip(&self.sections);
        packed
            .filter(|(_, section)| is_packed(section))
            .filter_map(|((index, _), section)| {
                let packed = file.section_by_index(index).ok()?;
                Some((section.name, packed.uncompressed_data().ok()?.into_owned()))
            })
            .collect()
    }

    /// Where a symbol lies.
    pub(crate) fn part_of(&self, symbol: &Symbol<'_>) -> Part {
        self.sections.get(symbol.section).map_or(Part::Resident, |section| section.part)
    }

    /// The one section that is this part.
    pub(crate) fn section(&self, part: Part) -> Option<&Section<'a>> {
        self.sections.iter().find(|section| section.part == part)
    }

    /// The relocations of loaded sections, each with the number of the section that it changes.
    ///
    /// # Errors
    /// A relocation of a symbol that is not there.
    pub(crate) fn relocations(&self) -> Result<Vec<(usize, Vec<Relocation>)>, Failure> {
        let mut all = Vec::new();
        for section in &self.sections {
            let target = section.header.sh_info.get(Le) as usize;
            let changes_loaded = self.sections.get(target).is_some_and(Section::is_alloc);
            if section.kind() != elf::SHT_RELA || target == 0 || !changes_loaded {
                continue;
            }
            let broken = |what: String| {
                Failure::bad_input(what)
                    .in_file(self.file)
                    .at_offset(section.header.sh_offset.get(Le).into())
                    .mend("link the firmware again")
            };
            let (entries, rest) = object::pod::slice_from_bytes::<elf::Rela32<Le>>(
                section.bytes,
                section.bytes.len() / 12,
            )
            .map_err(|()| broken(format!("section {} is cut", section.name)))?;
            if !rest.is_empty() {
                return Err(broken(format!("section {} is cut", section.name)));
            }
            let mut relocations = Vec::with_capacity(entries.len());
            for entry in entries {
                let symbol = entry.r_sym(Le) as usize;
                if symbol >= self.symbols.len() {
                    return Err(broken(format!(
                        "section {} names symbol {symbol}, but there are {}",
                        section.name,
                        self.symbols.len()
                    )));
                }
                relocations.push(Relocation {
                    addr: entry.r_offset.get(Le),
                    r_type: elf::RelocationType(entry.r_type(Le).0),
                    symbol,
                    addend: entry.r_addend.get(Le),
                });
            }
            all.push((target, relocations));
        }
        Ok(all)
    }
}
