//! ESP32-S3.

use esparto::Caps;

use super::{CACHE_CHOICE, MIB, ROM_DATA, caps};
use crate::{
    AddrRange, Alias, Atomics, Bus, Cache, Chip, ChipRegion, Fact, FlashWindow, Isa, Kind,
    Protection, Psram, Reserved, Role, WordOrder,
};

pub(super) const CHIP: Chip = Chip {
    name: "esp32s3",
    title: "ESP32-S3",
    isa: Fact::new(Isa::XtensaLx7, "TRM, System and Memory"),
    core_count: Fact::new(2, "TRM, System and Memory"),
    atomics: Fact::new(Atomics::Hardware, "xtensa/config/core-isa.h: XCHAL_HAVE_S32C1I"),
    protection: Fact::new(
        Some(Protection::OnByDefault),
        "esp_system Kconfig: ESP_SYSTEM_MEMPROT_FEATURE",
    ),
    mmu_page_bytes: Some(Fact::new(&[0x1_0000], "ext_mem_defs.h")),
    caches: &[
        Cache {
            name: "instruction",
            line_bytes: Some(&[32, 16]),
            source: "Kconfig.cache: ESP32S3_INSTRUCTION_CACHE_LINE_SIZE",
        },
        Cache {
            name: "data",
            line_bytes: Some(&[32, 16, 64]),
            source: "Kconfig.cache: ESP32S3_DATA_CACHE_LINE_SIZE",
        },
    ],
    dma: Some(&[Fact::new(AddrRange::new(0x3FC8_8000, 0x3FD0_0000), "soc.h: SOC_DMA_*")]),
    regions: &[
        ChipRegion {
            name: "PSRAM",
            kind: Kind::Psram,
            role: Role::Memory,
            bus: Bus::Data,
            range: AddrRange::new(0x3C00_0000, 0x3E00_0000),
            caps: caps::PSRAM.union(Caps::EXEC),
            alias: Some(Alias {
                start_addr: 0x4200_0000,
                order: WordOrder::Same,
                source: "ext_mem_defs.h: SOC_MMU_*_LINEAR_ADDRESS_*",
            }),
            reserved: &[],
            source: "ext_mem_defs.h: SOC_DRAM_PSRAM_ADDRESS_*",
        },
        ChipRegion {
            name: "D/IRAM",
            kind: Kind::Sram,
            role: Role::Memory,
            bus: Bus::Data,
            range: AddrRange::new(0x3FC8_8000, 0x3FCF_0000),
            caps: caps::SRAM,
            alias: Some(Alias {
                start_addr: 0x4037_8000,
                order: WordOrder::Same,
                source: "soc.h: SOC_DIRAM_*",
            }),
            reserved: &[Reserved {
                range: AddrRange::new(0x3FCE_D710, 0x3FCF_0000),
                why: ROM_DATA,
                source: "memory.x: end of dram2_seg",
            }],
            source: "soc.h: SOC_DIRAM_DRAM_*",
        },
        ChipRegion {
            name: "DRAM",
            kind: Kind::Sram,
            role: Role::Memory,
            bus: Bus::Data,
            range: AddrRange::new(0x3FCF_0000, 0x3FD0_0000),
            caps: caps::DATA_SRAM,
            alias: None,
            reserved: &[Reserved {
                range: AddrRange::new(0x3FCF_8000, 0x3FD0_0000),
                why: CACHE_CHOICE,
                source: "Kconfig.cache: 32 KB of data; memory.x: taken from the top",
            }],
            source: "soc.h: SOC_DRAM_HIGH; memory_layout.c: level 9",
        },
        ChipRegion {
            name: "IRAM",
            kind: Kind::Sram,
            role: Role::Memory,
            bus: Bus::Instruction,
            range: AddrRange::new(0x4037_0000, 0x4037_8000),
            caps: caps::INSTRUCTION,
            alias: None,
            reserved: &[Reserved {
                range: AddrRange::new(0x4037_0000, 0x4037_4000),
                why: CACHE_CHOICE,
                source: "Kconfig.cache: 16 KB of instructions; memory_layout.c: level 1",
            }],
            source: "soc.h: SOC_IRAM_LOW",
        },
        ChipRegion {
            name: "D/IRAM as instructions",
            kind: Kind::Sram,
            role: Role::View,
            bus: Bus::Instruction,
            range: AddrRange::new(0x4037_8000, 0x403E_0000),
            caps: caps::INSTRUCTION,
            alias: Some(Alias {
                start_addr: 0x3FC8_8000,
                order: WordOrder::Same,
                source: "soc.h: SOC_DIRAM_*",
            }),
            reserved: &[],
            source: "soc.h: SOC_DIRAM_IRAM_*",
        },
        ChipRegion {
            name: "PSRAM as instructions",
            kind: Kind::Psram,
            role: Role::View,
            bus: Bus::Instruction,
            range: AddrRange::new(0x4200_0000, 0x4400_0000),
            caps: caps::PSRAM_INSTRUCTION,
            alias: Some(Alias {
                start_addr: 0x3C00_0000,
                order: WordOrder::Same,
                source: "ext_mem_defs.h: SOC_MMU_*_LINEAR_ADDRESS_*",
            }),
            reserved: &[],
            source: "ext_mem_defs.h: SOC_IRAM_PSRAM_ADDRESS_*",
        },
        ChipRegion {
            name: "RTC slow",
            kind: Kind::Rtc,
            role: Role::Memory,
            bus: Bus::Data,
            range: AddrRange::new(0x5000_0000, 0x5000_2000),
            caps: caps::RTC,
            alias: None,
            reserved: &[],
            source: "soc.h: SOC_RTC_DATA_*",
        },
        ChipRegion {
            name: "RTC fast",
            kind: Kind::Rtc,
            role: Role::Memory,
            bus: Bus::Both,
            range: AddrRange::new(0x600F_E000, 0x6010_0000),
            caps: caps::RTC.union(Caps::EXEC),
            alias: None,
            reserved: &[],
            source: "soc.h: SOC_RTC_IRAM_*, SOC_RTC_DRAM_*",
        },
    ],
    flash: &[
        FlashWindow {
            bus: Bus::Instruction,
            range: AddrRange::new(0x4200_0000, 0x4400_0000),
            source: "ext_mem_defs.h: SOC_IRAM0_CACHE_ADDRESS_*",
        },
        FlashWindow {
            bus: Bus::Data,
            range: AddrRange::new(0x3C00_0000, 0x3E00_0000),
            source: "ext_mem_defs.h: SOC_DRAM0_CACHE_ADDRESS_*",
        },
    ],
    psram: Some(Psram {
        sizes_bytes: &[2 * MIB, 8 * MIB, 16 * MIB],
        typical_bytes: 8 * MIB,
        sizes_source: "chip and module data sheets (R2, R8, R16)",
        executes: Fact::new(true, "ext_mem_defs.h: SOC_IRAM_PSRAM_ADDRESS_*"),
        atomics: Fact::new(Some(false), "ESP-IDF external-ram.rst; esp-alloc, psram_allocator!"),
    }),
    notes: &[
        Fact::new(
            "The PSRAM windows are shared with flash: what flash takes, PSRAM cannot use.",
            "ext_mem_defs.h: SOC_DRAM_FLASH_ADDRESS_*",
        ),
        Fact::new(
            "DMA reaches PSRAM too, in whole cache lines and after a write-back.",
            "soc.h: SOC_DMA_EXT_*",
        ),
    ],
};
