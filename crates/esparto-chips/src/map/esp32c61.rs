//! ESP32-C61.

use esparto::Caps;

use super::{MIB, ROM_DATA, caps};
use crate::{
    AddrRange, Atomics, Bus, Cache, Chip, ChipRegion, Fact, FlashWindow, Isa, Kind, Protection,
    Psram, Reserved, Role,
};

pub(super) const CHIP: Chip = Chip {
    name: "esp32c61",
    title: "ESP32-C61",
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
                range: AddrRange::new(0x4084_EA70, 0x4085_0000),
                why: ROM_DATA,
                source: "memory.x: end of dram2_seg",
            }],
            source: "soc.h: SOC_DIRAM_*",
        },
        ChipRegion {
            name: "PSRAM",
            kind: Kind::Psram,
            role: Role::Memory,
            bus: Bus::Both,
            range: AddrRange::new(0x4200_0000, 0x4400_0000),
            caps: caps::PSRAM.union(Caps::EXEC),
            alias: None,
            reserved: &[],
            source: "ext_mem_defs.h: SOC_IRAM_PSRAM_ADDRESS_*, SOC_DRAM_PSRAM_ADDRESS_*",
        },
    ],
    flash: &[FlashWindow {
        bus: Bus::Both,
        range: AddrRange::new(0x4200_0000, 0x4400_0000),
        source: "ext_mem_defs.h: SOC_IRAM0_CACHE_ADDRESS_*, 512 pages",
    }],
    psram: Some(Psram {
        sizes_bytes: &[2 * MIB, 8 * MIB],
        typical_bytes: 2 * MIB,
        sizes_source: "data sheet: ESP32-C61HR2, ESP32-C61HR8",
        executes: Fact::new(true, "ext_mem_defs.h: SOC_IRAM_PSRAM_ADDRESS_*"),
        atomics: Fact::new(None, "not established"),
    }),
    notes: &[
        Fact::new(
            "The PSRAM window is shared with flash: what flash takes, PSRAM cannot use.",
            "ext_mem_defs.h: SOC_DRAM_FLASH_ADDRESS_*",
        ),
        Fact::new(
            "Code in PSRAM has a protection of its own, a further option of the build.",
            "esp_system Kconfig: memory protection of PSRAM",
        ),
    ],
};
