//! The checker: everything that links and would fail on the device.

use std::fmt;

use esparto_image::Placement;
use esparto_image::firmware::RECORD_PREFIX;
use object::elf;
use object::read::elf::SectionHeader;
use rustc_hash::FxHashSet;

use super::config::{Config, Constants};
use super::elf::{Firmware, Part, Relocation, Section, Symbol};
use super::machine::{self, Machine, Use};
use super::marked::MARK;
use super::stubs::LITERALS_PREFIX;
use crate::Failure;

/// The relocations of each loaded section, by its number.
pub(crate) type Relocations = Vec<(usize, Vec<Relocation>)>;

/// How many faults one message shows.
const SHOWN: usize = 20;

/// The resident tables that may hold addresses of overlays.
const TABLES: [&str; 2] = ["__esparto_overlays", "_ovly_table"];

/// What is wrong at one place.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
enum Fault {
    /// Resident code or data refers to an overlay's code past its stub.
    WithoutStub { overlay: u16 },
    /// The same, to a body that several objects had and the overlay's was taken.
    SharedBody { overlay: u16 },
    /// Resident code or data refers to an overlay's data.
    DataOfOverlay { overlay: u16 },
    /// A jump table does not move with the code that it leads into.
    JumpTable { overlay: u16 },
    /// An overlay refers to another one past its stubs.
    Across { from: u16, to: u16 },
    /// A pointer to the function itself would outlive it.
    AddressTaken { overlay: u16 },
    /// A constant lies in memory that is read by words only, or goes with the code.
    ConstantInCode { overlay: u16 },
}

impl Fault {
    fn mend(&self) -> &'static str {
        match self {
            Self::WithoutStub { .. } => {
                "link the overlay only through what `esparto overlay link` wrote, not its own objects"
            }
            Self::SharedBody { .. } => {
                "compile it into both sides (no `extern template`), or give its objects to one overlay"
            }
            Self::DataOfOverlay { .. } => {
                "let a function of the overlay return it, or move the variable to resident code"
            }
            Self::JumpTable { .. } => {
                "compile it with -fno-jump-tables (Rust: -Zno-jump-tables), or set `placement = \"prelinked\"`"
            }
            Self::Across { .. } => {
                "call a function that has a stub, put both into one overlay, or move the data to resident code"
            }
            Self::AddressTaken { .. } => {
                "link the object that `esparto overlay link` wrote: there, pointers go to stubs"
            }
            Self::ConstantInCode { .. } => "set `constants = \"data\"` for the overlay",
        }
    }
}

struct Found<'a> {
    fault: Fault,
    /// Where it is.
    section: &'a str,
    addr: u32,
    /// In what.
    inside: Option<&'a str>,
    /// To what.
    symbol: &'a str,
}

impl Found<'_> {
    /// Is it the same fault in the same function?
    fn is_same(&self, other: &Self) -> bool {
        self.fault == other.fault
            && self.section == other.section
            && self.inside.is_some()
            && self.inside == other.inside
            && self.symbol == other.symbol
    }
}

/// Holds the linked firmware to what overlays need; returns its relocations.
///
/// # Errors
/// Every fault with section, symbol, place and mend, up to twenty of them.
pub(crate) fn check(firmware: &Firmware<'_>, config: &Config) -> Result<Relocations, Failure> {
    let machine = machine::of(firmware.header.e_machine.get(object::LittleEndian), config.isa)
        .map_err(|failure| failure.in_file(firmware.file))?;
    check_sections(firmware, config)?;
    check_places(firmware, config)?;
    let relocations = firmware.relocations()?;
    let has_code =
        |k| relocations.iter().any(|(target, _)| firmware.sections[*target].part == Part::Code(k));
    let resident =
        relocations.iter().any(|(target, _)| firmware.sections[*target].part == Part::Resident);
    if !resident && !config.overlays.iter().any(|overlay| has_code(overlay.number)) {
        return Err(Failure::bad_input(
            "no relocations: what refers to an overlay cannot be checked",
        )
        .in_file(firmware.file)
        .mend("link with --emit-relocs and do not strip the file before packing"));
    }
    check_marks(firmware)?;
    let mut found = references(firmware, config, &relocations, machine);
    constants(firmware, config, &mut found);
    if found.is_empty() { Ok(relocations) } else { Err(failure(firmware, config, &found)) }
}

/// Overlays are there, fit, and offer what they should.
fn check_sections(firmware: &Firmware<'_>, config: &Config) -> Result<(), Failure> {
    let mut data_end = config.data.map_or(0, |data| data.addr);
    for overlay in &config.overlays {
        let k = overlay.number;
        let fault = |what: &dyn fmt::Display, mend: &str| {
            Err(Failure::bad_input(format!("overlay {}: {what}", overlay.name))
                .in_file(firmware.file)
                .mend(mend))
        };
        let code = firmware.section(Part::Code(k)).filter(|section| section.len_bytes() != 0);
        let Some(code) = code else {
            return fault(
                &format_args!("section .ovl{k}_e is empty or missing"),
                "link with the fragment and objects of `esparto overlay link`, without link-time optimisation of the overlay",
            );
        };
        let slot = config.slots[usize::from(overlay.slot)];
        if code.addr() != slot.addr || code.len_bytes() > slot.len_bytes {
            return fault(
                &format_args!(
                    "section {} has {} bytes at {:#010x}, slot {} has {} at {:#010x}",
                    code.name,
                    code.len_bytes(),
                    code.addr(),
                    overlay.slot,
                    slot.len_bytes,
                    slot.addr
                ),
                "enlarge the slot, split the overlay, or link again after a change of esparto.toml",
            );
        }
        for part in [Part::Data(k), Part::Zero(k)] {
            let Some(section) = firmware.section(part).filter(|s| s.len_bytes() != 0) else {
                continue;
            };
            let Some(area) = config.data else {
                return fault(
                    &format_args!(
                        "section {} has {} bytes, and there is no data area",
                        section.name,
                        section.len_bytes()
                    ),
                    "add [data] with addr and size to esparto.toml, and link again",
                );
            };
            let end = section.addr().checked_add(section.len_bytes());
            let fits = end.is_some_and(|end| end <= area.addr + area.len_bytes);
            if section.addr() < data_end || !fits {
                return fault(
                    &format_args!(
                        "section {} has {} bytes at {:#010x}, the data area ends at {:#010x}",
                        section.name,
                        section.len_bytes(),
                        section.addr(),
                        area.addr + area.len_bytes
                    ),
                    "enlarge the data area in esparto.toml, and link again",
                );
            }
            data_end = end.unwrap_or(u32::MAX);
        }
        for name in overlay.exports.iter().chain(&overlay.roots) {
            let real = format!("__ov{k}_{name}");
            let is_there = firmware
                .symbol(&real)
                .is_some_and(|symbol| firmware.part_of(symbol) == Part::Code(k));
            if !is_there {
                return fault(
                    &format_args!(
                        "export {name} is missing: no symbol {real} in section {}",
                        code.name
                    ),
                    "correct `exports` and `roots`, and link again",
                );
            }
        }
    }
    Ok(())
}

/// Nothing resident lies where overlays go. A linker puts what no script names behind what is like it,
/// and that may be an overlay.
fn check_places(firmware: &Firmware<'_>, config: &Config) -> Result<(), Failure> {
    let slots = config.slots.iter().enumerate();
    let slots = slots.map(|(number, slot)| (format!("slot {number}"), slot.addr, slot.len_bytes));
    let data = config.data.map(|area| ("the data area".to_owned(), area.addr, area.len_bytes));
    for (place, start, len_bytes) in slots.chain(data) {
        let lies_there = |section: &&Section<'_>| {
            // A section without contents may be how the firmware keeps the place free.
            let is_something = section.kind() != elf::SHT_NOBITS
                || [".bss", ".sbss"].iter().any(|name| section.name.starts_with(name));
            let (from, to) = (u64::from(section.addr()), u64::from(start));
            section.part == Part::Resident
                && section.is_alloc()
                && section.len_bytes() != 0
                && is_something
                && from < to + u64::from(len_bytes)
                && to < from + u64::from(section.len_bytes())
        };
        if let Some(section) = firmware.sections.iter().find(lies_there) {
            return Err(Failure::bad_input(format!(
                "section {} is resident, and its {} bytes at {:#010x} lie in {place}",
                section.name,
                section.len_bytes(),
                section.addr()
            ))
            .in_file(firmware.file)
            .mend("name the section in the firmware's linker script, or give overlays.ld to the linker before that script"));
        }
    }
    Ok(())
}

/// No mark was passed over: its function would be resident, and nobody would notice.
fn check_marks(firmware: &Firmware<'_>) -> Result<(), Failure> {
    let is_marked = |section: &&Section<'_>| {
        section.is_alloc() && section.len_bytes() != 0 && section.name.starts_with(MARK)
    };
    match firmware.sections.iter().find(is_marked) {
        None => Ok(()),
        Some(section) => Err(Failure::bad_input(format!(
            "section {} at {:#010x} is marked for an overlay and was linked as resident code",
            section.name,
            section.addr()
        ))
        .in_file(firmware.file)
        .mend("link by esparto-ld or `esparto overlay wrap`, or give the objects to `esparto overlay link`")),
    }
}

fn references<'a>(
    firmware: &'a Firmware<'_>,
    config: &Config,
    relocations: &Relocations,
    machine: Machine,
) -> Vec<Found<'a>> {
    let allowed = allowed_ranges(firmware);
    let functions: FxHashSet<(usize, u32)> = firmware
        .symbols
        .iter()
        .filter(|symbol| symbol.is_function)
        .map(|symbol| (symbol.section, symbol.addr))
        .collect();
    // Made for the first fault only.
    let mut around = None;
    let mut found = Vec::new();
    for (target, list) in relocations {
        let section = &firmware.sections[*target];
        for relocation in list {
            let symbol = &firmware.symbols[relocation.symbol];
            let part = firmware.part_of(symbol);
            let Some(to) = part.overlay() else { continue };
            let is_code = matches!(part, Part::Code(_));
            let fault = match section.part.overlay() {
                None if allowed.contains(relocation.addr) => continue,
                None if !is_code => Fault::DataOfOverlay { overlay: to },
                None if is_jump_table(section, relocation, symbol, machine) => {
                    let overlay = config.overlays.get(usize::from(to));
                    if overlay.is_some_and(|o| o.placement == Placement::Prelinked) {
                        continue;
                    }
                    Fault::JumpTable { overlay: to }
                }
                None if symbol.is_weak || !symbol.name.starts_with("__ov") => {
                    Fault::SharedBody { overlay: to }
                }
                None => Fault::WithoutStub { overlay: to },
                Some(from) if from != to => Fault::Across { from, to },
                Some(_) => {
                    let addr = symbol.addr.wrapping_add_signed(relocation.addend);
                    let is_function = is_code && functions.contains(&(symbol.section, addr));
                    if is_function && machine.use_of(relocation.r_type) == Use::Address {
                        Fault::AddressTaken { overlay: to }
                    } else {
                        continue;
                    }
                }
            };
            let one = Found {
                fault,
                section: section.name,
                addr: relocation.addr,
                inside: around
                    .get_or_insert_with(|| Around::of(firmware))
                    .find(*target, relocation.addr)
                    .map(|symbol| symbol.name),
                symbol: if symbol.name.is_empty() {
                    firmware.sections[symbol.section].name
                } else {
                    symbol.name
                },
            };
            // An address is often made in two instructions.
            if found.last().is_none_or(|last: &Found<'_>| !last.is_same(&one)) {
                found.push(one);
            }
        }
    }
    found
}

/// A constant that leads to the middle of a function is that function's own: the jump table of a
/// `switch`. Compilers leave it with the other constants when the function has a section by name.
fn is_jump_table(
    section: &Section<'_>,
    relocation: &Relocation,
    symbol: &Symbol<'_>,
    machine: Machine,
) -> bool {
    !section.header.sh_flags(object::LittleEndian).contains(elf::SHF_WRITE)
        && machine.is_data(relocation.r_type)
        && symbol.is_local
        && !symbol.is_function
}

/// Sorted stretches of addresses.
struct Ranges(Vec<(u32, u32)>);

impl Ranges {
    fn contains(&self, addr: u32) -> bool {
        let index = self.0.partition_point(|(start, _)| *start <= addr);
        index.checked_sub(1).is_some_and(|index| addr < self.0[index].1)
    }
}

/// Stubs, records and tables: the only resident places that may name what is in an overlay.
fn allowed_ranges(firmware: &Firmware<'_>) -> Ranges {
    let mut stubs: FxHashSet<&str> = FxHashSet::default();
    for symbol in &firmware.symbols {
        if let Some(name) = symbol.name.strip_prefix(RECORD_PREFIX) {
            stubs.insert(name);
        }
    }
    let mut ranges: Vec<_> = firmware
        .symbols
        .iter()
        .filter(|symbol| {
            firmware.part_of(symbol) == Part::Resident
                && symbol.len_bytes != 0
                && (stubs.contains(symbol.name)
                    || symbol.name.starts_with(RECORD_PREFIX)
                    || symbol.name.starts_with(LITERALS_PREFIX)
                    || TABLES.contains(&symbol.name))
        })
        .map(|symbol| (symbol.addr, symbol.addr.saturating_add(symbol.len_bytes)))
        .collect();
    ranges.sort_unstable();
    Ranges(ranges)
}

/// Constants among the code are refused where the code is read by words only.
fn constants<'a>(firmware: &'a Firmware<'_>, config: &Config, found: &mut Vec<Found<'a>>) {
    for symbol in &firmware.symbols {
        let Part::Code(k) = firmware.part_of(symbol) else { continue };
        let Some(overlay) = config.overlays.get(usize::from(k)) else { continue };
        let is_refused = config.is_word_only || overlay.constants == Constants::Data;
        if symbol.is_object && is_refused {
            found.push(Found {
                fault: Fault::ConstantInCode { overlay: k },
                section: firmware.sections[symbol.section].name,
                addr: symbol.addr,
                inside: None,
                symbol: symbol.name,
            });
        }
    }
}

/// Functions and variables by section and address, to find the one around a place.
struct Around<'a>(Vec<&'a Symbol<'a>>);

impl<'a> Around<'a> {
    fn of(firmware: &'a Firmware<'_>) -> Self {
        let is_something = |symbol: &&Symbol<'_>| symbol.len_bytes != 0 && !symbol.name.is_empty();
        let mut symbols: Vec<_> = firmware.symbols.iter().filter(is_something).collect();
        symbols.sort_by_key(|symbol| (symbol.section, symbol.addr));
        Self(symbols)
    }

    /// The last one that begins at or before `addr` and reaches it.
    fn find(&self, section: usize, addr: u32) -> Option<&'a Symbol<'a>> {
        let end = self.0.partition_point(|symbol| (symbol.section, symbol.addr) <= (section, addr));
        let symbol = *self.0.get(end.checked_sub(1)?)?;
        let reaches = symbol.section == section && addr - symbol.addr < symbol.len_bytes;
        reaches.then_some(symbol)
    }
}

fn failure(firmware: &Firmware<'_>, config: &Config, found: &[Found<'_>]) -> Failure {
    let lines = firmware.lines();
    let name = |k: u16| {
        config.overlays.get(usize::from(k)).map_or_else(|| k.to_string(), |o| o.name.to_string())
    };
    let mut text = String::new();
    let mut mends: Vec<&str> = Vec::new();
    for one in found.iter().take(SHOWN) {
        let demangled = |symbol: &str| format!("{:#}", rustc_demangle::demangle(symbol));
        let what = match one.fault {
            Fault::WithoutStub { overlay } => {
                format!("reference into overlay {} without a stub", name(overlay))
            }
            Fault::SharedBody { overlay } => format!(
                "a shared body (inline, template or vtable) landed in overlay {} and is used outside",
                name(overlay)
            ),
            Fault::DataOfOverlay { overlay } => {
                format!("resident reference to data of overlay {}", name(overlay))
            }
            Fault::JumpTable { overlay } => {
                format!("a resident jump table leads into overlay {}, which moves", name(overlay))
            }
            Fault::Across { from, to } => {
                format!("reference from overlay {} into overlay {}", name(from), name(to))
            }
            Fault::AddressTaken { overlay } => {
                format!("the address of a function of overlay {} is taken", name(overlay))
            }
            Fault::ConstantInCode { overlay } => {
                format!("a constant lies among the code of overlay {}", name(overlay))
            }
        };
        let location = lines.at(one.addr);
        text += &format!("\n  {what}: {}", demangled(one.symbol));
        text += &format!(", section {} at {:#010x}", one.section, one.addr);
        if let Some(inside) = one.inside {
            text += &format!(", in {}", demangled(inside));
        }
        if let Some(location) = location {
            text += &format!(" ({location})");
        }
        if !mends.contains(&one.fault.mend()) {
            mends.push(one.fault.mend());
        }
    }
    if found.len() > SHOWN {
        text += &format!("\n  and {} more", found.len() - SHOWN);
    }
    Failure::bad_input(format!(
        "{} fault{} in the overlays:{text}",
        found.len(),
        if found.len() == 1 { "" } else { "s" }
    ))
    .in_file(firmware.file)
    .mend(mends.join("; "))
}
