//! The account: each byte of each area is of exactly one kind.

use esparto_chips::{Chip, Kind as MemoryKind, Role};
use object::LittleEndian as Le;
use object::elf;
use object::read::elf::SectionHeader;
use serde::Serialize;

use crate::overlay::elf::{Firmware, Part, Section};

/// What a byte is used for. In order: where two claims meet, the later kind counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    /// Nobody's: what heaps may have.
    Left,
    /// Between two that are used, and of neither: padding, or what the file does not tell.
    Unexplained,
    /// Taken by the chip's own software, or kept free by the linker script.
    Reserved,
    Heap,
    Stack,
    /// Slots and data areas of overlays.
    Overlay,
    Bss,
    Data,
    Constants,
    Code,
}

/// All kinds, in the order of the columns.
pub(crate) const KINDS: [Kind; 10] = [
    Kind::Code,
    Kind::Constants,
    Kind::Data,
    Kind::Bss,
    Kind::Stack,
    Kind::Heap,
    Kind::Overlay,
    Kind::Reserved,
    Kind::Unexplained,
    Kind::Left,
];

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Left => "left",
            Self::Unexplained => "unexplained",
            Self::Reserved => "reserved",
            Self::Heap => "heap",
            Self::Stack => "stack",
            Self::Overlay => "overlay",
            Self::Bss => "bss",
            Self::Data => "data",
            Self::Constants => "constants",
            Self::Code => "code",
        }
    }
}

/// Bytes of each kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Bytes {
    pub(crate) code: u64,
    pub(crate) constants: u64,
    pub(crate) data: u64,
    pub(crate) bss: u64,
    pub(crate) stack: u64,
    pub(crate) heap: u64,
    pub(crate) overlay: u64,
    pub(crate) reserved: u64,
    pub(crate) unexplained: u64,
    pub(crate) left: u64,
}

impl Bytes {
    pub(crate) fn of(&self, kind: Kind) -> u64 {
        let mut copy = *self;
        *copy.place(kind)
    }

    fn place(&mut self, kind: Kind) -> &mut u64 {
        match kind {
            Kind::Code => &mut self.code,
            Kind::Constants => &mut self.constants,
            Kind::Data => &mut self.data,
            Kind::Bss => &mut self.bss,
            Kind::Stack => &mut self.stack,
            Kind::Heap => &mut self.heap,
            Kind::Overlay => &mut self.overlay,
            Kind::Reserved => &mut self.reserved,
            Kind::Unexplained => &mut self.unexplained,
            Kind::Left => &mut self.left,
        }
    }
}

/// A memory and what it is used for.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Area {
    pub(crate) name: String,
    pub(crate) start_addr: u32,
    /// The sum of `bytes`.
    pub(crate) len_bytes: u64,
    /// Is it one of the chip's memories? Flash and what is elsewhere is not, and not in the total.
    pub(crate) is_memory: bool,
    pub(crate) bytes: Bytes,
}

/// A section and where it lies.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct SectionView {
    pub(crate) name: String,
    pub(crate) addr: u32,
    pub(crate) len_bytes: u32,
    pub(crate) kind: Kind,
    pub(crate) area: String,
}

/// The whole account.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Account {
    pub(crate) areas: Vec<Area>,
    pub(crate) total: Area,
    pub(crate) sections: Vec<SectionView>,
    #[serde(skip)]
    chip: Option<&'static Chip>,
}

/// Pairs of symbols that linker scripts put around what no section holds.
const BOUNDS: [(&str, &str, Kind); 8] = [
    ("_stack_end", "_stack_start", Kind::Stack),
    ("_stack_end_cpu0", "_stack_start_cpu0", Kind::Stack),
    ("__stack_bottom", "__stack_top", Kind::Stack),
    ("__stack_end", "__stack_start", Kind::Stack),
    ("_heap_start", "_heap_end", Kind::Heap),
    ("__heap_start", "__heap_end", Kind::Heap),
    ("_sheap", "_eheap", Kind::Heap),
    ("__sheap", "__eheap", Kind::Heap),
];

/// A claim on addresses of the memory itself.
struct Claim {
    start: u64,
    end: u64,
    kind: Kind,
}

/// An area before its bytes are counted.
struct Ground {
    name: String,
    start: u64,
    end: u64,
    is_memory: bool,
}

impl Account {
    /// The account of a firmware, on a chip if it is known.
    pub(crate) fn of(firmware: &Firmware<'_>, chip: Option<&'static Chip>) -> Self {
        let loaded = || firmware.sections.iter().filter(|s| s.is_alloc() && s.len_bytes() != 0);
        let mut claims = Vec::new();
        for section in loaded() {
            let start = section.addr();
            claim(
                chip,
                start,
                u64::from(start) + u64::from(section.len_bytes()),
                kind_of(section),
                &mut claims,
            );
        }
        for (start, end, kind) in BOUNDS {
            if let (Some(start), Some(end)) = (firmware.symbol(start), firmware.symbol(end))
                && start.addr < end.addr
            {
                claim(chip, start.addr, end.addr.into(), kind, &mut claims);
            }
        }
        for region in chip.iter().flat_map(|chip| chip.regions) {
            for reserved in region.reserved {
                let range = reserved.range;
                claim(
                    chip,
                    range.start_addr(),
                    range.end_addr().into(),
                    Kind::Reserved,
                    &mut claims,
                );
            }
        }
        let grounds = grounds(chip, &claims);
        let areas: Vec<_> = grounds.iter().map(|ground| count(ground, &claims)).collect();
        let mut total = Area {
            name: chip.map_or("total", |chip| chip.title).to_owned(),
            start_addr: 0,
            len_bytes: 0,
            is_memory: true,
            bytes: Bytes::default(),
        };
        for area in areas.iter().filter(|area| area.is_memory) {
            total.len_bytes += area.len_bytes;
        }
        total.bytes = sum(areas.iter().filter(|area| area.is_memory));
        let mut account = Self { areas, total, sections: Vec::new(), chip };
        account.sections = loaded()
            .map(|section| SectionView {
                name: section.name.to_owned(),
                addr: section.addr(),
                len_bytes: section.len_bytes(),
                kind: kind_of(section),
                area: account.area_of(section.addr()).to_owned(),
            })
            .collect();
        account.sections.sort_by(|a, b| (a.addr, &a.name).cmp(&(b.addr, &b.name)));
        account
    }

    /// The bytes of each kind, flash included.
    pub(crate) fn everything(&self) -> Bytes {
        sum(&self.areas)
    }

    /// The memories, their total, then what is elsewhere.
    pub(crate) fn rows(&self) -> impl Iterator<Item = &Area> {
        let of = |is_memory| self.areas.iter().filter(move |area| area.is_memory == is_memory);
        of(true).chain([&self.total]).chain(of(false))
    }

    /// The name of the area with the byte at `addr`.
    pub(crate) fn area_of(&self, addr: u32) -> &str {
        let addr = u64::from(memory_addr(self.chip, addr));
        self.areas
            .iter()
            .find(|area| {
                let start = u64::from(area.start_addr);
                (start..start + area.len_bytes).contains(&addr)
            })
            .map_or("elsewhere", |area| &area.name)
    }
}

fn sum<'a>(areas: impl IntoIterator<Item = &'a Area>) -> Bytes {
    let mut bytes = Bytes::default();
    for area in areas {
        for kind in KINDS {
            *bytes.place(kind) += area.bytes.of(kind);
        }
    }
    bytes
}

/// What a section is for.
pub(crate) fn kind_of(section: &Section<'_>) -> Kind {
    let flags = section.header.sh_flags(Le);
    let named = |word: &str| section.name.contains(word);
    if section.part != Part::Resident {
        Kind::Overlay
    } else if named("dummy") || named("reserved") || is_end_mark(section) {
        Kind::Reserved
    } else if section.kind() == elf::SHT_NOBITS && named("stack") {
        Kind::Stack
    } else if section.kind() == elf::SHT_NOBITS && named("heap") {
        Kind::Heap
    } else if flags.contains(elf::SHF_EXECINSTR) {
        Kind::Code
    } else if section.kind() == elf::SHT_NOBITS {
        Kind::Bss
    } else if flags.contains(elf::SHF_WRITE) {
        Kind::Data
    } else {
        Kind::Constants
    }
}

/// ESP-IDF ends memories with sections of nothing: padding that the prefetch unit and the protection
/// of memory ask for, as in `.iram0.text_end`.
fn is_end_mark(section: &Section<'_>) -> bool {
    section.kind() == elf::SHT_NOBITS && section.name.ends_with("_end")
}

/// The address of the memory itself behind `addr`, which may be a view of it.
fn memory_addr(chip: Option<&Chip>, addr: u32) -> u32 {
    chip.and_then(|chip| chip.region_at(addr))
        .filter(|region| region.role == Role::View)
        .and_then(|region| region.alias_of(addr))
        .unwrap_or(addr)
}

/// Adds the claim on `start..end`, piece by piece where it crosses regions.
fn claim(chip: Option<&Chip>, start: u32, end: u64, kind: Kind, claims: &mut Vec<Claim>) {
    let mut at = u64::from(start);
    while at < end {
        let addr = at as u32;
        let region = chip.and_then(|chip| chip.region_at(addr));
        let piece_end = region.map_or(end, |region| end.min(region.range.end_addr().into()));
        let last = (piece_end - 1) as u32;
        let (first, last) = (memory_addr(chip, addr), memory_addr(chip, last));
        // Some views run backwards, word by word.
        let (low, high) = if first <= last { (first, last) } else { (last & !3, first | 3) };
        claims.push(Claim { start: low.into(), end: u64::from(high) + 1, kind });
        at = piece_end;
    }
}

/// The areas to count: the chip's memories and the flash that is used; without a chip, what is used.
fn grounds(chip: Option<&'static Chip>, claims: &[Claim]) -> Vec<Ground> {
    let mut grounds: Vec<_> = chip
        .iter()
        .flat_map(|chip| chip.regions.iter().map(move |region| (*chip, region)))
        .filter(|(_, region)| region.role == Role::Memory)
        .map(|(chip, region)| {
            let start = u64::from(region.range.start_addr());
            let len = match region.kind {
                MemoryKind::Psram => {
                    chip.psram.map_or(0, |psram| psram.typical_bytes.min(region.range.len_bytes()))
                }
                _ => region.range.len_bytes(),
            };
            Ground {
                name: region.name.to_owned(),
                start,
                end: start + u64::from(len),
                is_memory: true,
            }
        })
        .collect();
    // What lies in none of them is counted where it is, so that nothing is left out.
    let mut outside: Vec<_> = claims
        .iter()
        .filter(|claim| {
            !grounds.iter().any(|ground| ground.start <= claim.start && claim.start < ground.end)
        })
        .map(|claim| (claim.start, claim.end))
        .collect();
    outside.sort_unstable();
    let mut joined: Vec<(u64, u64)> = Vec::new();
    for (start, end) in outside {
        match joined.last_mut() {
            // Sections of one memory lie near one another.
            Some((_, last_end)) if start <= *last_end + GAP_BYTES => *last_end = end.max(*last_end),
            _ => joined.push((start, end)),
        }
    }
    for (start, end) in joined {
        let in_flash = chip.is_some_and(|chip| {
            chip.flash.iter().any(|window| window.range.contains(start as u32))
        });
        let name = match (chip, in_flash) {
            (Some(_), true) => format!("flash {start:#010x}"),
            (Some(_), false) => format!("outside {start:#010x}"),
            (None, _) => format!("{start:#010x}"),
        };
        grounds.push(Ground { name, start, end, is_memory: chip.is_none() });
    }
    grounds.retain(|ground| ground.start < ground.end);
    grounds.sort_by_key(|ground| (!ground.is_memory, ground.start));
    grounds
}

/// How far apart sections may be to count as one area when no chip tells.
const GAP_BYTES: u64 = 0x1000;

/// Counts each byte of an area once, by a sweep over the bounds of the claims.
fn count(ground: &Ground, claims: &[Claim]) -> Area {
    let inside: Vec<_> = claims
        .iter()
        .filter(|claim| claim.start < ground.end && claim.end > ground.start)
        .map(|claim| (claim.start.max(ground.start), claim.end.min(ground.end), claim.kind))
        .collect();
    let used = inside.iter().filter(|(_, _, kind)| *kind != Kind::Reserved);
    let first = used.clone().map(|(start, _, _)| *start).min().unwrap_or(ground.end);
    let last = used.map(|(_, end, _)| *end).max().unwrap_or(ground.start);
    let mut bounds = vec![(ground.start, 0_i32, Kind::Left), (ground.end, 0, Kind::Left)];
    for (start, end, kind) in inside {
        bounds.push((start, 1, kind));
        bounds.push((end, -1, kind));
    }
    bounds.push((first.clamp(ground.start, ground.end), 0, Kind::Left));
    bounds.push((last.clamp(ground.start, ground.end), 0, Kind::Left));
    bounds.sort_unstable_by_key(|(at, _, _)| *at);
    let mut open = [0_i32; KINDS.len()];
    let mut bytes = Bytes::default();
    let mut at = ground.start;
    for (bound, change, kind) in bounds {
        if bound > at {
            let claimed = (0..KINDS.len()).rev().find(|&kind| open[kind] > 0);
            let kind = match claimed {
                Some(index) => by_index(index),
                None if first <= at && at < last => Kind::Unexplained,
                None => Kind::Left,
            };
            *bytes.place(kind) += bound - at;
            at = bound;
        }
        open[kind as usize] += change;
    }
    Area {
        name: ground.name.clone(),
        start_addr: ground.start as u32,
        len_bytes: ground.end - ground.start,
        is_memory: ground.is_memory,
        bytes,
    }
}

fn by_index(index: usize) -> Kind {
    KINDS.into_iter().find(|kind| *kind as usize == index).unwrap_or(Kind::Unexplained)
}
