//! The text of `esparto chips`: a table of all, a page for one.

use std::io::{self, Write};

use comfy_table::{ContentArrangement, Table, presets};
use esparto_chips::{Chip, ChipRegion, Kind, Protection, Role, WordOrder};

/// How wide running text is set.
const TEXT_COLUMNS: u16 = 96;

/// What the names of sources refer to.
const SOURCES: &str = "ESP-IDF: memory_layout.c, soc.h, ext_mem_defs.h, Kconfig; esp-hal: memory.x; \
    TRM: technical reference manual";

const UNKNOWN: &str = "not established";

/// One line for every chip.
pub(super) fn all(chips: &[Chip], w: &mut dyn Write) -> io::Result<()> {
    let header = ["chip", "core", "atomics", "SRAM", "RTC/LP", "PSRAM window", "runs code", "W^X"];
    let mut rows = vec![header.map(str::to_owned)];
    for chip in chips {
        rows.push([
            chip.name.to_owned(),
            format!("{} x {}", chip.core_count.value, chip.isa.value),
            chip.atomics.value.name().to_owned(),
            size_or_none(chip.size_bytes(Kind::Sram)),
            size_or_none(chip.size_bytes(Kind::Rtc)),
            size_or_none(chip.size_bytes(Kind::Psram)),
            match chip.psram {
                None => "-".to_owned(),
                Some(psram) => yes_no(psram.executes.value).to_owned(),
            },
            protection(chip).to_owned(),
        ]);
    }
    table(&rows, "", w)?;
    writeln!(w, "\n`esparto chips NAME` shows one in full: regions, aliases, rules, sources.")
}

/// Everything about one chip.
pub(super) fn one(chip: &Chip, w: &mut dyn Write) -> io::Result<()> {
    writeln!(w, "{} ({})\n", chip.title, chip.name)?;
    table(&facts(chip), "  ", w)?;

    writeln!(w, "\nRegions")?;
    let header = ["name", "bus", "addresses", "size", "capabilities"].map(str::to_owned);
    let rows = chip.regions.iter().map(|region| {
        [
            region.name.to_owned(),
            region.bus.name().to_owned(),
            region.range.to_string(),
            size(region.range.len_bytes()),
            region.caps.to_string(),
        ]
    });
    table(&[header].into_iter().chain(rows).collect::<Vec<_>>(), "  ", w)?;

    let aliases: Vec<_> = chip.regions.iter().filter_map(alias).collect();
    if !aliases.is_empty() {
        writeln!(w, "\nAliases")?;
        table(&aliases, "  ", w)?;
    }

    let reserved = chip.regions.iter().flat_map(|region| {
        region
            .reserved
            .iter()
            .map(|r| [r.range.to_string(), size(r.range.len_bytes()), r.why.into()])
    });
    let reserved: Vec<_> = reserved.collect();
    if !reserved.is_empty() {
        writeln!(w, "\nTaken by a default build")?;
        table(&reserved, "  ", w)?;
    }

    if let Some(psram) = chip.psram {
        writeln!(w, "\nPSRAM")?;
        let sizes: Vec<_> = psram.sizes_bytes.iter().copied().map(size).collect();
        let rows = [
            [
                "sizes".into(),
                format!("{}; {} if not said", sizes.join(", "), size(psram.typical_bytes)),
            ],
            ["window".into(), size(chip.size_bytes(Kind::Psram))],
            ["runs code".into(), yes_no(psram.executes.value).into()],
            ["atomics".into(), psram.atomics.value.map_or(UNKNOWN, yes_no).into()],
        ];
        table::<2>(&rows, "  ", w)?;
    }

    paragraphs("Rules", chip.rules().map(|rule| rule.text_for(chip)), w)?;
    paragraphs("Notes", chip.notes.iter().map(|note| note.value), w)?;

    writeln!(w, "\nSources ({SOURCES})")?;
    table(&sources(chip), "  ", w)
}

fn facts(chip: &Chip) -> Vec<[String; 2]> {
    let choice = |sizes: &[u32], show: fn(u32) -> String| {
        let rest: Vec<_> = sizes[1..].iter().copied().map(show).collect();
        let default = show(sizes[0]);
        if rest.is_empty() { default } else { format!("{default} (or {})", rest.join(", ")) }
    };
    let pages = chip.mmu_page_bytes.map(|pages| choice(pages.value, size));
    let lines = chip.caches.iter().map(|cache| match cache.line_bytes {
        Some(sizes) => format!("{} {}", cache.name, choice(sizes, |bytes| format!("{bytes} B"))),
        None => format!("{} {UNKNOWN}", cache.name),
    });
    let dma = chip.dma.map(|ranges| {
        let ranges: Vec<_> = ranges.iter().map(|range| range.value.to_string()).collect();
        ranges.join(", ")
    });
    vec![
        ["core".into(), format!("{} x {}", chip.core_count.value, chip.isa.value)],
        ["atomics".into(), chip.atomics.value.name().into()],
        ["W^X".into(), protection(chip).into()],
        ["MMU page".into(), pages.unwrap_or_else(|| "-".into())],
        ["cache line".into(), lines.collect::<Vec<_>>().join("; ")],
        ["DMA reach".into(), dma.unwrap_or_else(|| UNKNOWN.into())],
    ]
}

fn alias(region: &ChipRegion) -> Option<[String; 4]> {
    // The view's own alias says the same backwards.
    if region.role == Role::View {
        return None;
    }
    let (alias, range) = region.alias.zip(region.alias_range())?;
    let order = match alias.order {
        WordOrder::Same => {
            let start_addr = region.range.start_addr();
            format!("data address + {:#010x}", range.start_addr().wrapping_sub(start_addr))
        }
        WordOrder::Inverted => "words in reverse order".to_owned(),
    };
    Some([region.range.to_string(), "=".into(), range.to_string(), order])
}

fn sources(chip: &Chip) -> Vec<[String; 2]> {
    let mut sources = vec![
        ["core".to_owned(), chip.isa.source.to_owned()],
        ["core count".into(), chip.core_count.source.into()],
        ["atomics".into(), chip.atomics.source.into()],
        ["W^X".into(), chip.protection.source.into()],
    ];
    let mut add = |what: String, source: &str| sources.push([what, source.to_owned()]);
    if let Some(pages) = chip.mmu_page_bytes {
        add("MMU page".into(), pages.source);
    }
    for cache in chip.caches {
        add(format!("cache, {}", cache.name), cache.source);
    }
    for dma in chip.dma.unwrap_or_default() {
        add("DMA reach".into(), dma.source);
    }
    for region in chip.regions {
        add(region.name.into(), region.source);
        if let Some(alias) = region.alias {
            add(format!("{}, alias", region.name), alias.source);
        }
        for reserved in region.reserved {
            add(format!("{}, taken", region.name), reserved.source);
        }
    }
    if let Some(psram) = chip.psram {
        add("PSRAM sizes".into(), psram.sizes_source);
        add("PSRAM runs code".into(), psram.executes.source);
        add("PSRAM atomics".into(), psram.atomics.source);
    }
    for (number, note) in (1..).zip(chip.notes) {
        add(format!("note {number}"), note.source);
    }
    sources
}

fn protection(chip: &Chip) -> &'static str {
    match chip.protection.value {
        Some(Protection::OnByDefault) => "on by default",
        Some(Protection::Absent) => "absent",
        None => UNKNOWN,
    }
}

fn yes_no(yes: bool) -> &'static str {
    if yes { "yes" } else { "no" }
}

/// A size in the largest unit that keeps it whole.
fn size(bytes: u32) -> String {
    const KIB: u32 = 1 << 10;
    const MIB: u32 = 1 << 20;
    if bytes.is_multiple_of(MIB) {
        format!("{} MiB", bytes / MIB)
    } else if bytes.is_multiple_of(KIB) {
        format!("{} KiB", bytes / KIB)
    } else {
        format!("{bytes} B")
    }
}

fn size_or_none(bytes: u32) -> String {
    if bytes == 0 { "-".to_owned() } else { size(bytes) }
}

/// Writes rows in columns, each as wide as its widest cell.
fn table<const COLUMNS: usize>(
    rows: &[[String; COLUMNS]],
    indent: &str,
    w: &mut dyn Write,
) -> io::Result<()> {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).add_rows(rows);
    print(&mut table, indent, w)
}

/// Writes a heading and one bullet for each text; nothing if there is no text.
fn paragraphs<'t>(
    heading: &str,
    texts: impl Iterator<Item = &'t str>,
    w: &mut dyn Write,
) -> io::Result<()> {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_width(TEXT_COLUMNS);
    table.set_content_arrangement(ContentArrangement::Dynamic);
    table.add_rows(texts.map(|text| ["-", text]));
    if table.row_count() > 0 {
        writeln!(w, "\n{heading}")?;
        print(&mut table, "  ", w)?;
    }
    Ok(())
}

/// Writes a table without frame, its columns two blanks apart.
fn print(table: &mut Table, indent: &str, w: &mut dyn Write) -> io::Result<()> {
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    for line in table.lines() {
        writeln!(w, "{indent}{}", line.trim_end())?;
    }
    Ok(())
}
