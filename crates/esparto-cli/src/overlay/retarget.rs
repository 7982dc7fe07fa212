//! One relocatable object made an overlay: sections renamed, functions behind stubs.
//!
//! What takes the *address* of a function of the overlay gets the stub's, which stays valid when the
//! code goes. What *calls* one from inside stays direct.

use std::collections::HashMap;
use std::path::Path;

use esparto_image::Placement;
use object::build::Id;
use object::build::elf::{Builder, Section, SectionData, SectionId, SymbolId};
use object::elf;

use super::config::{Config, Constants, Overlay};
use super::machine::{self, Use};
use super::marked::{self, Owners};
use crate::Failure;

/// A function of an overlay that gets a stub.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stubbed {
    /// What callers say, and the name of the stub.
    pub(crate) name: String,
    /// The function itself.
    pub(crate) real: String,
    /// May the stub give way to another function of this name?
    pub(crate) is_weak: bool,
}

/// An overlay's object.
#[derive(Debug)]
pub(crate) struct Retargeted {
    /// The object file.
    pub(crate) object: Vec<u8>,
    /// Its functions that get stubs.
    pub(crate) stubs: Vec<Stubbed>,
    /// The flags of its ELF header: floats, compressed instructions.
    pub(crate) e_flags: u32,
}

/// The function that a symbol is, and what became of it.
struct Function {
    symbol: SymbolId,
    section: SectionId,
    addr: u64,
    name: String,
    bind: elf::SymbolBind,
    /// The undefined symbol that stands for the stub, once something needs it.
    stub: Option<SymbolId>,
}

/// Makes `object`, the joined objects of `overlay`, ready for the final link.
///
/// # Errors
/// An object for another core; one without code; a listed function that is not in it.
pub(crate) fn retarget(
    object: &[u8],
    file: &Path,
    overlay: &Overlay,
    config: &Config,
    owners: &Owners,
) -> Result<Retargeted, Failure> {
    let unreadable = |error: &dyn std::fmt::Display| {
        Failure::bad_input(format!("not a relocatable 32-bit ELF file: {error}"))
            .in_file(file)
            .mend("give objects and archives of the firmware's own toolchain")
    };
    if object.get(4) == Some(&elf::ELFCLASS64.0) {
        return Err(unreadable(&"it is for 64 bits"));
    }
    let mut builder = Builder::read32(object).map_err(|error| unreadable(&error))?;
    if builder.header.e_type != elf::ET_REL {
        return Err(unreadable(&"it is linked already"));
    }
    let machine = machine::of(builder.header.e_machine, config.isa)
        .map_err(|failure| failure.in_file(file))?;

    if let Some(section) =
        builder.sections.iter().find(|s| !marked::belongs(&s.name.to_string(), overlay))
    {
        return Err(Failure::bad_input(format!(
            "section {} is marked for another overlay than {}, whose files it is in",
            section.name, overlay.name
        ))
        .in_file(file)
        .mend("take its object out of `files`, or the mark out of its source"));
    }
    let places = rename_sections(&mut builder, overlay);
    let mut functions = find_functions(&builder, &places);
    let has_code = builder.sections.iter().any(|section| {
        section.sh_size != 0 && places.get(&section.id().index()) == Some(&Place::Code)
    });
    if !has_code {
        return Err(Failure::bad_input(format!("overlay {} has no code", overlay.name))
            .in_file(file)
            .mend(
                "compile it without link-time optimisation, or name what to pull out of its archive as `roots`",
            ));
    }
    check_exports(&functions, owners, overlay, config)?;
    privatise_constants(&mut builder, &places);
    point_at_stubs(&mut builder, &places, &mut functions, overlay, machine);
    let stubs = rename_functions(&mut builder, &functions, overlay);
    drop_unwinding(&mut builder);

    let e_flags = builder.header.e_flags.0;
    let mut bytes = Vec::new();
    builder.write(&mut bytes).map_err(|error| unreadable(&error))?;
    Ok(Retargeted { object: bytes, stubs, e_flags })
}

/// Where each section goes, by its index.
type Places = HashMap<usize, Place>;

/// Where a section of an overlay goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Code,
    Data,
    Zero,
    Table,
    /// Writable and shared with resident code: an inline variable, a static in an inline function.
    Resident,
}

/// Gives each section the name that the linker fragment looks for.
fn rename_sections(builder: &mut Builder<'_>, overlay: &Overlay) -> Places {
    let shared: Vec<SectionId> = builder
        .symbols
        .iter()
        .filter(|symbol| symbol.st_bind() == elf::STB_WEAK)
        .filter_map(|symbol| symbol.section)
        .collect();
    let mut places = HashMap::new();
    for section in &mut builder.sections {
        if !section.is_alloc() || is_unwinding(&section.name) {
            continue;
        }
        let flags = section.sh_flags;
        let is_writable = flags.contains(elf::SHF_WRITE);
        let name = section.name.to_string();
        let is_table = [".init_array", ".fini_array", ".ctors", ".dtors"]
            .iter()
            .any(|table| name == *table || name.starts_with(&format!("{table}.")));
        let place = if is_table {
            Place::Table
        } else if flags.contains(elf::SHF_EXECINSTR) || name.starts_with(".literal") {
            Place::Code
        } else if is_writable && shared.contains(&section.id()) {
            Place::Resident
        } else if section.sh_type == elf::SHT_NOBITS {
            Place::Zero
        } else if is_writable || overlay.constants == Constants::Data {
            Place::Data
        } else {
            Place::Code
        };
        let letter = match place {
            Place::Code => 'e',
            Place::Data => 'd',
            Place::Zero => 'b',
            Place::Table => 'i',
            Place::Resident => {
                places.insert(section.id().index(), place);
                continue;
            }
        };
        section.name = format!(".ovl{}.{letter}{name}", overlay.number).into_bytes().into();
        places.insert(section.id().index(), place);
    }
    places
}

fn find_functions(builder: &Builder<'_>, places: &Places) -> Vec<Function> {
    builder
        .symbols
        .iter()
        .filter_map(|symbol| {
            let section = symbol.section?;
            let is_function = symbol.st_type() == elf::STT_FUNC
                || (symbol.st_type() == elf::STT_NOTYPE && symbol.st_bind() != elf::STB_LOCAL);
            let is_code = places.get(&section.index()) == Some(&Place::Code)
                && builder.sections.get(section).sh_flags.contains(elf::SHF_EXECINSTR);
            (is_function && is_code).then(|| Function {
                symbol: symbol.id(),
                section,
                addr: symbol.st_value,
                name: symbol.name.to_string(),
                bind: symbol.st_bind(),
                stub: None,
            })
        })
        .collect()
}

fn check_exports(
    functions: &[Function],
    owners: &Owners,
    overlay: &Overlay,
    config: &Config,
) -> Result<(), Failure> {
    let there = |name: &String| {
        owners.get(name) == Some(&overlay.number)
            || functions.iter().any(|f| f.name == *name && f.bind != elf::STB_LOCAL)
    };
    match overlay.exports.iter().chain(&overlay.roots).find(|name| !there(name)) {
        None => Ok(()),
        Some(missing) => Err(config
            .fault_of(overlay, format!("overlay {} has no function {missing}", overlay.name))
            .mend("correct `exports` and `roots`, or make the function global")),
    }
}

/// Vtables, type information and inline constants are the overlay's own: were they shared, resident
/// code might use a copy that lies here.
fn privatise_constants(builder: &mut Builder<'_>, places: &Places) {
    for symbol in &mut builder.symbols {
        let is_own = symbol.section.is_some_and(|section| {
            matches!(places.get(&section.index()), Some(Place::Data | Place::Zero))
        });
        if is_own && symbol.st_bind() == elf::STB_WEAK {
            symbol.set_st_info(elf::STB_LOCAL, symbol.st_type());
        }
    }
}

fn point_at_stubs(
    builder: &mut Builder<'_>,
    places: &Places,
    functions: &mut [Function],
    overlay: &Overlay,
    machine: machine::Machine,
) {
    let by_symbol: HashMap<_, _> =
        functions.iter().enumerate().map(|(index, f)| (f.symbol.index(), index)).collect();
    let by_place: HashMap<_, _> = functions
        .iter()
        .enumerate()
        .map(|(index, f)| ((f.section.index(), f.addr), index))
        .collect();
    // A symbol of a section, with the section: relocations may go through it.
    let section_symbols: HashMap<_, _> = builder
        .symbols
        .iter()
        .filter(|symbol| symbol.st_type() == elf::STT_SECTION)
        .filter_map(|symbol| Some((symbol.id().index(), symbol.section?.index())))
        .collect();

    // First find which functions need a stub, then make its symbol, then change the relocations.
    let mut changes = Vec::new();
    for section in &builder.sections {
        let SectionData::Relocation(relocations) = &section.data else { continue };
        if !section.sh_info_section.is_some_and(|target| places.contains_key(&target.index())) {
            continue;
        }
        for (index, relocation) in relocations.iter().enumerate() {
            let Some(symbol) = relocation.symbol else { continue };
            if machine.use_of(relocation.r_type) != Use::Address {
                continue;
            }
            let function = match by_symbol.get(&symbol.index()) {
                Some(function) if relocation.r_addend == 0 => Some(*function),
                Some(_) => None,
                None => section_symbols.get(&symbol.index()).and_then(|of| {
                    let inside = match machine {
                        machine::Machine::Riscv => 0,
                        machine::Machine::Xtensa => word_at(builder, section, relocation.r_offset),
                    };
                    let addr = u64::try_from(relocation.r_addend + inside).ok()?;
                    by_place.get(&(*of, addr)).copied()
                }),
            };
            if let Some(function) = function {
                changes.push((section.id(), index, function));
            }
        }
    }
    for (_, _, function) in &changes {
        let function = &mut functions[*function];
        if function.stub.is_none() {
            let name = stub_name(function, overlay);
            let symbol = builder.symbols.add();
            symbol.name = name.into_bytes().into();
            symbol.set_st_info(elf::STB_GLOBAL, elf::STT_NOTYPE);
            symbol.st_shndx = elf::SHN_UNDEF;
            function.stub = Some(symbol.id());
        }
    }
    for (section, index, function) in changes {
        if let SectionData::Relocation(relocations) = &mut builder.sections.get_mut(section).data {
            relocations[index].symbol = functions[function].stub;
            relocations[index].r_addend = 0;
        }
        let target = builder.sections.get(section).sh_info_section;
        let offset = relocation_offset(builder, section, index);
        if machine == machine::Machine::Xtensa
            && let (Some(target), Some(offset)) = (target, offset)
        {
            clear_word(builder, target, offset);
        }
    }
    if overlay.placement == Placement::Relocatable {
        // Relaxed code depends on where it lies.
        for section in &mut builder.sections {
            let is_own = section.sh_info_section.is_some_and(|s| places.contains_key(&s.index()));
            if let SectionData::Relocation(relocations) = &mut section.data
                && is_own
            {
                relocations.retain(|relocation| machine.use_of(relocation.r_type) != Use::Relax);
            }
        }
    }
}

/// Where a relocation is in its section.
fn relocation_offset(builder: &Builder<'_>, section: SectionId, index: usize) -> Option<u64> {
    match &builder.sections.get(section).data {
        SectionData::Relocation(relocations) => Some(relocations[index].r_offset),
        _ => None,
    }
}

/// The word that a relocation changes: Xtensa assemblers leave a part of the address there.
fn word_at(builder: &Builder<'_>, section: &Section<'_>, offset: u64) -> i64 {
    let word = || {
        let SectionData::Data(data) = &builder.sections.get(section.sh_info_section?).data else {
            return None;
        };
        let word = data.get(usize::try_from(offset).ok()?..)?.first_chunk()?;
        Some(i64::from(i32::from_le_bytes(*word)))
    };
    word().unwrap_or(0)
}

fn clear_word(builder: &mut Builder<'_>, section: SectionId, offset: u64) {
    if let SectionData::Data(data) = &mut builder.sections.get_mut(section).data
        && let Ok(at) = usize::try_from(offset)
        && let Some(word) = data.to_mut().get_mut(at..at + 4)
    {
        word.fill(0);
    }
}

/// A local function's name may be in use elsewhere, so its stub has the overlay's number and the
/// symbol's place.
fn stub_name(function: &Function, overlay: &Overlay) -> String {
    if function.bind == elf::STB_LOCAL {
        format!("__ov{}s_{:x}_{}", overlay.number, function.addr, function.name)
    } else {
        function.name.clone()
    }
}

/// Gives the real functions their names and says which stubs there must be.
fn rename_functions(
    builder: &mut Builder<'_>,
    functions: &[Function],
    overlay: &Overlay,
) -> Vec<Stubbed> {
    let mut stubs = Vec::new();
    for function in functions {
        let is_local = function.bind == elf::STB_LOCAL;
        let is_weak = function.bind == elf::STB_WEAK;
        let is_listed = overlay.exports.contains(&function.name);
        if is_local && function.stub.is_none() {
            continue;
        }
        let real = if is_local {
            format!("__ov{}l_{:x}_{}", overlay.number, function.addr, function.name)
        } else {
            format!("__ov{}_{}", overlay.number, function.name)
        };
        let symbol = builder.symbols.get_mut(function.symbol);
        symbol.name = real.clone().into_bytes().into();
        symbol.set_st_info(elf::STB_GLOBAL, symbol.st_type());
        // Hidden or not, the stubs must reach it.
        symbol.st_other = elf::SymbolOther(0);
        if !is_weak || is_listed || function.stub.is_some() {
            stubs.push(Stubbed {
                name: stub_name(function, overlay),
                real,
                is_weak: is_weak && !is_listed,
            });
        }
    }
    stubs
}

pub(super) fn is_unwinding(name: &[u8]) -> bool {
    name.starts_with(b".eh_frame") || name.starts_with(b".gcc_except_table")
}

/// Exceptions do not cross an overlay, and their tables would point into a slot.
fn drop_unwinding(builder: &mut Builder<'_>) {
    let dropped: Vec<_> = builder
        .sections
        .iter()
        .filter(|section| is_unwinding(&section.name))
        .map(|section| section.id())
        .collect();
    for section in &mut builder.sections {
        if dropped.contains(&section.id())
            || section.sh_info_section.is_some_and(|target| {
                matches!(section.data, SectionData::Relocation(_)) && dropped.contains(&target)
            })
        {
            section.delete = true;
        }
    }
    for symbol in &mut builder.symbols {
        if symbol.section.is_some_and(|section| dropped.contains(&section)) {
            symbol.delete = true;
        }
    }
}
