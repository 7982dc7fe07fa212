//! ESP32-H2.

use esparto::Caps;

use super::{ROM_DATA, caps};
use crate::{
    AddrRange, Atomics, Bus, Cache, Chip, ChipRegion, Fact, FlashWindow, Isa, Kind, Protection,
    Reserved, Role,
};

pub(super) const CHIP: Chip = Chip {
    name: "esp32h2",
    title: "ESP32-H2",
    isa: Fact::new(Isa::Rv32imac, "TRM, High-Performance CPU"),
    core_count: Fact::new(1, "TRM, High-Performance CPU"),
    atomics: Fact::new(Atomics::Hardware, "TRM, High-Performance CPU: A extension"),
    protection: Fact::new(
        Some(Protection::OnByDefault),
        "esp_system Kconfig: ESP_SYSTEM_PMP_IDRAM_SPLIT",
    ),
    mmu_page_bytes: Some(Fact::new(
        &[0x1_0000, 0x8000, 0x4000, 0x2000],
        "Kconfig.mmu; the default follows the flash size",
    )),
    caches: &[Cache { name: "shared", line_bytes: Some(&[32]), source: "TRM, System and Memory" }],
    dma: Some(&[Fact::new(AddrRange::new(0x4080_0000, 0x4085_0000), "soc.h: SOC_DMA_*")]),
    regions: &[
        ChipRegion {
            name: "SRAM",
            kind: Kind::Sram,
            role: Role::Memory,
            bus: Bus::Both,
            range: AddrRange::new(0x4080_0000, 0x4085_0000),
            caps: caps::SRAM,
            alias: None,
            reserved: &[Reserved {
                range: AddrRange::new(0x4084_FEE0, 0x4085_0000),
                why: ROM_DATA,
                source: "memory.x: end of dram2_seg",
            }],
            source: "soc.h: SOC_DIRAM_*",
        },
        ChipRegion {
            name: "LP RAM",
            kind: Kind::Rtc,
            role: Role::Memory,
            bus: Bus::Both,
            range: AddrRange::new(0x5000_0000, 0x5000_1000),
            caps: caps::RTC.union(Caps::EXEC),
            alias: None,
            reserved: &[],
            source: "soc.h: SOC_RTC_IRAM_*, SOC_RTC_DRAM_*",
        },
    ],
    flash: &[FlashWindow {
        bus: Bus::Both,
        range: AddrRange::new(0x4200_0000, 0x4300_0000),
        source: "ext_mem_defs.h: IRAM0_CACHE_ADDRESS_LOW, MMU_ENTRY_NUM",
    }],
    psram: None,
    notes: &[],
};
