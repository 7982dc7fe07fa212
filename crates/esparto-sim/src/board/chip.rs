//! A chip's memory map as pages.

use esparto_chips::{AddrRange, Bus as ChipBus, Chip, ChipRegion, Kind, Role, WordOrder};

use crate::bus::{Bus, flags};
use crate::device::{Devices, Set};

/// Choices of module and build.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChipOptions {
    /// PSRAM on the module, in bytes; at most the window is used.
    pub psram_bytes: u32,
    /// Memory is either writable or executable: what the program's segments say holds.
    pub protect: bool,
}

impl ChipOptions {
    /// The usual module of `chip`, without memory protection, so that code can be loaded.
    #[must_use]
    pub fn of(chip: &Chip) -> Self {
        let psram_bytes = chip.psram.map_or(0, |psram| psram.typical_bytes);
        Self { psram_bytes, protect: false }
    }
}

/// The flash as far as a program can see it through the cache, in each window.
const FLASH_BYTES: u32 = 4 << 20;

pub(super) fn bus(chip: &Chip, options: &ChipOptions) -> Bus {
    let mut bus = Bus::new(Devices::new(Set::Virt), false);
    let mut places: Vec<(AddrRange, u32)> = Vec::new();
    for region in chip.regions.iter().filter(|region| region.role == Role::Memory) {
        let Some(range) = answering(region, options) else { continue };
        let place = bus.add_memory(range.len_bytes());
        bus.map(range.start_addr(), range.len_bytes(), place, allowed(region));
        places.push((range, place));
    }
    for region in chip.regions.iter().filter(|region| region.role == Role::View) {
        let Some(range) = answering(region, options) else { continue };
        let Some(alias) = region.alias else { continue };
        let Some((memory, place)) =
            places.iter().find(|(memory, _)| memory.contains(alias.start_addr))
        else {
            continue;
        };
        let inverted = if alias.order == WordOrder::Inverted { flags::INVERTED } else { 0 };
        let place = place + (alias.start_addr - memory.start_addr());
        bus.map(range.start_addr(), range.len_bytes(), place, allowed(region) | inverted);
    }
    for window in chip.flash_ranges(options.psram_bytes) {
        let len_bytes = window.len_bytes().min(FLASH_BYTES);
        let place = bus.add_memory(len_bytes);
        let allowed = flags::READ | flags::EXECUTE | flags::CACHED;
        bus.map(window.start_addr(), len_bytes, place, allowed);
    }
    bus.remember_writers();
    bus
}

/// The part of a region's addresses behind which there is memory.
fn answering(region: &ChipRegion, options: &ChipOptions) -> Option<AddrRange> {
    match region.kind {
        Kind::Psram if options.psram_bytes == 0 => None,
        Kind::Psram => region.range.first_bytes(options.psram_bytes),
        _ => Some(region.range),
    }
}

/// What a region allows, from its capabilities and its bus.
fn allowed(region: &ChipRegion) -> u32 {
    let mut allowed = 0;
    for (name, _) in region.caps.iter_names() {
        allowed |= match name {
            "BYTE" => flags::READ_BYTE | flags::WRITE_BYTE,
            "WORD" => flags::READ_WORD | flags::WRITE_WORD,
            "ATOMIC" => flags::ATOMIC,
            // Data's own bus does not fetch, whatever the memory can do elsewhere.
            "EXEC" if region.bus != ChipBus::Data => flags::EXECUTE,
            _ => 0,
        };
    }
    if region.kind == Kind::Psram {
        allowed |= flags::CACHED;
    }
    allowed
}
