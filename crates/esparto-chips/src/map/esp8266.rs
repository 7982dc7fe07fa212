//! ESP8266.

use esparto::Caps;

use super::caps;
use crate::{
    AddrRange, Atomics, Bus, Cache, Chip, ChipRegion, Fact, Isa, Kind, Protection, Reserved, Role,
};

pub(super) const CHIP: Chip = Chip {
    name: "esp8266",
    title: "ESP8266",
    isa: Fact::new(Isa::XtensaLx106, "xtensa/config/core-isa.h"),
    core_count: Fact::new(1, "data sheet, CPU"),
    atomics: Fact::new(Atomics::Emulated, "xtensa/config/core-isa.h: XCHAL_HAVE_S32C1I is 0"),
    protection: Fact::new(Some(Protection::Absent), "no memory protection unit"),
    mmu_page_bytes: None,
    caches: &[Cache {
        name: "instruction",
        line_bytes: None,
        source: "ESP8266 Arduino core, MMU options; the line size is not established",
    }],
    dma: None,
    regions: &[
        ChipRegion {
            name: "DRAM",
            kind: Kind::Sram,
            role: Role::Memory,
            bus: Bus::Data,
            range: AddrRange::new(0x3FFE_8000, 0x4000_0000),
            // What its DMA reaches is not established.
            caps: caps::DATA_SRAM.difference(Caps::DMA),
            alias: None,
            reserved: &[Reserved {
                range: AddrRange::new(0x3FFF_C000, 0x4000_0000),
                why: "data and stacks of the ROM code and the SDK",
                source: "ESP8266 linker scripts: dram0_0_seg is 80 KB",
            }],
            source: "ESP8266 linker scripts: dram0_0_seg",
        },
        ChipRegion {
            name: "IRAM",
            kind: Kind::Sram,
            role: Role::Memory,
            bus: Bus::Instruction,
            range: AddrRange::new(0x4010_0000, 0x4010_C000),
            caps: caps::INSTRUCTION,
            alias: None,
            reserved: &[Reserved {
                range: AddrRange::new(0x4010_8000, 0x4010_C000),
                why: "second half of the instruction cache; the 48 KB option frees it",
                source: "ESP8266 Arduino core, MMU options",
            }],
            source: "ESP8266 linker scripts: iram1_0_seg",
        },
    ],
    // The SDK's linker scripts place code from 0x40201010 or 0x40210000 on; how far the window
    // reaches is not established.
    flash: &[],
    psram: None,
    notes: &[],
};
