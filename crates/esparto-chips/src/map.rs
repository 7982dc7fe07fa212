//! The data, a file for each chip.
//!
//! Sources name files of ESP-IDF ("memory_layout.c" is `components/heap/port/<chip>/`, "soc.h" and
//! "ext_mem_defs.h" are `components/soc/<chip>/include/soc/`) and of esp-hal ("memory.x" is
//! `esp-hal/ld/<chip>/`), or a chapter of the chip's technical reference manual (TRM).

mod caps;
mod esp32;
mod esp32c2;
mod esp32c3;
mod esp32c5;
mod esp32c6;
mod esp32c61;
mod esp32h2;
mod esp32p4;
mod esp32s2;
mod esp32s3;
mod esp8266;

use crate::Chip;

/// All chips.
pub const CHIPS: &[Chip] = &[
    esp32::CHIP,
    esp32s2::CHIP,
    esp32s3::CHIP,
    esp32c2::CHIP,
    esp32c3::CHIP,
    esp32c5::CHIP,
    esp32c6::CHIP,
    esp32c61::CHIP,
    esp32h2::CHIP,
    esp32p4::CHIP,
    esp8266::CHIP,
];

/// One mebibyte.
const MIB: u32 = 1 << 20;

/// Why the top of the SRAM is taken on chips whose ROM code keeps its data there.
const ROM_DATA: &str =
    "data of the ROM code; ESP-IDF asks the ROM for the exact bound when it starts";

/// Why a slice of the SRAM is taken on chips that build a cache from it.
const CACHE_CHOICE: &str = "cache of the default size; the build may choose another";
