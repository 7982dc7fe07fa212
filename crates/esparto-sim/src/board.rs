//! What a program finds itself on: QEMU's machine, or a chip.

mod chip;

use std::ops::Range;

use esparto_chips::{Chip, Kind, Role, UnknownChip};

use crate::bus::{Bus, flags};
use crate::device::{Devices, Set};
use crate::isa::Extensions;

pub use chip::ChipOptions;

/// The memory of QEMU's machines.
const RAM_ADDR: u32 = 0x8000_0000;
const RAM_BYTES: u32 = 128 << 20;

/// The first instructions of QEMU's `virt`, before those of the program. They count.
const VIRT_BOOT_INSTRUCTIONS: u64 = 6;

/// Those of `sifive_u`: of both harts, of which the second goes to sleep.
const SIFIVE_U_BOOT_INSTRUCTIONS: u64 = 28;

/// What a program finds itself on.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Board {
    /// QEMU's RISC-V `virt` machine: 128 MiB of plain memory at 0x8000_0000 that can do
    /// everything.
    Virt,
    /// QEMU's `sifive_u` machine, its first hart alone: the same memory, and an SD card on an SPI
    /// controller.
    SifiveU,
    /// A chip's memory map with its rules.
    Chip(&'static Chip, ChipOptions),
}

impl Board {
    /// The board called `name`: `virt`, `sifive_u`, or a chip as `esparto chips` names it.
    ///
    /// # Errors
    /// There is no such chip.
    pub fn find(name: &str) -> Result<Self, UnknownChip<'_>> {
        match name {
            "virt" => Ok(Self::Virt),
            "sifive_u" => Ok(Self::SifiveU),
            _ => {
                let chip = esparto_chips::find(name)?;
                Ok(Self::Chip(chip, ChipOptions::of(chip)))
            }
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Virt => "virt",
            Self::SifiveU => "sifive_u",
            Self::Chip(chip, _) => chip.name,
        }
    }

    /// What its core can do.
    #[must_use]
    pub fn extensions(&self) -> Extensions {
        match self {
            Self::Virt | Self::SifiveU => Extensions { atomics: true },
            Self::Chip(chip, _) => Extensions::of(chip.isa.value),
        }
    }

    /// Instructions that count although they are not the program's.
    pub(crate) fn boot_instructions(&self) -> u64 {
        match self {
            Self::Virt => VIRT_BOOT_INSTRUCTIONS,
            Self::SifiveU => SIFIVE_U_BOOT_INSTRUCTIONS,
            Self::Chip(..) => 0,
        }
    }

    /// Memory and devices, as after power-on.
    pub(crate) fn bus(&self) -> Bus {
        match self {
            Self::Virt => qemu(Set::Virt),
            Self::SifiveU => qemu(Set::SifiveU),
            Self::Chip(chip, options) => chip::bus(chip, options),
        }
    }

    /// Memory that a reset leaves as it is.
    pub(crate) fn kept_ranges(&self) -> impl Iterator<Item = Range<u32>> + use<> {
        let chip = match self {
            Self::Virt | Self::SifiveU => None,
            Self::Chip(chip, _) => Some(*chip),
        };
        let regions = chip.into_iter().flat_map(|chip| chip.regions);
        regions
            .filter(|region| region.kind == Kind::Rtc && region.role == Role::Memory)
            .map(|region| region.range.start_addr()..region.range.end_addr())
    }

    /// Is the memory at `addr` kept over a reset?
    pub(crate) fn keeps(&self, addr: u32) -> bool {
        match self {
            Self::Virt | Self::SifiveU => false,
            Self::Chip(chip, _) => {
                chip.region_at(addr).is_some_and(|region| region.kind == Kind::Rtc)
            }
        }
    }

    /// Does it hold code to its rules (W^X), segment by segment?
    pub(crate) fn protects(&self) -> bool {
        matches!(self, Self::Chip(_, options) if options.protect)
    }
}

/// Plain memory, and these devices.
fn qemu(set: Set) -> Bus {
    let mut bus = Bus::new(Devices::new(set), true);
    let place = bus.add_memory(RAM_BYTES);
    let all = flags::READ | flags::WRITE | flags::EXECUTE | flags::ATOMIC;
    bus.map(RAM_ADDR, RAM_BYTES, place, all);
    bus
}
