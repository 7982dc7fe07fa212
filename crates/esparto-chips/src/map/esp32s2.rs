//! ESP32-S2.

use esparto::Caps;

use super::{CACHE_CHOICE, MIB, caps};
use crate::{
    AddrRange, Alias, Atomics, Bus, Cache, Chip, ChipRegion, Fact, FlashWindow, Isa, Kind,
    Protection, Psram, Reserved, Role, WordOrder,
};

/// Emulated atomics do not depend on the memory.
const RTC: Caps = caps::RTC.union(Caps::ATOMIC);

pub(super) const CHIP: Chip = Chip {
    name: "esp32s2",
    title: "ESP32-S2",
    isa: Fact::new(Isa::XtensaLx7, "TRM, System and Memory"),
    core_count: Fact::new(1, "TRM, System and Memory"),
    atomics: Fact::new(Atomics::Emulated, "xtensa/config/core-isa.h: XCHAL_HAVE_S32C1I is 0"),
    protection: Fact::new(
        Some(Protection::OnByDefault),
        "esp_system Kconfig: ESP_SYSTEM_MEMPROT_FEATURE",
    ),
    mmu_page_bytes: Some(Fact::new(&[0x1_0000], "ext_mem_defs.h")),
    caches: &[
        Cache {
            name: "instruction",
            line_bytes: Some(&[32, 16]),
            source: "Kconfig.cache: ESP32S2_INSTRUCTION_CACHE_LINE_SIZE",
        },
        Cache {
            name: "data",
            line_bytes: Some(&[32, 16]),
            source: "Kconfig.cache: ESP32S2_DATA_CACHE_LINE_SIZE",
        },
    ],
    dma: Some(&[Fact::new(AddrRange::new(0x3FFB_0000, 0x4000_0000), "soc.h: SOC_DMA_*")]),
    regions: &[
        ChipRegion {
            name: "PSRAM",
            kind: Kind::Psram,
            role: Role::Memory,
            bus: Bus::Data,
            range: AddrRange::new(0x3F50_0000, 0x3FF8_0000),
            caps: caps::PSRAM,
            // The instruction window is mapped by its own MMU entries, page by page.
            alias: None,
            reserved: &[],
            source: "soc.h: SOC_EXTRAM_DATA_*",
        },
        ChipRegion {
            name: "RTC fast",
            kind: Kind::Rtc,
            role: Role::Memory,
            bus: Bus::Data,
            range: AddrRange::new(0x3FF9_E000, 0x3FFA_0000),
            caps: RTC.union(Caps::EXEC),
            alias: Some(Alias {
                start_addr: 0x4007_0000,
                order: WordOrder::Same,
                source: "soc.h: SOC_RTC_IRAM_*",
            }),
            reserved: &[],
            source: "soc.h: SOC_RTC_DRAM_*",
        },
        ChipRegion {
            name: "D/IRAM",
            kind: Kind::Sram,
            role: Role::Memory,
            bus: Bus::Data,
            range: AddrRange::new(0x3FFB_0000, 0x4000_0000),
            caps: caps::SRAM,
            alias: Some(Alias {
                start_addr: 0x4002_0000,
                order: WordOrder::Same,
                source: "soc.h: MAP_DRAM_TO_IRAM",
            }),
            reserved: &[Reserved {
                range: AddrRange::new(0x3FFB_0000, 0x3FFB_4000),
                why: CACHE_CHOICE,
                source: "Kconfig.cache: 8 KB of instructions and 8 KB of data; memory_layout.c",
            }],
            source: "soc.h: SOC_DIRAM_DRAM_*",
        },
        ChipRegion {
            name: "D/IRAM as instructions",
            kind: Kind::Sram,
            role: Role::View,
            bus: Bus::Instruction,
            range: AddrRange::new(0x4002_0000, 0x4007_0000),
            caps: caps::INSTRUCTION,
            alias: Some(Alias {
                start_addr: 0x3FFB_0000,
                order: WordOrder::Same,
                source: "soc.h: MAP_IRAM_TO_DRAM",
            }),
            reserved: &[],
            source: "soc.h: SOC_DIRAM_IRAM_*",
        },
        ChipRegion {
            name: "RTC fast as instructions",
            kind: Kind::Rtc,
            role: Role::View,
            bus: Bus::Instruction,
            range: AddrRange::new(0x4007_0000, 0x4007_2000),
            caps: caps::INSTRUCTION.union(Caps::RTC),
            alias: Some(Alias {
                start_addr: 0x3FF9_E000,
                order: WordOrder::Same,
                source: "soc.h: SOC_RTC_DRAM_*",
            }),
            reserved: &[],
            source: "soc.h: SOC_RTC_IRAM_*",
        },
        ChipRegion {
            name: "PSRAM as instructions",
            kind: Kind::Psram,
            role: Role::View,
            bus: Bus::Instruction,
            range: AddrRange::new(0x4008_0000, 0x4080_0000),
            caps: caps::PSRAM_INSTRUCTION,
            alias: None,
            reserved: &[],
            source: "ext_mem_defs.h: IRAM0_CACHE_*, IRAM1_*",
        },
        ChipRegion {
            name: "RTC slow",
            kind: Kind::Rtc,
            role: Role::Memory,
            bus: Bus::Data,
            range: AddrRange::new(0x5000_0000, 0x5000_2000),
            caps: RTC,
            alias: None,
            reserved: &[],
            source: "soc.h: SOC_RTC_DATA_*",
        },
    ],
    flash: &[
        FlashWindow {
            bus: Bus::Instruction,
            range: AddrRange::new(0x4008_0000, 0x4040_0000),
            source: "ext_mem_defs.h: IRAM0_CACHE_ADDRESS_*",
        },
        FlashWindow {
            bus: Bus::Data,
            range: AddrRange::new(0x3F00_0000, 0x3F40_0000),
            source: "ext_mem_defs.h: DROM0_ADDRESS_*",
        },
    ],
    psram: Some(Psram {
        sizes_bytes: &[2 * MIB, 4 * MIB, 8 * MIB],
        typical_bytes: 2 * MIB,
        sizes_source: "chip and module data sheets (R2); ESP-PSRAM32 and ESP-PSRAM64",
        executes: Fact::new(true, "ext_mem_defs.h: PRO_CACHE_IBUS*, MMU_ACCESS_SPIRAM"),
        atomics: Fact::new(Some(false), "esp-alloc, psram_allocator!"),
    }),
    notes: &[
        Fact::new(
            "Code in PSRAM is reached through MMU entries of its own, shared with flash: its \
             address does not follow from the data address.",
            "ext_mem_defs.h",
        ),
        Fact::new(
            "The ROM code keeps data at the top of the D/IRAM; ESP-IDF asks the ROM for the bound \
             when it starts.",
            "memory_layout.c: rom_data_region",
        ),
        Fact::new("DMA reaches PSRAM too, in whole cache lines.", "soc.h: SOC_DMA_EXT_*"),
    ],
};
