//! ESP32-P4.

use esparto::Caps;

use super::{CACHE_CHOICE, MIB, ROM_DATA, caps};
use crate::{
    AddrRange, Alias, Atomics, Bus, Cache, Chip, ChipRegion, Fact, FlashWindow, Isa, Kind,
    Protection, Psram, Reserved, Role, WordOrder,
};

pub(super) const CHIP: Chip = Chip {
    name: "esp32p4",
    title: "ESP32-P4",
    isa: Fact::new(Isa::Rv32imafc, "TRM, High-Performance CPU"),
    core_count: Fact::new(2, "TRM, High-Performance CPU"),
    atomics: Fact::new(Atomics::Hardware, "TRM, High-Performance CPU: A extension"),
    protection: Fact::new(
        Some(Protection::OnByDefault),
        "esp_system Kconfig: ESP_SYSTEM_PMP_IDRAM_SPLIT",
    ),
    mmu_page_bytes: Some(Fact::new(&[0x1_0000], "Kconfig.mmu")),
    caches: &[
        Cache { name: "L1", line_bytes: Some(&[64]), source: "TRM, System and Memory: Cache" },
        Cache {
            name: "L2",
            line_bytes: Some(&[64, 128]),
            source: "Kconfig.cache: CACHE_L2_CACHE_LINE_SIZE",
        },
    ],
    dma: Some(&[Fact::new(AddrRange::new(0x4FF0_0000, 0x4FFC_0000), "soc.h: SOC_DMA_*")]),
    regions: &[
        ChipRegion {
            name: "SPM",
            kind: Kind::Scratchpad,
            role: Role::Memory,
            bus: Bus::Both,
            range: AddrRange::new(0x3010_0000, 0x3010_2000),
            caps: caps::SRAM.difference(Caps::DMA).difference(Caps::ATOMIC),
            alias: None,
            reserved: &[],
            source: "soc.h: SOC_SCP_*; memory_layout.c: scp_code_data",
        },
        ChipRegion {
            name: "PSRAM",
            kind: Kind::Psram,
            role: Role::Memory,
            bus: Bus::Both,
            range: AddrRange::new(0x4800_0000, 0x4C00_0000),
            caps: caps::PSRAM.union(Caps::EXEC),
            alias: None,
            reserved: &[],
            source: "soc.h: SOC_EXTRAM_*",
        },
        ChipRegion {
            name: "L2MEM",
            kind: Kind::Sram,
            role: Role::Memory,
            bus: Bus::Both,
            range: AddrRange::new(0x4FF0_0000, 0x4FFC_0000),
            caps: caps::SRAM,
            alias: Some(Alias {
                start_addr: 0x8FF0_0000,
                order: WordOrder::Same,
                source: "hal cache_ll.h: non-cacheable address",
            }),
            // As on revision 3 and later; the notes tell of earlier ones.
            reserved: &[
                Reserved {
                    range: AddrRange::new(0x4FF0_0000, 0x4FF2_0000),
                    why: CACHE_CHOICE,
                    source: "Kconfig.cache: 128 KB; memory_layout.c: SOC_DRAM_USABLE_LOW",
                },
                Reserved {
                    range: AddrRange::new(0x4FFB_CFC0, 0x4FFC_0000),
                    why: ROM_DATA,
                    source: "soc.h: SOC_ROM_STACK_START_REV2",
                },
            ],
            source: "soc.h: SOC_DIRAM_*",
        },
        ChipRegion {
            name: "LP RAM",
            kind: Kind::Rtc,
            role: Role::Memory,
            bus: Bus::Both,
            range: AddrRange::new(0x5010_8000, 0x5011_0000),
            caps: caps::RTC.union(Caps::EXEC),
            alias: None,
            reserved: &[Reserved {
                range: AddrRange::new(0x5010_8000, 0x5010_8100),
                why: "code that revision 3 runs when it wakes from deep sleep",
                source: "memory.x: RTC_FAST",
            }],
            source: "soc.h: SOC_LP_RAM_*",
        },
        ChipRegion {
            name: "L2MEM past the cache",
            kind: Kind::Sram,
            role: Role::View,
            bus: Bus::Data,
            range: AddrRange::new(0x8FF0_0000, 0x8FFC_0000),
            // Whether atomics work past the cache is not established.
            caps: caps::DATA_SRAM.difference(Caps::ATOMIC),
            alias: Some(Alias {
                start_addr: 0x4FF0_0000,
                order: WordOrder::Same,
                source: "hal cache_ll.h: non-cacheable address",
            }),
            reserved: &[],
            source: "hal cache_ll.h: non-cacheable address",
        },
    ],
    flash: &[FlashWindow {
        bus: Bus::Both,
        range: AddrRange::new(0x4000_0000, 0x4400_0000),
        source: "ext_mem_defs.h: SOC_MMU_FLASH_VADDR_*",
    }],
    psram: Some(Psram {
        sizes_bytes: &[16 * MIB, 32 * MIB],
        typical_bytes: 32 * MIB,
        sizes_source: "chip data sheet: ESP32-P4NRW16, ESP32-P4NRW32",
        executes: Fact::new(true, "soc.h: SOC_EXTRAM_* serves both buses"),
        atomics: Fact::new(None, "not established"),
    }),
    notes: &[
        Fact::new(
            "Before revision 3 the L2 cache is taken from the top of L2MEM, and the ROM code keeps \
             its data above 0x4ff3cfc0.",
            "memory_layout.c; soc.h: SOC_ROM_STACK_START",
        ),
        Fact::new(
            "Internal memory sits behind the L1 cache: write back before DMA and before running \
             code.",
            "TRM, System and Memory: Cache",
        ),
        Fact::new(
            "Code in PSRAM has a protection of its own, a further option of the build.",
            "esp_system Kconfig: memory protection of PSRAM",
        ),
    ],
};
