//! ESP32-C3.

use esparto::Caps;

use super::{ROM_DATA, caps};
use crate::{
    AddrRange, Alias, Atomics, Bus, Cache, Chip, ChipRegion, Fact, FlashWindow, Isa, Kind,
    Protection, Reserved, Role, WordOrder,
};

pub(super) const CHIP: Chip = Chip {
    name: "esp32c3",
    title: "ESP32-C3",
    isa: Fact::new(Isa::Rv32imc, "TRM, ESP-RISC-V CPU"),
    core_count: Fact::new(1, "TRM, ESP-RISC-V CPU"),
    atomics: Fact::new(Atomics::Emulated, "TRM, ESP-RISC-V CPU: no A extension"),
    protection: Fact::new(
        Some(Protection::OnByDefault),
        "esp_system Kconfig: ESP_SYSTEM_MEMPROT_FEATURE",
    ),
    mmu_page_bytes: Some(Fact::new(&[0x1_0000], "ext_mem_defs.h")),
    caches: &[Cache {
        name: "shared",
        line_bytes: Some(&[32]),
        source: "TRM, System and Memory: External Memory, Cache",
    }],
    // SOC_DMA_* of soc.h, 0x3fc88000..0x3fd00000, begins above the first byte of this memory and
    // ends past its last one; the heap of ESP-IDF hands out all of it for DMA.
    dma: Some(&[Fact::new(
        AddrRange::new(0x3FC8_0000, 0x3FCE_0000),
        "memory_layout.c: MALLOC_CAP_DMA of every DRAM region",
    )]),
    regions: &[
        ChipRegion {
            name: "D/IRAM",
            kind: Kind::Sram,
            role: Role::Memory,
            bus: Bus::Data,
            range: AddrRange::new(0x3FC8_0000, 0x3FCE_0000),
            caps: caps::SRAM,
            alias: Some(Alias {
                start_addr: 0x4038_0000,
                order: WordOrder::Same,
                source: "soc.h: SOC_DIRAM_*",
            }),
            reserved: &[Reserved {
                range: AddrRange::new(0x3FCD_E710, 0x3FCE_0000),
                why: ROM_DATA,
                source: "memory.x: end of dram2_seg",
            }],
            source: "soc.h: SOC_DIRAM_DRAM_*",
        },
        ChipRegion {
            name: "IRAM",
            kind: Kind::Sram,
            role: Role::Memory,
            bus: Bus::Instruction,
            range: AddrRange::new(0x4037_C000, 0x4038_0000),
            caps: caps::INSTRUCTION,
            alias: None,
            reserved: &[Reserved {
                range: AddrRange::new(0x4037_C000, 0x4038_0000),
                why: "cache",
                source: "memory.x: ICACHE",
            }],
            source: "soc.h: SOC_IRAM_LOW",
        },
        ChipRegion {
            name: "D/IRAM as instructions",
            kind: Kind::Sram,
            role: Role::View,
            bus: Bus::Instruction,
            range: AddrRange::new(0x4038_0000, 0x403E_0000),
            caps: caps::INSTRUCTION,
            alias: Some(Alias {
                start_addr: 0x3FC8_0000,
                order: WordOrder::Same,
                source: "soc.h: SOC_DIRAM_*",
            }),
            reserved: &[],
            source: "soc.h: SOC_DIRAM_IRAM_*",
        },
        ChipRegion {
            name: "RTC fast",
            kind: Kind::Rtc,
            role: Role::Memory,
            bus: Bus::Both,
            range: AddrRange::new(0x5000_0000, 0x5000_2000),
            // Emulated atomics do not depend on the memory.
            caps: caps::RTC.union(Caps::EXEC).union(Caps::ATOMIC),
            alias: None,
            reserved: &[],
            source: "soc.h: SOC_RTC_IRAM_*, SOC_RTC_DRAM_*",
        },
    ],
    flash: &[
        FlashWindow {
            bus: Bus::Instruction,
            range: AddrRange::new(0x4200_0000, 0x4280_0000),
            source: "ext_mem_defs.h: SOC_IRAM0_CACHE_ADDRESS_*",
        },
        FlashWindow {
            bus: Bus::Data,
            range: AddrRange::new(0x3C00_0000, 0x3C80_0000),
            source: "ext_mem_defs.h: SOC_DRAM0_CACHE_ADDRESS_*",
        },
    ],
    psram: None,
    notes: &[Fact::new("No clz or ctz instruction.", "TRM, ESP-RISC-V CPU: no B extension")],
};
