//! ESP32.

use esparto::Caps;

use super::{MIB, caps};
use crate::{
    AddrRange, Alias, Atomics, Bus, Cache, Chip, ChipRegion, Fact, FlashWindow, Isa, Kind,
    Protection, Psram, Reserved, Role, WordOrder,
};

/// RTC fast memory answers to one of the two cores, so no interrupt handler may count on it.
const RTC_FAST: Caps = caps::RTC.difference(Caps::ISR_SAFE).union(Caps::EXEC);

pub(super) const CHIP: Chip = Chip {
    name: "esp32",
    title: "ESP32",
    isa: Fact::new(Isa::XtensaLx6, "TRM, System and Memory"),
    core_count: Fact::new(2, "TRM, System and Memory; some variants have one"),
    atomics: Fact::new(Atomics::Hardware, "xtensa/config/core-isa.h: XCHAL_HAVE_S32C1I"),
    protection: Fact::new(
        Some(Protection::Absent),
        "esp_system Kconfig: ESP_SYSTEM_MEMPROT has no support here",
    ),
    mmu_page_bytes: Some(Fact::new(&[0x1_0000], "ext_mem_defs.h")),
    caches: &[Cache {
        name: "shared",
        line_bytes: None,
        source: "soc.h: SOC_CACHE_PRO_*, SOC_CACHE_APP_*; the line size is not established",
    }],
    dma: Some(&[Fact::new(AddrRange::new(0x3FFA_E000, 0x4000_0000), "soc.h: SOC_DMA_*")]),
    regions: &[
        ChipRegion {
            name: "PSRAM",
            kind: Kind::Psram,
            role: Role::Memory,
            bus: Bus::Data,
            range: AddrRange::new(0x3F80_0000, 0x3FC0_0000),
            caps: caps::PSRAM,
            alias: None,
            reserved: &[],
            source: "soc.h: SOC_EXTRAM_DATA_*",
        },
        ChipRegion {
            name: "RTC fast",
            kind: Kind::Rtc,
            role: Role::Memory,
            bus: Bus::Data,
            range: AddrRange::new(0x3FF8_0000, 0x3FF8_2000),
            caps: RTC_FAST,
            alias: Some(Alias {
                start_addr: 0x400C_0000,
                order: WordOrder::Same,
                source: "soc.h: SOC_RTC_IRAM_*",
            }),
            reserved: &[],
            source: "soc.h: SOC_RTC_DRAM_*",
        },
        ChipRegion {
            name: "DRAM",
            kind: Kind::Sram,
            role: Role::Memory,
            bus: Bus::Data,
            range: AddrRange::new(0x3FFA_E000, 0x3FFE_0000),
            caps: caps::DATA_SRAM,
            alias: None,
            reserved: &[Reserved {
                range: AddrRange::new(0x3FFA_E000, 0x3FFA_E6E0),
                why: "data of the ROM code",
                source: "memory_layout.c: rom_data",
            }],
            source: "memory_layout.c: soc_memory_regions, type DRAM",
        },
        ChipRegion {
            name: "D/IRAM",
            kind: Kind::Sram,
            role: Role::Memory,
            bus: Bus::Data,
            range: AddrRange::new(0x3FFE_0000, 0x4000_0000),
            caps: caps::SRAM,
            alias: Some(Alias {
                start_addr: 0x400A_0000,
                order: WordOrder::Inverted,
                source: "memory_layout.c: type D/IRAM; soc.h: SOC_DIRAM_*",
            }),
            reserved: &[
                Reserved {
                    range: AddrRange::new(0x3FFE_0000, 0x3FFE_0440),
                    why: "data of the ROM code, first core",
                    source: "memory_layout.c: rom_pro_data",
                },
                Reserved {
                    range: AddrRange::new(0x3FFE_3F20, 0x3FFE_4350),
                    why: "data of the ROM code, second core; free on a single-core build",
                    source: "memory_layout.c: rom_app_data",
                },
            ],
            source: "soc.h: SOC_DIRAM_DRAM_*",
        },
        ChipRegion {
            name: "IRAM",
            kind: Kind::Sram,
            role: Role::Memory,
            bus: Bus::Instruction,
            range: AddrRange::new(0x4007_0000, 0x400A_0000),
            caps: caps::INSTRUCTION,
            alias: None,
            reserved: &[Reserved {
                range: AddrRange::new(0x4007_0000, 0x4008_0000),
                why: "the caches of both cores; a single-core build frees the upper half",
                source: "memory_layout.c: cpu0_cache, cpu1_cache",
            }],
            source: "soc.h: SOC_CACHE_*, SOC_IRAM_*",
        },
        ChipRegion {
            name: "D/IRAM as instructions",
            kind: Kind::Sram,
            role: Role::View,
            bus: Bus::Instruction,
            range: AddrRange::new(0x400A_0000, 0x400C_0000),
            caps: caps::INSTRUCTION,
            alias: Some(Alias {
                start_addr: 0x3FFE_0000,
                order: WordOrder::Inverted,
                source: "memory_layout.c: type D/IRAM; soc.h: SOC_DIRAM_*",
            }),
            reserved: &[],
            source: "soc.h: SOC_DIRAM_IRAM_*",
        },
        ChipRegion {
            name: "RTC fast as instructions",
            kind: Kind::Rtc,
            role: Role::View,
            bus: Bus::Instruction,
            range: AddrRange::new(0x400C_0000, 0x400C_2000),
            caps: RTC_FAST.difference(Caps::BYTE),
            alias: Some(Alias {
                start_addr: 0x3FF8_0000,
                order: WordOrder::Same,
                source: "soc.h: SOC_RTC_DRAM_*",
            }),
            reserved: &[],
            source: "soc.h: SOC_RTC_IRAM_*",
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
    ],
    flash: &[
        FlashWindow {
            bus: Bus::Instruction,
            range: AddrRange::new(0x400D_0000, 0x4040_0000),
            source: "ext_mem_defs.h: SOC_IRAM0_CACHE_ADDRESS_*",
        },
        FlashWindow {
            bus: Bus::Data,
            range: AddrRange::new(0x3F40_0000, 0x3F80_0000),
            source: "ext_mem_defs.h: SOC_DROM0_CACHE_ADDRESS_*",
        },
    ],
    psram: Some(Psram {
        sizes_bytes: &[2 * MIB, 4 * MIB, 8 * MIB],
        typical_bytes: 4 * MIB,
        sizes_source: "module data sheets (WROVER)",
        executes: Fact::new(false, "ESP-IDF external-ram.rst: data only"),
        atomics: Fact::new(Some(false), "ESP-IDF external-ram.rst; esp-alloc, psram_allocator!"),
    }),
    notes: &[
        Fact::new("RTC fast memory answers to the first core only.", "memory.x"),
        Fact::new(
            "Of 8 MiB PSRAM the window maps 4 MiB at a time; bank switching reaches the rest.",
            "ESP-IDF himem.rst",
        ),
        Fact::new(
            "With Bluetooth on, 0x3ffb0000..0x3ffc0000 belongs to its controller.",
            "memory_layout.c: soc_memory_regions",
        ),
    ],
};
