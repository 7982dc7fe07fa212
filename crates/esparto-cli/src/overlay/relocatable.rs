//! A relocatable object, changed in place.
//!
//! Sections and symbols keep their numbers and contents; names and symbols are only added at the end.
//! So whatever else is in the file, groups, notes, debug information, stays as the compiler wrote it.

use std::path::Path;

use object::elf::{self, FileHeader32, Rela32, SectionHeader32, Sym32};
use object::pod::{bytes_of, slice_from_bytes};
use object::read::elf::{FileHeader, SectionHeader, Sym as _};
use object::{LittleEndian as Le, U16, U32};

use crate::Failure;

type Section = SectionHeader32<Le>;
type Symbol = Sym32<Le>;

/// An object with its tables taken out.
pub(crate) struct Relocatable {
    bytes: Vec<u8>,
    pub(crate) machine: elf::Machine,
    pub(crate) e_flags: u32,
    sections: Vec<Section>,
    section_names: Vec<String>,
    symbols: Vec<Symbol>,
    symbol_names: Vec<String>,
    /// The numbers of the tables of symbols, of their names, and of the sections' names.
    symbol_table: usize,
    symbol_strings: usize,
    section_strings: usize,
    renamed_sections: Vec<usize>,
    renamed_symbols: Vec<usize>,
    old_symbol_count: usize,
}

/// The relocations of one section.
pub(crate) struct Relocations {
    /// The section with the relocations.
    pub(crate) section: usize,
    /// The section that they change.
    pub(crate) target: usize,
    pub(crate) entries: Vec<Rela32<Le>>,
}

impl Relocatable {
    /// Reads an object; `file` and `member` say where it is from.
    ///
    /// # Errors
    /// Anything but a relocatable ELF file of 32 bits, little-endian, with symbols.
    pub(crate) fn parse(bytes: &[u8], file: &Path, member: &str) -> Result<Self, Failure> {
        let broken = |what: String| {
            Failure::bad_input(format!("{member}not a relocatable 32-bit ELF file: {what}"))
                .in_file(file)
                .mend("give objects and archives of the firmware's own toolchain")
        };
        let damaged = |error: object::read::Error| broken(error.to_string());
        let header = FileHeader32::<Le>::parse(bytes).map_err(damaged)?;
        header.endian().map_err(damaged)?;
        if header.e_type.get(Le) != elf::ET_REL {
            return Err(broken("it is linked already".to_owned()));
        }
        let table = header.sections(Le, bytes).map_err(damaged)?;
        let symbols = table.symbols(Le, bytes, elf::SHT_SYMTAB).map_err(damaged)?;
        let section_strings = usize::from(header.e_shstrndx.get(Le).0);
        let (symbol_table, symbol_strings) = (symbols.section().0, symbols.string_section().0);
        if table.len() >= usize::from(elf::SHN_LORESERVE) {
            return Err(broken("it has more than 65,279 sections".to_owned()));
        }
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let mut section_names = Vec::with_capacity(table.len());
        for section in table.iter() {
            section_names.push(text(table.section_name(Le, section).map_err(damaged)?));
            // Whatever is changed later lies in the file.
            section.data(Le, bytes).map_err(damaged)?;
        }
        let mut symbol_names = Vec::with_capacity(symbols.len());
        for symbol in symbols.iter() {
            symbol_names.push(text(symbol.name(Le, symbols.strings()).map_err(damaged)?));
        }
        Ok(Self {
            machine: header.e_machine.get(Le),
            e_flags: header.e_flags.get(Le).0,
            sections: table.iter().copied().collect(),
            section_names,
            symbols: symbols.iter().copied().collect(),
            old_symbol_count: symbols.len(),
            symbol_names,
            symbol_table,
            symbol_strings,
            section_strings,
            renamed_sections: Vec::new(),
            renamed_symbols: Vec::new(),
            bytes: bytes.to_vec(),
        })
    }

    pub(crate) fn sections(&self) -> impl Iterator<Item = (usize, &str, &Section)> {
        self.sections
            .iter()
            .zip(&self.section_names)
            .enumerate()
            .map(|(index, (header, name))| (index, name.as_str(), header))
    }

    pub(crate) fn symbols(&self) -> impl Iterator<Item = (usize, &str, &Symbol)> {
        self.symbols
            .iter()
            .zip(&self.symbol_names)
            .enumerate()
            .map(|(index, (symbol, name))| (index, name.as_str(), symbol))
    }

    pub(crate) fn symbol(&self, index: usize) -> Option<(&str, &Symbol)> {
        Some((self.symbol_names.get(index)?, self.symbols.get(index)?))
    }

    pub(crate) fn is_alloc(&self, section: usize) -> bool {
        self.sections.get(section).is_some_and(|s| s.sh_flags(Le).contains(elf::SHF_ALLOC))
    }

    pub(crate) fn section_name(&self, section: usize) -> &str {
        self.section_names.get(section).map_or("", String::as_str)
    }

    /// All relocations with addends, which are those of RISC-V and Xtensa.
    pub(crate) fn relocations(&self) -> Vec<Relocations> {
        let of = |section: usize, header: &Section| {
            let (rows, _) =
                slice_from_bytes(self.data(header), self.data(header).len() / 12).ok()?;
            let target = header.sh_info.get(Le) as usize;
            Some(Relocations { section, target, entries: rows.to_vec() })
        };
        let rela = |(_, header): &(usize, &Section)| header.sh_type.get(Le) == elf::SHT_RELA;
        self.sections
            .iter()
            .enumerate()
            .filter(rela)
            .filter_map(|(section, header)| of(section, header))
            .collect()
    }

    fn data(&self, header: &Section) -> &[u8] {
        header.data(Le, &*self.bytes).unwrap_or_default()
    }

    /// The word at `offset` of a section, or 0 outside.
    pub(crate) fn word(&self, section: usize, offset: u32) -> u32 {
        let word = || {
            let data = self.data(self.sections.get(section)?);
            data.get(offset as usize..)?.first_chunk().map(|word| u32::from_le_bytes(*word))
        };
        word().unwrap_or(0)
    }

    pub(crate) fn clear_word(&mut self, section: usize, offset: u32) {
        let Some(header) = self.sections.get(section).copied() else { return };
        let is_inside = (self.data(&header).len() as u64) >= u64::from(offset) + 4;
        let at = header.sh_offset.get(Le) as usize + offset as usize;
        if is_inside && let Some(word) = self.bytes.get_mut(at..at + 4) {
            word.fill(0);
        }
    }

    pub(crate) fn set_relocation(&mut self, section: usize, index: usize, entry: Rela32<Le>) {
        let Some(header) = self.sections.get(section) else { return };
        let at = header.sh_offset.get(Le) as usize + 12 * index;
        if let Some(place) = self.bytes.get_mut(at..at + 12) {
            place.copy_from_slice(bytes_of(&entry));
        }
    }

    pub(crate) fn rename_section(&mut self, index: usize, name: String) {
        self.section_names[index] = name;
        self.renamed_sections.push(index);
    }

    /// Gives a symbol another name, for all to see.
    pub(crate) fn rename_symbol(&mut self, index: usize, name: String) {
        self.symbol_names[index] = name;
        self.symbols[index].st_other = elf::SymbolOther(0);
        self.renamed_symbols.push(index);
    }

    /// Adds a global symbol for the place of another one.
    pub(crate) fn add_alias(&mut self, of: usize, name: String) -> usize {
        let mut symbol = self.symbols[of];
        symbol.set_st_info(elf::STB_GLOBAL, elf::STT_FUNC);
        symbol.st_other = elf::SymbolOther(0);
        self.add(symbol, name)
    }

    /// Adds a symbol that somebody else defines.
    pub(crate) fn add_undefined(&mut self, name: String) -> usize {
        let mut symbol = Symbol::default();
        symbol.set_st_info(elf::STB_GLOBAL, elf::STT_NOTYPE);
        self.add(symbol, name)
    }

    fn add(&mut self, symbol: Symbol, name: String) -> usize {
        self.symbols.push(symbol);
        self.symbol_names.push(name);
        self.symbols.len() - 1
    }

    /// The object as it is now.
    pub(crate) fn into_bytes(mut self) -> Vec<u8> {
        let mut section_strings = self.data(&self.sections[self.section_strings]).to_vec();
        for index in std::mem::take(&mut self.renamed_sections) {
            let at = append(&mut section_strings, &self.section_names[index]);
            self.sections[index].sh_name = U32::new(Le, at);
        }
        // One table may hold both kinds of names.
        let is_shared = self.symbol_strings == self.section_strings;
        let mut symbol_strings = if is_shared {
            std::mem::take(&mut section_strings)
        } else {
            self.data(&self.sections[self.symbol_strings]).to_vec()
        };
        let renamed = std::mem::take(&mut self.renamed_symbols);
        for index in renamed.into_iter().chain(self.old_symbol_count..self.symbols.len()) {
            let at = append(&mut symbol_strings, &self.symbol_names[index]);
            self.symbols[index].st_name = U32::new(Le, at);
        }
        let table: Vec<u8> = self.symbols.iter().flat_map(bytes_of).copied().collect();
        self.put(self.symbol_table, &table);
        self.put(self.symbol_strings, &symbol_strings);
        if !is_shared {
            self.put(self.section_strings, &section_strings);
        }
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
        let sections_offset = self.bytes.len() as u32;
        for section in &self.sections {
            self.bytes.extend(bytes_of(section));
        }
        if let Ok((header, _)) =
            object::pod::from_bytes_mut::<FileHeader32<Le>>(self.bytes.as_mut_slice())
        {
            header.e_shoff = U32::new(Le, sections_offset);
            header.e_shnum = U16::new(Le, self.sections.len() as u16);
        }
        self.bytes
    }

    /// Gives a section new contents, at the end of the file.
    fn put(&mut self, section: usize, contents: &[u8]) {
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
        let header = &mut self.sections[section];
        header.sh_offset = U32::new(Le, self.bytes.len() as u32);
        header.sh_size = U32::new(Le, contents.len() as u32);
        self.bytes.extend(contents);
    }
}

/// Adds a name to a table of strings; gives its offset.
fn append(strings: &mut Vec<u8>, name: &str) -> u32 {
    let at = strings.len() as u32;
    strings.extend(name.as_bytes());
    strings.push(0);
    at
}
