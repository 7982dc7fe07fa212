//! The JSON of `esparto chips`. Field names are stable; addresses and sizes are numbers, and
//! what is not established is null.

use esparto::Caps;
use esparto_chips::{AddrRange, ChipRegion, DataRegion, Kind};
use serde::Serialize;

#[derive(Serialize)]
pub(super) struct Chips {
    chips: Vec<Chip>,
}

impl Chips {
    pub(super) fn new(chips: &[esparto_chips::Chip]) -> Self {
        Self { chips: chips.iter().map(Chip::new).collect() }
    }
}

#[derive(Serialize)]
pub(super) struct Chip {
    name: &'static str,
    title: &'static str,
    isa: Fact<&'static str>,
    core_count: Fact<u8>,
    atomics: Fact<&'static str>,
    memory_protection: Fact<Option<&'static str>>,
    mmu_page_bytes: Option<Fact<&'static [u32]>>,
    caches: Vec<Cache>,
    dma: Option<Vec<Fact<Range>>>,
    size: Size,
    regions: Vec<Region>,
    psram: Option<Psram>,
    /// What a heap can have of it, with the typical PSRAM.
    data_regions: Vec<Data>,
    rules: Vec<Rule>,
    notes: Vec<Fact<&'static str>>,
}

#[derive(Serialize)]
struct Fact<T> {
    value: T,
    source: &'static str,
}

impl<T> Fact<T> {
    fn map<U>(fact: esparto_chips::Fact<U>, value: impl FnOnce(U) -> T) -> Self {
        Self { value: value(fact.value), source: fact.source }
    }
}

#[derive(Serialize)]
struct Range {
    start_addr: u32,
    end_addr: u32,
    len_bytes: u32,
}

impl From<AddrRange> for Range {
    fn from(range: AddrRange) -> Self {
        Self {
            start_addr: range.start_addr(),
            end_addr: range.end_addr(),
            len_bytes: range.len_bytes(),
        }
    }
}

#[derive(Serialize)]
struct Cache {
    name: &'static str,
    line_bytes: Option<&'static [u32]>,
    source: &'static str,
}

#[derive(Serialize)]
struct Size {
    sram_bytes: u32,
    scratchpad_bytes: u32,
    rtc_bytes: u32,
    psram_window_bytes: u32,
}

#[derive(Serialize)]
struct Region {
    name: &'static str,
    kind: &'static str,
    role: &'static str,
    bus: &'static str,
    #[serde(flatten)]
    range: Range,
    caps: Vec<&'static str>,
    word_only: bool,
    alias: Option<Alias>,
    reserved: Vec<Reserved>,
    source: &'static str,
}

#[derive(Serialize)]
struct Alias {
    #[serde(flatten)]
    range: Range,
    word_order: &'static str,
    source: &'static str,
}

#[derive(Serialize)]
struct Reserved {
    #[serde(flatten)]
    range: Range,
    why: &'static str,
    source: &'static str,
}

#[derive(Serialize)]
struct Psram {
    sizes_bytes: &'static [u32],
    typical_bytes: u32,
    sizes_source: &'static str,
    executes: Fact<bool>,
    atomics: Fact<Option<bool>>,
}

#[derive(Serialize)]
struct Data {
    name: &'static str,
    kind: &'static str,
    #[serde(flatten)]
    range: Range,
    caps: Vec<&'static str>,
}

#[derive(Serialize)]
struct Rule {
    name: &'static str,
    text: &'static str,
}

impl Chip {
    pub(super) fn new(chip: &esparto_chips::Chip) -> Self {
        let typical_bytes = chip.psram.map_or(0, |psram| psram.typical_bytes);
        Self {
            name: chip.name,
            title: chip.title,
            isa: Fact::map(chip.isa, |isa| isa.name()),
            core_count: Fact::map(chip.core_count, |count| count),
            atomics: Fact::map(chip.atomics, |atomics| atomics.name()),
            memory_protection: Fact::map(chip.protection, |p| p.map(|p| p.name())),
            mmu_page_bytes: chip.mmu_page_bytes.map(|pages| Fact::map(pages, |sizes| sizes)),
            caches: chip.caches.iter().map(Cache::new).collect(),
            dma: chip.dma.map(|d| d.iter().map(|range| Fact::map(*range, Range::from)).collect()),
            size: Size {
                sram_bytes: chip.size_bytes(Kind::Sram),
                scratchpad_bytes: chip.size_bytes(Kind::Scratchpad),
                rtc_bytes: chip.size_bytes(Kind::Rtc),
                psram_window_bytes: chip.size_bytes(Kind::Psram),
            },
            regions: chip.regions.iter().map(Region::new).collect(),
            psram: chip.psram.map(|psram| Psram::new(&psram)),
            data_regions: chip.data_regions(typical_bytes).map(|piece| Data::new(&piece)).collect(),
            rules: chip
                .rules()
                .map(|rule| Rule { name: rule.name(), text: rule.text_for(chip) })
                .collect(),
            notes: chip.notes.iter().map(|note| Fact::map(*note, |text| text)).collect(),
        }
    }
}

impl Cache {
    fn new(cache: &esparto_chips::Cache) -> Self {
        Self { name: cache.name, line_bytes: cache.line_bytes, source: cache.source }
    }
}

impl Region {
    fn new(region: &ChipRegion) -> Self {
        Self {
            name: region.name,
            kind: region.kind.name(),
            role: region.role.name(),
            bus: region.bus.name(),
            range: region.range.into(),
            caps: names(region.caps),
            word_only: region.caps.is_word_only(),
            alias: region.alias.zip(region.alias_range()).map(|(alias, range)| Alias {
                range: range.into(),
                word_order: alias.order.name(),
                source: alias.source,
            }),
            reserved: region
                .reserved
                .iter()
                .map(|r| Reserved { range: r.range.into(), why: r.why, source: r.source })
                .collect(),
            source: region.source,
        }
    }
}

impl Psram {
    fn new(psram: &esparto_chips::Psram) -> Self {
        Self {
            sizes_bytes: psram.sizes_bytes,
            typical_bytes: psram.typical_bytes,
            sizes_source: psram.sizes_source,
            executes: Fact::map(psram.executes, |executes| executes),
            atomics: Fact::map(psram.atomics, |atomics| atomics),
        }
    }
}

impl Data {
    fn new(piece: &DataRegion) -> Self {
        Self {
            name: piece.name,
            kind: piece.kind.name(),
            range: piece.range.into(),
            caps: names(piece.caps),
        }
    }
}

fn names(caps: Caps) -> Vec<&'static str> {
    caps.iter_names().map(|(name, _)| name).collect()
}
