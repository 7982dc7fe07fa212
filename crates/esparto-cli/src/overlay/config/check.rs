//! What esparto.toml says, held to itself and to the chip. Every mistake names its line.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use esparto::Caps;
use esparto_chips::{Bus, Chip};
use esparto_image::{Abi, Isa, Name, Placement};

use super::written::{Area, File, FileOverlay, FilePlacement, Source};
use super::{Config, Constants, Overlay, Stretch};
use crate::Failure;

/// Where overlays are stored for the linker: no chip of the family has memory there.
const CARD: Stretch = Stretch { addr: 0xC000_0000, len_bytes: 0x3000_0000 };

/// The most overlays, and the most slots, of a firmware: they are counted in 16 bits.
const MAX_COUNT: usize = u16::MAX as usize;

/// What `read` comes to.
///
/// # Errors
/// The first contradiction, with its line.
pub(super) fn check(read: File, source: &Source<'_>) -> Result<Config, Failure> {
    let chip = esparto_chips::find(read.chip.as_ref()).ok();
    let isa = isa(&read, chip, source)?;
    if let Some(slot) = read.slot.get(MAX_COUNT) {
        let what = format!("{} slots, and {MAX_COUNT} are the most", read.slot.len());
        return Err(source.fault(&slot.addr, what).mend("let overlays share slots"));
    }
    let slots = stretches(&read.slot, "slot", source)?;
    let data = read.data.as_ref().map(|area| stretch(area, "data", source)).transpose()?;
    let card = read.card.as_ref().map(|area| stretch(area, "card", source)).transpose()?;
    let chip_name = Name::new(chip.map_or(read.chip.as_ref(), |chip| chip.name))
        .filter(|name| name.as_str().len() <= 20)
        .ok_or_else(|| {
            let what = format!("{:?} is no name of a chip", read.chip.as_ref());
            let mend = "use at most 20 letters, digits, `_` and `-`";
            source.fault(&read.chip, what).mend(mend)
        })?;
    if let Some(chip) = chip {
        check_slots(chip, &read.slot, &slots, source)?;
        if let Some((area, stretch)) = read.data.as_ref().zip(data) {
            check_data(chip, area, stretch, source)?;
        }
    }
    check_overlaps(chip, &read, &slots, data, source)?;
    let mut config = Config {
        file: source.file.to_owned(),
        chip: chip_name,
        isa,
        abi: abi(isa),
        is_word_only: read.word_only.unwrap_or_else(|| {
            chip.is_some_and(|chip| slots.iter().any(|slot| is_word_only(chip, *slot)))
        }),
        ld: read.ld,
        has_gdb_table: read.gdb,
        is_fat: read.fat,
        card: card.unwrap_or(CARD),
        data,
        slots,
        overlays: Vec::new(),
    };
    add_overlays(&mut config, read.overlay, source)?;
    Ok(config)
}

fn isa(read: &File, chip: Option<&Chip>, source: &Source<'_>) -> Result<Isa, Failure> {
    use esparto_chips::Isa as Of;
    if let Some(named) = &read.isa {
        let known = Isa::ALL.iter().copied().find(|isa| isa.name() == named.as_ref());
        return known.ok_or_else(|| {
            let known: Vec<_> = Isa::ALL.iter().map(|isa| isa.name()).collect();
            source
                .fault(named, format!("unknown instruction set {:?}", named.as_ref()))
                .mend(format!("write one of {}", known.join(", ")))
        });
    }
    let Some(chip) = chip else {
        return Err(source
            .fault(&read.chip, format!("unknown chip {:?}", read.chip.as_ref()))
            .mend("name a chip that `esparto chips` shows, or give the board's `isa`"));
    };
    Ok(match chip.isa.value {
        Of::XtensaLx106 => Isa::XtensaLx106,
        Of::XtensaLx6 => Isa::XtensaLx6,
        Of::XtensaLx7 => Isa::XtensaLx7,
        Of::Rv32imac => Isa::Rv32imac,
        Of::Rv32imafc => Isa::Rv32imafc,
        _ => Isa::Rv32imc,
    })
}

fn abi(isa: Isa) -> Abi {
    match isa {
        Isa::Rv32imafc => Abi::Ilp32f,
        Isa::XtensaLx6 | Isa::XtensaLx7 => Abi::Windowed,
        Isa::XtensaLx106 => Abi::Call0,
        _ => Abi::Ilp32,
    }
}

fn is_word_only(chip: &Chip, slot: Stretch) -> bool {
    chip.region_at(slot.addr).is_some_and(|region| !region.caps.contains(Caps::BYTE))
}

fn stretches(areas: &[Area], what: &str, source: &Source<'_>) -> Result<Vec<Stretch>, Failure> {
    let named = areas.iter().enumerate();
    named.map(|(number, area)| stretch(area, &format!("{what} {number}"), source)).collect()
}

fn stretch(area: &Area, what: &str, source: &Source<'_>) -> Result<Stretch, Failure> {
    let (addr, len_bytes) = (*area.addr.as_ref(), area.size.as_ref().0);
    if !addr.is_multiple_of(4) {
        return Err(source
            .fault(&area.addr, format!("{what} starts at {addr:#010x}, within a word"))
            .mend("make the address a multiple of 4"));
    }
    if len_bytes == 0 || !len_bytes.is_multiple_of(4) || addr.checked_add(len_bytes).is_none() {
        return Err(source
            .fault(
                &area.size,
                format!(
                    "{what} of {len_bytes} bytes at {addr:#010x} is empty, not of whole words, or too long"
                ),
            )
            .mend("make the size a multiple of 4 that ends inside 32 bits"));
    }
    Ok(Stretch { addr, len_bytes })
}

/// A slot lies where the chip executes.
fn check_slots(
    chip: &Chip,
    areas: &[Area],
    slots: &[Stretch],
    source: &Source<'_>,
) -> Result<(), Failure> {
    for (number, (area, slot)) in areas.iter().zip(slots).enumerate() {
        let executes = |addr| {
            chip.region_at(addr)
                .is_some_and(|region| region.caps.contains(Caps::EXEC) && region.bus != Bus::Data)
        };
        // The line of the address, or that of the size which leads out.
        let last = slot.last_addr();
        let what = format!(
            "slot {number} ({:#010x} to {last:#010x}) is not executable memory of the {}",
            slot.addr, chip.title
        );
        let fault = if !executes(slot.addr) {
            source.fault(&area.addr, what)
        } else if !executes(last) {
            source.fault(&area.size, what)
        } else {
            continue;
        };
        return Err(fault.mend(format!("choose addresses from `esparto chips {}`", chip.name)));
    }
    Ok(())
}

/// The data area lies where the chip reads and writes bytes.
fn check_data(chip: &Chip, area: &Area, data: Stretch, source: &Source<'_>) -> Result<(), Failure> {
    let holds = |addr| {
        chip.region_at(addr).is_some_and(|region| {
            region.caps.contains(Caps::BYTE) && region.bus != Bus::Instruction
        })
    };
    let last = data.last_addr();
    let what = format!(
        "data ({:#010x} to {last:#010x}) is not memory for data of the {}",
        data.addr, chip.title
    );
    let fault = if !holds(data.addr) {
        source.fault(&area.addr, what)
    } else if !holds(last) {
        source.fault(&area.size, what)
    } else {
        return Ok(());
    };
    Err(fault.mend(format!("choose addresses from `esparto chips {}`", chip.name)))
}

/// No two slots share memory, nor a slot and the data, under whatever addresses.
fn check_overlaps(
    chip: Option<&Chip>,
    read: &File,
    slots: &[Stretch],
    data: Option<Stretch>,
    source: &Source<'_>,
) -> Result<(), Failure> {
    struct Piece<'a> {
        name: String,
        area: &'a Area,
        stretch: Stretch,
    }
    let named = read.slot.iter().zip(slots).enumerate();
    let mut pieces: Vec<_> = named
        .map(|(number, (area, slot))| Piece {
            name: format!("slot {number}"),
            area,
            stretch: *slot,
        })
        .collect();
    let data = read.data.as_ref().zip(data);
    pieces.extend(data.map(|(area, stretch)| Piece { name: "data".to_owned(), area, stretch }));
    // Each under all of its addresses, in their order: what shares any starts before the other ends.
    let mut views: Vec<_> =
        (0..).zip(&pieces).map(|(owner, piece)| (piece.stretch, owner)).collect();
    if let Some(chip) = chip {
        let aliases = (0..).zip(&pieces).map(|(owner, piece)| (piece.stretch.alias(chip), owner));
        views.extend(aliases.filter_map(|(alias, owner)| Some((alias?, owner))));
    }
    views.sort_by_key(|(stretch, owner)| (stretch.addr, *owner));
    for pair in views.windows(2) {
        let [(before, one), (after, two)] = [pair[0], pair[1]];
        if after.addr > before.last_addr() || one == two {
            continue;
        }
        let (first, second): (&Piece<'_>, &Piece<'_>) =
            (&pieces[one.min(two)], &pieces[one.max(two)]);
        let what = format!(
            "{} ({:#010x} to {:#010x}) is the same memory as {} of line {} ({:#010x} to {:#010x})",
            second.name,
            second.stretch.addr,
            second.stretch.last_addr(),
            first.name,
            source.line(&first.area.addr.span()),
            first.stretch.addr,
            first.stretch.last_addr()
        );
        return Err(source
            .fault(&second.area.addr, what)
            .mend("move one of them, or make it smaller; several overlays may name one slot"));
    }
    Ok(())
}

fn add_overlays(
    config: &mut Config,
    read: Vec<FileOverlay>,
    source: &Source<'_>,
) -> Result<(), Failure> {
    if let Some(overlay) = read.get(MAX_COUNT) {
        let what = format!("{} overlays, and {MAX_COUNT} are the most", read.len());
        return Err(source.fault(&overlay.name, what).mend("join some of them"));
    }
    let limit = if config.is_fat { 6 } else { esparto_image::MAX_NAME_BYTES };
    let mut all: HashMap<String, Named> = HashMap::new();
    for (number, overlay) in (0..).zip(&read) {
        let (called, line) = (overlay.name.as_ref(), source.line(&overlay.name.span()));
        let name =
            Name::new(called).filter(|name| name.as_str().len() <= limit).ok_or_else(|| {
                let what = format!(
                    "overlay {called}: its name is not 1 to {limit} letters, digits, `_` and `-`"
                );
                source
                    .fault(&overlay.name, what)
                    .mend("give it another name; a FAT card has no room for longer ones")
            })?;
        if let Some(other) = all.insert(called.clone(), Named { number, line, name }) {
            let what =
                format!("two overlays are called {called}, the other one in line {}", other.line);
            return Err(source.fault(&overlay.name, what).mend("give each its own name"));
        }
    }
    let mut base_count = 0;
    for overlay in read {
        let overlay = checked(config, base_count, overlay, &all, source)?;
        base_count += u16::from(overlay.placement == Placement::Relocatable);
        config.overlays.push(overlay);
    }
    check_cycles(config)
}

/// An overlay by its name.
#[derive(Clone, Copy)]
struct Named {
    number: u16,
    line: usize,
    name: Name,
}

fn checked(
    config: &Config,
    base_index: u16,
    read: FileOverlay,
    all: &HashMap<String, Named>,
    source: &Source<'_>,
) -> Result<Overlay, Failure> {
    let called = read.name.as_ref();
    let Named { number, line, name } = all[called];
    let slot = read.slot.as_ref().map_or(0, |slot| *slot.as_ref());
    if usize::from(slot) >= config.slots.len() {
        let what = format!("overlay {called}: there is no slot {slot}, but {}", config.slots.len());
        let fault = match &read.slot {
            Some(slot) => source.fault(slot, what),
            None => source.fault(&read.name, what),
        };
        return Err(fault.mend("add a [[slot]] with addr and size, or choose another"));
    }
    let constants = read.constants.as_ref().map_or_else(Constants::default, |c| *c.as_ref());
    if let Some(at) = read.constants.as_ref().filter(|_| config.is_word_only)
        && constants == Constants::Code
    {
        let what = format!(
            "overlay {called}: its constants would lie in memory that is read by words only"
        );
        return Err(source.fault(at, what).mend("set `constants = \"data\"`"));
    }
    let folder = source.file.parent().unwrap_or(Path::new(""));
    let mut files = Vec::new();
    for pattern in &read.files {
        let path = folder.join(pattern.as_ref());
        let found = find_files(&path);
        if found.is_empty() {
            let what = format!("overlay {called}: no file matches {}", path.display());
            return Err(source.fault(pattern, what).mend("build it first, or correct `files`"));
        }
        files.extend(found);
    }
    let mut depends = Vec::new();
    for other in &read.depends {
        let (what, mend) = match all.get(other.as_ref()) {
            Some(other) if other.number != number => {
                depends.push(other.number);
                continue;
            }
            Some(_) => ("itself".to_owned(), "take it out of `depends`"),
            None => (format!("{}, which is no overlay", other.as_ref()), "correct `depends`"),
        };
        return Err(source
            .fault(other, format!("overlay {called}: it depends on {what}"))
            .mend(mend));
    }
    Ok(Overlay {
        number,
        line,
        name,
        slot,
        files,
        krate: read.krate.map(|krate| krate.replace('-', "_")),
        roots: read.roots,
        exports: read.exports,
        depends,
        constants,
        placement: match read.placement {
            FilePlacement::Prelinked => Placement::Prelinked,
            FilePlacement::Relocatable => Placement::Relocatable,
        },
        compress: read.compress,
        base_index,
    })
}

/// Dependencies lead nowhere in a circle; the overlay that closes one is named.
fn check_cycles(config: &Config) -> Result<(), Failure> {
    let overlays = &config.overlays;
    // 0 not seen, 1 on the way, 2 done; the way itself is the stack, so nothing recurses.
    let mut seen = vec![0_u8; overlays.len()];
    for start in 0..overlays.len() {
        let mut way = vec![(start, 0)];
        while let Some((at, next)) = way.last_mut() {
            seen[*at] = 1.max(seen[*at]);
            let Some(&to) = overlays[*at].depends.get(*next) else {
                seen[*at] = 2;
                way.pop();
                continue;
            };
            *next += 1;
            let (closes, to) = (*at, usize::from(to));
            match seen[to] {
                0 => way.push((to, 0)),
                1 => {
                    let from = way.iter().position(|(at, _)| *at == to).unwrap_or(0);
                    let circle = way[from..].iter().map(|(at, _)| *at).chain([to]);
                    let names: Vec<_> = circle.map(|at| overlays[at].name.as_str()).collect();
                    let what = format!(
                        "overlays depend on one another in a circle: {}",
                        names.join(" → ")
                    );
                    let mend =
                        "take one of them out of `depends`; calls load what they need anyway";
                    return Err(config.fault_of(&overlays[closes], what).mend(mend));
                }
                _ => {}
            }
        }
    }
    Ok(())
}

/// The files that a path stands for; its last part may hold one `*`. Sorted by name.
fn find_files(pattern: &Path) -> Vec<PathBuf> {
    let name = pattern.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let Some((head, tail)) = name.split_once('*') else {
        return if pattern.is_file() { vec![pattern.to_owned()] } else { Vec::new() };
    };
    let folder = pattern.parent().filter(|folder| !folder.as_os_str().is_empty());
    let Ok(entries) = fs::read_dir(folder.unwrap_or(Path::new("."))) else { return Vec::new() };
    let mut found: Vec<_> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| {
            path.file_name().and_then(|name| name.to_str()).is_some_and(|name| {
                name.len() >= head.len() + tail.len()
                    && name.starts_with(head)
                    && name.ends_with(tail)
            })
        })
        .collect();
    found.sort();
    found
}
