//! ESP32-C2.

use super::{ROM_DATA, caps};
use crate::{
    AddrRange, Alias, Atomics, Bus, Cache, Chip, ChipRegion, Fact, FlashWindow, Isa, Kind,
    Protection, Reserved, Role, WordOrder,
};

pub(super) const CHIP: Chip = Chip {
    name: "esp32c2",
    title: "ESP32-C2",
    isa: Fact::new(Isa::Rv32imc, "TRM, ESP-RISC-V CPU"),
    core_count: Fact::new(1, "TRM, ESP-RISC-V CPU"),
    atomics: Fact::new(Atomics::Emulated, "TRM, ESP-RISC-V CPU: no A extension"),
    protection: Fact::new(
        Some(Protection::OnByDefault),
        "esp_system Kconfig: memory protection by PMP; memory_layout.c drops EXEC",
    ),
    mmu_page_bytes: Some(Fact::new(
        &[0x1_0000, 0x8000, 0x4000],
        "Kconfig.mmu; the default follows the flash size",
    )),
    caches: &[Cache {
        name: "shared",
        line_bytes: Some(&[32]),
        source: "Kconfig.cache: the wrap, which spans one line, is fixed to 32 B",
    }],
    // The header names a wider range than there is memory.
    dma: Some(&[Fact::new(
        AddrRange::new(0x3FCA_0000, 0x3FCE_0000),
        "soc.h: SOC_DMA_*, cut to SOC_DRAM_*",
    )]),
    regions: &[
        ChipRegion {
            name: "D/IRAM",
            kind: Kind::Sram,
            role: Role::Memory,
            bus: Bus::Data,
            range: AddrRange::new(0x3FCA_0000, 0x3FCE_0000),
            caps: caps::SRAM,
            alias: Some(Alias {
                start_addr: 0x4038_0000,
                order: WordOrder::Same,
                source: "soc.h: SOC_DIRAM_*",
            }),
            reserved: &[Reserved {
                range: AddrRange::new(0x3FCD_EB70, 0x3FCE_0000),
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
            range: AddrRange::new(0x4038_0000, 0x403C_0000),
            caps: caps::INSTRUCTION,
            alias: Some(Alias {
                start_addr: 0x3FCA_0000,
                order: WordOrder::Same,
                source: "soc.h: SOC_DIRAM_*",
            }),
            reserved: &[],
            source: "soc.h: SOC_DIRAM_IRAM_*",
        },
    ],
    flash: &[
        FlashWindow {
            bus: Bus::Instruction,
            range: AddrRange::new(0x4200_0000, 0x4240_0000),
            source: "ext_mem_defs.h: SOC_IRAM0_CACHE_ADDRESS_*, 64 pages",
        },
        FlashWindow {
            bus: Bus::Data,
            range: AddrRange::new(0x3C00_0000, 0x3C40_0000),
            source: "ext_mem_defs.h: SOC_DRAM0_CACHE_ADDRESS_*, 64 pages",
        },
    ],
    psram: None,
    notes: &[Fact::new("No clz or ctz instruction.", "TRM, ESP-RISC-V CPU: no B extension")],
};
