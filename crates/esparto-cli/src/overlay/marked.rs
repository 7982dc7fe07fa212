//! Functions that the source puts into overlays: `ESPARTO_OVERLAY(fft)` in C and C++,
//! `#[overlay("fft")]` in Rust.
//!
//! The marks are names of sections. Every object of a link that has one is changed in place: the
//! section gets the name that the linker fragment looks for, its functions the names of overlays', and
//! what refers to them from elsewhere refers to their stubs.

use std::path::Path;

use object::LittleEndian as Le;
use object::elf::{self, Rela32};
use rustc_hash::FxHashMap;

use super::config::{Config, Overlay};
use super::machine::{self, Machine, Use};
use super::relocatable::Relocatable;
use super::retarget::{self, Stubbed};
use crate::Failure;
use esparto_image::Placement;

/// What stands before an overlay's name in the sections that hold its functions.
pub(crate) const CODE_PREFIX: &str = ".esparto.overlay.";
/// The same, of its constants and variables.
pub(crate) const DATA_PREFIX: &str = ".esparto.overlay-data.";
/// What both begin with: an object without these bytes has no mark.
pub(crate) const MARK: &str = ".esparto.overlay";

/// An object with marks, as it is read.
pub(crate) struct Marked {
    object: Relocatable,
    machine: Machine,
    /// Which overlay each marked section is of.
    overlays: FxHashMap<usize, u16>,
    functions: Vec<Function>,
    /// Tells local functions of different objects apart.
    tag: usize,
}

struct Function {
    symbol: usize,
    section: usize,
    addr: u32,
    name: String,
    is_local: bool,
    overlay: u16,
    /// The undefined symbol that stands for the stub, once something needs it.
    stub: Option<usize>,
}

/// Which overlay each global function is of, over all objects.
pub(crate) type Owners = FxHashMap<String, u16>;

impl Marked {
    /// Reads an object that may have marks; `None` if it has none.
    ///
    /// # Errors
    /// A mark for an overlay that `config` does not know, or data where code belongs.
    pub(crate) fn read(
        bytes: &[u8],
        file: &Path,
        member: &str,
        tag: usize,
        config: &Config,
    ) -> Result<Option<Self>, Failure> {
        let object = Relocatable::parse(bytes, file, member)?;
        let machine = machine::of(object.machine, config.isa).map_err(|f| f.in_file(file))?;
        let mut overlays = FxHashMap::default();
        for (index, section, header) in object.sections() {
            let Some(name) = marked_name(section) else { continue };
            if matches!(header.sh_type.get(Le), elf::SHT_RELA | elf::SHT_REL | elf::SHT_GROUP) {
                continue;
            }
            let overlay = config.overlays.iter().find(|overlay| overlay.name.as_str() == name);
            let overlay = overlay.ok_or_else(|| {
                Failure::bad_input(format!(
                    "{member}section {section} is of overlay {name}, which is unknown"
                ))
                .in_file(file)
                .mend(format!(
                    "add an [[overlay]] with name = \"{name}\" to {}",
                    config.file.display()
                ))
            })?;
            overlays.insert(index, overlay.number);
        }
        if overlays.is_empty() {
            return Ok(None);
        }
        if object.symbols().next().is_none() {
            return Err(Failure::bad_input(format!("{member}an object without symbols"))
                .in_file(file)
                .mend("do not strip objects before they are linked"));
        }
        let functions = object
            .symbols()
            .filter_map(|(symbol, name, row)| {
                let section = usize::from(row.st_shndx.get(Le).0);
                let overlay = *overlays.get(&section)?;
                let is_local = row.st_bind() == elf::STB_LOCAL;
                let is_code = object.section_name(section).starts_with(CODE_PREFIX);
                let is_function = row.st_type() == elf::STT_FUNC
                    || (row.st_type() == elf::STT_NOTYPE && !is_local);
                (is_function && is_code && !name.is_empty()).then(|| Function {
                    symbol,
                    section,
                    addr: row.st_value.get(Le),
                    name: name.to_owned(),
                    is_local,
                    overlay,
                    stub: None,
                })
            })
            .collect();
        Ok(Some(Self { object, machine, overlays, functions, tag }))
    }

    /// The flags of its ELF header.
    pub(crate) fn e_flags(&self) -> u32 {
        self.object.e_flags
    }

    /// The overlays that it has a part of.
    pub(crate) fn overlays(&self) -> impl Iterator<Item = u16> {
        self.overlays.values().copied()
    }

    /// Adds its global functions.
    pub(crate) fn add_owners(&self, owners: &mut Owners) {
        for function in self.functions.iter().filter(|function| !function.is_local) {
            owners.insert(function.name.clone(), function.overlay);
        }
    }

    /// The object as it is linked, and the stubs that it wants, by overlay.
    pub(crate) fn retarget(
        mut self,
        owners: &Owners,
        config: &Config,
    ) -> (Vec<u8>, Vec<(u16, Stubbed)>) {
        self.change_relocations(owners, config);
        self.rename_sections();
        let stubs = self.rename_functions();
        (self.object.into_bytes(), stubs)
    }

    fn change_relocations(&mut self, owners: &Owners, config: &Config) {
        let by_place: FxHashMap<(usize, u32), usize> = (0..)
            .zip(&self.functions)
            .map(|(index, function)| ((function.section, function.addr), index))
            .collect();
        // Functions of the same overlay in other objects are called directly.
        let mut direct: FxHashMap<usize, usize> = FxHashMap::default();
        for list in self.object.relocations() {
            let from = self.overlays.get(&list.target).copied();
            let is_unwinding =
                retarget::is_unwinding(self.object.section_name(list.target).as_bytes());
            if !self.object.is_alloc(list.target) {
                // Debug information names the function itself.
                continue;
            }
            for (index, mut entry) in list.entries.into_iter().enumerate() {
                let (number, r_type) = (entry.r_sym(Le) as usize, entry.r_type(Le));
                let place = from.map(|k| &config.overlays[usize::from(k)]);
                if self.machine.use_of(r_type) == Use::Relax
                    && place.is_some_and(|o| o.placement == Placement::Relocatable)
                {
                    // Relaxed code depends on where it lies.
                    entry.set_r_info(Le, 0, elf::RelocationType(0));
                    self.object.set_relocation(list.section, index, entry);
                    continue;
                }
                let Some((name, symbol)) = self.object.symbol(number) else { continue };
                let (name, symbol) = (name.to_owned(), *symbol);
                let section = usize::from(symbol.st_shndx.get(Le).0);
                let to = self.overlays.get(&section).copied();
                let usage = self.machine.use_of(r_type);
                if is_unwinding && to.is_some() {
                    // Exceptions do not cross an overlay.
                    entry.set_r_info(Le, 0, elf::RelocationType(0));
                    self.object.set_relocation(list.section, index, entry);
                    continue;
                }
                if section == 0 {
                    let is_own = from.is_some() && owners.get(&name).copied() == from;
                    if let (Some(k), true, Use::Call) = (from, is_own, usage) {
                        let real = real_name(k, &name);
                        let symbol = *direct
                            .entry(number)
                            .or_insert_with(|| self.object.add_undefined(real));
                        self.point_at(list.section, index, entry, symbol, entry.r_addend.get(Le));
                    }
                    continue;
                }
                let wants_stub = match usage {
                    Use::Call => to != from,
                    Use::Address => true,
                    Use::Relax | Use::Other => false,
                };
                if to.is_none() || !wants_stub {
                    continue;
                }
                let inside = match self.machine {
                    Machine::Xtensa if r_type == elf::R_XTENSA_32 => {
                        self.object.word(list.target, entry.r_offset.get(Le))
                    }
                    _ => 0,
                };
                let addr = symbol
                    .st_value
                    .get(Le)
                    .wrapping_add_signed(entry.r_addend.get(Le))
                    .wrapping_add(inside);
                // The middle of a function is a jump table's: its own business.
                let Some(&function) = by_place.get(&(section, addr)) else { continue };
                let stub = self.stub_symbol(function);
                self.point_at(list.section, index, entry, stub, 0);
                if inside != 0 {
                    self.object.clear_word(list.target, entry.r_offset.get(Le));
                }
            }
        }
    }

    fn point_at(
        &mut self,
        section: usize,
        index: usize,
        mut entry: Rela32<Le>,
        symbol: usize,
        addend: i32,
    ) {
        let r_type = entry.r_type(Le);
        entry.set_r_info(Le, symbol as u32, r_type);
        entry.r_addend = object::I32::new(Le, addend);
        self.object.set_relocation(section, index, entry);
    }

    fn stub_symbol(&mut self, function: usize) -> usize {
        let name = self.stub_name(&self.functions[function]);
        let function = &mut self.functions[function];
        *function.stub.get_or_insert_with(|| self.object.add_undefined(name))
    }

    fn stub_name(&self, function: &Function) -> String {
        if function.is_local {
            let Function { overlay, addr, name, .. } = function;
            format!("__ov{overlay}s{}_{addr:x}_{name}", self.tag)
        } else {
            function.name.clone()
        }
    }

    fn rename_sections(&mut self) {
        let sections: Vec<_> = self
            .object
            .sections()
            .filter_map(|(index, name, header)| {
                let k = self.overlays.get(&index)?;
                let is_code = name.starts_with(CODE_PREFIX);
                let is_zero = header.sh_type.get(Le) == elf::SHT_NOBITS;
                let letter = if is_code {
                    "e"
                } else if is_zero {
                    "b"
                } else {
                    "d"
                };
                // The assembler for Xtensa gives each section its own literals.
                let literals = if name.ends_with(".literal") { "literal." } else { "" };
                Some((index, format!(".ovl{k}.{letter}.{literals}marked")))
            })
            .collect();
        for (index, name) in sections {
            self.object.rename_section(index, name);
        }
    }

    fn rename_functions(&mut self) -> Vec<(u16, Stubbed)> {
        let mut stubs = Vec::new();
        for index in 0..self.functions.len() {
            let function = &self.functions[index];
            let (k, symbol) = (function.overlay, function.symbol);
            let name = self.stub_name(function);
            let real = if function.is_local {
                if function.stub.is_none() {
                    continue;
                }
                let Function { addr, name, .. } = function;
                let real = format!("__ov{k}l{}_{addr:x}_{name}", self.tag);
                self.object.add_alias(symbol, real.clone());
                real
            } else {
                let real = real_name(k, &function.name);
                self.object.rename_symbol(symbol, real.clone());
                real
            };
            // A weak function is inline, so every object that has it has the mark.
            stubs.push((k, Stubbed { name, real, is_weak: false }));
        }
        stubs
    }
}

fn real_name(overlay: u16, name: &str) -> String {
    format!("__ov{overlay}_{name}")
}

/// The overlay's name in that of a section.
pub(crate) fn marked_name(section: &str) -> Option<&str> {
    let rest = section.strip_prefix(CODE_PREFIX).or_else(|| section.strip_prefix(DATA_PREFIX))?;
    rest.split('.').next()
}

/// Is `overlay` the one that a section is marked for, if it is marked?
pub(crate) fn belongs(section: &str, overlay: &Overlay) -> bool {
    marked_name(section).is_none_or(|name| name == overlay.name.as_str())
}
