//! What must hold on the map of every chip.

use esparto::{Caps, Region};
use esparto_chips::{
    AddrRange, Bus, CHIPS, Chip, ChipRegion, Isa, Kind, Protection, Role, Rule, WordOrder, find,
};

/// Every chip with every region, so that no check passes on an empty list.
fn each_region(mut check: impl FnMut(&'static Chip, &'static ChipRegion)) {
    for chip in CHIPS {
        assert!(!chip.regions.is_empty(), "{}: no regions", chip.name);
        for region in chip.regions {
            check(chip, region);
        }
    }
}

/// Both ends and the middle of a range, and the word boundaries next to them.
fn samples(range: AddrRange) -> impl Iterator<Item = u32> {
    let middle = range.start_addr() + range.len_bytes() / 2;
    let low = range.start_addr()..range.start_addr() + 16;
    let around = middle - 8..middle + 8;
    low.chain(around).chain(range.end_addr() - 16..range.end_addr())
}

#[test]
fn all_eleven_chips_are_here_once() {
    let mut names: Vec<_> = CHIPS.iter().map(|chip| chip.name).collect();
    names.sort_unstable();
    assert_eq!(
        names,
        [
            "esp32", "esp32c2", "esp32c3", "esp32c5", "esp32c6", "esp32c61", "esp32h2", "esp32p4",
            "esp32s2", "esp32s3", "esp8266",
        ]
    );
}

#[test]
fn no_region_overlaps_another() {
    for chip in CHIPS {
        assert!(chip.regions.is_sorted_by_key(|region| region.range), "{}", chip.name);
        for (index, region) in chip.regions.iter().enumerate() {
            for other in &chip.regions[index + 1..] {
                // `region_at` promises one answer, so this holds across buses too.
                assert!(
                    !region.range.overlaps(other.range),
                    "{}: {region} overlaps {other}",
                    chip.name
                );
                assert_ne!(region.name, other.name, "{}: two regions of a name", chip.name);
            }
        }
    }
}

#[test]
fn each_alias_maps_back_onto_itself() {
    let mut inverted_count = 0;
    each_region(|chip, region| {
        let Some(alias) = region.alias else {
            for addr in samples(region.range) {
                assert_eq!(chip.alias_of(addr), None, "{}: {region}", chip.name);
            }
            return;
        };
        let other = chip.region_at(alias.start_addr).expect("an alias lies in a region");
        assert_eq!(Some(other.range), region.alias_range(), "{}: {region}", chip.name);
        assert_eq!(Some(region.range), other.alias_range(), "{}: {region}", chip.name);
        assert_eq!(other.alias.map(|back| back.order), Some(alias.order));
        assert_eq!(other.kind, region.kind);
        assert_ne!(other.role, region.role, "{}: one of the two is the memory", chip.name);

        // Every word of on-chip memory; PSRAM windows are long and have no inversion.
        let stride = if region.kind == Kind::Psram { 0x1_0004 } else { 4 };
        let words = (region.range.start_addr()..region.range.end_addr()).step_by(stride);
        for addr in words.chain(samples(region.range)) {
            let there = chip.alias_of(addr).expect("the region has an alias");
            assert!(other.range.contains(there), "{}: {addr:#x} -> {there:#x}", chip.name);
            assert_eq!(chip.alias_of(there), Some(addr), "{}: {addr:#x} -> {there:#x}", chip.name);
            assert_eq!(there % 4, addr % 4, "the bytes inside of a word keep their order");
        }
        let first = region.range.start_addr();
        match alias.order {
            WordOrder::Same => assert_eq!(chip.alias_of(first), Some(other.range.start_addr())),
            WordOrder::Inverted => {
                inverted_count += 1;
                assert_eq!(chip.alias_of(first), Some(other.range.end_addr() - 4));
                assert_eq!(chip.alias_of(first + 4), Some(other.range.end_addr() - 8));
            }
        }
    });
    assert_eq!(inverted_count, 2, "both views of the ESP32's D/IRAM");
}

#[test]
fn aliases_agree_with_the_formulas_of_the_manuals() {
    let alias = |name, addr| find(name).expect("known").alias_of(addr);
    let inverted = |dram: u64| (0x400A_0000 + (0x4000_0000 - dram) - 4) as u32;
    for dram in (0x3FFE_0000_u32..0x4000_0000).step_by(4) {
        assert_eq!(alias("esp32", dram), Some(inverted(u64::from(dram))));
    }
    assert_eq!(alias("esp32s2", 0x3FFB_1234), Some(0x3FFB_1234 + 0x7_0000));
    assert_eq!(alias("esp32s3", 0x3FC9_0002), Some(0x3FC9_0002 + 0x6F_0000));
    assert_eq!(alias("esp32s3", 0x3C12_3456), Some(0x3C12_3456 + 0x0600_0000));
    assert_eq!(alias("esp32c2", 0x3FCA_0001), Some(0x3FCA_0001 + 0x6E_0000));
    assert_eq!(alias("esp32c3", 0x3FC8_0000), Some(0x3FC8_0000 + 0x70_0000));
    assert_eq!(alias("esp32p4", 0x4FF4_0000), Some(0x4FF4_0000 + 0x4000_0000));
    assert_eq!(alias("esp32c6", 0x4080_0000), None);
    assert_eq!(alias("esp32", 0), None);
}

#[test]
fn dma_ranges_lie_inside_regions_that_claim_dma() {
    for chip in CHIPS {
        let claims = chip.regions.iter().filter(|r| r.caps.contains(Caps::DMA));
        let Some(ranges) = chip.dma else {
            assert_eq!(claims.count(), 0, "{}: DMA is not established", chip.name);
            continue;
        };
        assert!(!ranges.is_empty(), "{}: no DMA range", chip.name);
        for dma in ranges {
            // Walk from region to region; a range may span several without a gap.
            let mut addr = dma.value.start_addr();
            while addr < dma.value.end_addr() {
                let region = chip
                    .region_at(addr)
                    .unwrap_or_else(|| panic!("{}: DMA at {addr:#x} hits nothing", chip.name));
                assert!(region.caps.contains(Caps::DMA), "{}: {region}", chip.name);
                addr = region.range.end_addr();
            }
            assert_eq!(addr, dma.value.end_addr(), "{}: DMA past the region", chip.name);
        }
        for region in claims.filter(|region| region.role == Role::Memory) {
            assert!(
                ranges.iter().any(|dma| dma.value.contains_range(region.range)),
                "{}: {region} claims DMA",
                chip.name
            );
        }
    }
}

#[test]
fn capabilities_are_consistent() {
    each_region(|chip, region| {
        let (caps, at) = (region.caps, format!("{}: {region}", chip.name));
        assert!(caps.contains(Caps::WORD), "{at}");
        assert_eq!(caps.is_word_only(), !caps.contains(Caps::BYTE), "{at}");
        assert_eq!(caps.is_word_only(), region.bus == Bus::Instruction, "{at}");
        assert_ne!(caps.contains(Caps::INTERNAL), caps.contains(Caps::EXTERNAL), "{at}");
        assert_eq!(caps.contains(Caps::EXTERNAL), region.kind == Kind::Psram, "{at}");
        assert_eq!(caps.contains(Caps::RTC), region.kind == Kind::Rtc, "{at}");
        assert!(caps.contains(Caps::EXEC) || region.bus == Bus::Data, "{at}");
        if caps.contains(Caps::ISR_SAFE) {
            assert!(caps.contains(Caps::INTERNAL), "{at}");
        }
    });
}

#[test]
fn psram_claims_only_what_is_established() {
    let mut psram_count = 0;
    for chip in CHIPS {
        let windows: Vec<_> = chip.regions.iter().filter(|r| r.kind == Kind::Psram).collect();
        let Some(psram) = chip.psram else {
            assert!(windows.is_empty(), "{}: a window without PSRAM", chip.name);
            continue;
        };
        psram_count += 1;
        assert!(psram.sizes_bytes.is_sorted(), "{}", chip.name);
        assert!(psram.sizes_bytes.contains(&psram.typical_bytes), "{}", chip.name);
        assert!(psram.typical_bytes <= chip.size_bytes(Kind::Psram), "{}", chip.name);
        let executes = windows.iter().any(|region| region.caps.contains(Caps::EXEC));
        assert_eq!(executes, psram.executes.value, "{}", chip.name);
        for region in windows {
            let atomic = region.caps.contains(Caps::ATOMIC);
            assert_eq!(atomic, psram.atomics.value == Some(true), "{}: {region}", chip.name);
        }
    }
    assert_eq!(psram_count, 6);
    for name in ["esp32", "esp32s2", "esp32s3"] {
        let psram = find(name).expect("known").psram.expect("has PSRAM");
        assert_eq!(psram.atomics.value, Some(false), "{name}");
    }
    assert!(!find("esp32").expect("known").psram.expect("has PSRAM").executes.value);
}

#[test]
fn what_is_reserved_lies_in_its_region_in_order() {
    each_region(|chip, region| {
        let at = format!("{}: {region}", chip.name);
        assert!(region.reserved.is_empty() || region.role == Role::Memory, "{at}");
        for pair in region.reserved.windows(2) {
            assert!(pair[0].range.end_addr() <= pair[1].range.start_addr(), "{at}");
        }
        let mut left_bytes = region.range.len_bytes();
        for reserved in region.reserved {
            assert!(region.range.contains_range(reserved.range), "{at}");
            assert!(!reserved.why.is_empty() && !reserved.source.is_empty(), "{at}");
            left_bytes -= reserved.range.len_bytes();
        }
        for usable in region.usable() {
            assert!(region.range.contains_range(usable), "{at}");
            assert!(!region.reserved.iter().any(|r| r.range.overlaps(usable)), "{at}");
            left_bytes -= usable.len_bytes();
        }
        assert_eq!(left_bytes, 0, "{at}: usable and reserved make the region");
    });
}

#[test]
fn data_regions_hold_bytes_and_follow_the_psram_of_the_module() {
    for chip in CHIPS {
        let without: Vec<_> = chip.data_regions(0).collect();
        assert!(!without.is_empty(), "{}", chip.name);
        for (index, piece) in without.iter().enumerate() {
            let region = chip.region_at(piece.range.start_addr()).expect("in a region");
            assert!(region.range.contains_range(piece.range), "{}", chip.name);
            assert_eq!(region.role, Role::Memory, "{}: {}", chip.name, piece.name);
            assert!(piece.caps.contains(Caps::BYTE | Caps::INTERNAL), "{}", chip.name);
            assert!(without[..index].iter().all(|other| !other.range.overlaps(piece.range)));
            let (start_addr, len_bytes) = (piece.range.start_addr(), piece.range.len_bytes());
            let memory =
                Region::at(piece.name, start_addr as usize, len_bytes as usize, piece.caps);
            assert_eq!(memory.expect("not null").validate(), Ok(()), "{}", chip.name);
        }
        let psram_bytes = |module_bytes| -> u32 {
            let pieces = chip.data_regions(module_bytes).filter(|p| p.kind == Kind::Psram);
            pieces.map(|piece| piece.range.len_bytes()).sum()
        };
        let window_bytes = chip.size_bytes(Kind::Psram);
        assert_eq!(psram_bytes(0), 0, "{}", chip.name);
        assert_eq!(psram_bytes(1 << 20), window_bytes.min(1 << 20), "{}", chip.name);
        assert_eq!(psram_bytes(u32::MAX), window_bytes, "{}", chip.name);
    }
}

#[test]
fn sizes_agree_with_the_data_sheets() {
    let sram_kib = |name| find(name).expect("known").size_bytes(Kind::Sram) / 1024;
    assert_eq!(sram_kib("esp32"), 520);
    assert_eq!(sram_kib("esp32s2"), 320);
    assert_eq!(sram_kib("esp32s3"), 512);
    assert_eq!(sram_kib("esp32c2"), 272);
    assert_eq!(sram_kib("esp32c3"), 400);
    assert_eq!(sram_kib("esp32c5"), 384);
    assert_eq!(sram_kib("esp32c6"), 512);
    assert_eq!(sram_kib("esp32c61"), 320);
    assert_eq!(sram_kib("esp32h2"), 320);
    assert_eq!(sram_kib("esp32p4"), 768);
    let rtc_kib = |name| find(name).expect("known").size_bytes(Kind::Rtc) / 1024;
    assert_eq!((rtc_kib("esp32"), rtc_kib("esp32c3"), rtc_kib("esp32p4")), (16, 8, 32));
    assert_eq!((rtc_kib("esp32c2"), rtc_kib("esp32c61"), rtc_kib("esp32h2")), (0, 0, 4));
}

#[test]
fn every_figure_has_a_source() {
    each_region(|chip, region| {
        assert!(!region.source.is_empty(), "{}: {region}", chip.name);
        assert!(region.alias.is_none_or(|alias| !alias.source.is_empty()), "{region}");
    });
    for chip in CHIPS {
        let mut sources = vec![
            chip.isa.source,
            chip.core_count.source,
            chip.atomics.source,
            chip.protection.source,
        ];
        sources.extend(chip.mmu_page_bytes.map(|fact| fact.source));
        sources.extend(chip.caches.iter().map(|cache| cache.source));
        sources.extend(chip.dma.unwrap_or(&[]).iter().map(|fact| fact.source));
        sources.extend(chip.notes.iter().map(|fact| fact.source));
        if let Some(psram) = chip.psram {
            sources.extend([psram.sizes_source, psram.executes.source, psram.atomics.source]);
        }
        assert!(sources.iter().all(|source| source.len() > 3), "{}: {sources:?}", chip.name);
    }
}

#[test]
fn sizes_to_choose_from_are_powers_of_two() {
    for chip in CHIPS {
        assert!(!chip.caches.is_empty(), "{}", chip.name);
        let lines = chip.caches.iter().filter_map(|cache| cache.line_bytes);
        let pages = chip.mmu_page_bytes.iter().map(|fact| fact.value);
        for sizes in lines.chain(pages) {
            assert!(
                !sizes.is_empty() && sizes.iter().all(|s| s.is_power_of_two()),
                "{}",
                chip.name
            );
        }
    }
}

#[test]
fn rules_follow_from_the_data() {
    let rules = |name| find(name).expect("known").rules().collect::<Vec<_>>();
    assert!(rules("esp32").contains(&Rule::InvertedAlias));
    assert!(rules("esp32").contains(&Rule::PsramNotExecutable));
    assert!(!rules("esp32").contains(&Rule::WriteXorExecute));
    assert!(rules("esp32s3").contains(&Rule::WriteXorExecute));
    assert!(rules("esp32s3").contains(&Rule::NoAtomicsInPsram));
    assert!(!rules("esp32s3").contains(&Rule::InvertedAlias));
    assert!(rules("esp32c3").contains(&Rule::SplitBuses));
    assert!(rules("esp32c3").contains(&Rule::AtomicsEmulated));
    assert!(!rules("esp32c6").contains(&Rule::SplitBuses));
    assert!(!rules("esp32c6").contains(&Rule::WordAccessOnly));
    assert!(!rules("esp32p4").contains(&Rule::SplitBuses), "a view past the cache is no split");
    assert_eq!(rules("esp8266"), [Rule::WordAccessOnly, Rule::AtomicsEmulated]);
    for chip in CHIPS {
        let on = chip.protection.value == Some(Protection::OnByDefault);
        let old = matches!(chip.isa.value, Isa::XtensaLx6 | Isa::XtensaLx106);
        assert_eq!(on, !old, "{}", chip.name);
        for rule in chip.rules() {
            assert!(!rule.text_for(chip).is_empty());
        }
    }
}

#[test]
fn flash_lies_in_windows_of_its_own_or_behind_psram() {
    let mut shared_count = 0;
    for chip in CHIPS {
        let ranges: Vec<_> = chip.flash_ranges(0).collect();
        assert_eq!(ranges.len(), chip.flash.len(), "{}", chip.name);
        let reads_code = |bus| matches!(bus, Bus::Instruction | Bus::Both);
        assert!(chip.flash.first().is_none_or(|window| reads_code(window.bus)), "{}", chip.name);
        for window in chip.flash {
            let range = window.range;
            assert!(range.start_addr().is_multiple_of(0x1_0000), "{}: {range}", chip.name);
            assert!(range.end_addr().is_multiple_of(0x1_0000), "{}: {range}", chip.name);
            assert!(!window.source.is_empty());
            for region in chip.regions.iter().filter(|region| region.kind != Kind::Psram) {
                assert!(!range.overlaps(region.range), "{}: {range} and {region}", chip.name);
            }
        }
        let Some(psram) = chip.psram else { continue };
        let psram_bytes = psram.typical_bytes;
        for (all, left) in ranges.iter().zip(chip.flash_ranges(psram_bytes)) {
            let taken = left.start_addr() - all.start_addr();
            assert!(taken == 0 || taken == psram_bytes, "{}: {left}", chip.name);
            shared_count += u32::from(taken != 0);
            for piece in chip.data_regions(psram_bytes) {
                assert!(!left.overlaps(piece.range), "{}: {left}", chip.name);
            }
        }
        assert_eq!(
            chip.flash_ranges(u32::MAX).count(),
            ranges
                .iter()
                .filter(|range| {
                    !chip
                        .regions
                        .iter()
                        .any(|r| r.kind == Kind::Psram && r.range.contains(range.start_addr()))
                })
                .count()
        );
    }
    assert!(shared_count >= 4, "the S3, C5 and C61 share their windows");
}
