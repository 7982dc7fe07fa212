//! A region of a chip, its alias, and what is taken from it.

use core::fmt;

use esparto::Caps;

use crate::AddrRange;

/// A stretch of a chip's address space that reaches memory.
///
/// Memory that two buses see at different addresses has two entries, one of them a
/// [`Role::View`], so that bytes are never counted twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChipRegion {
    /// The name, unique on its chip.
    pub name: &'static str,
    /// What memory this is.
    pub kind: Kind,
    /// The memory itself, or another way to see it.
    pub role: Role,
    /// The bus that reaches it at these addresses.
    pub bus: Bus,
    /// The addresses.
    pub range: AddrRange,
    /// The capabilities at these addresses. `EXEC` is what the hardware can do; memory protection
    /// may take it away ([`Chip::protection`](crate::Chip::protection)).
    pub caps: Caps,
    /// Where else the same bytes appear.
    pub alias: Option<Alias>,
    /// What a default build takes before any heap sees the region, in address order. Kept with
    /// the memory, not with its views.
    pub reserved: &'static [Reserved],
    /// Where the addresses come from.
    pub source: &'static str,
}

impl ChipRegion {
    /// What is left for heaps when everything in `reserved` is taken, in address order.
    pub fn usable(&self) -> impl Iterator<Item = AddrRange> + use<> {
        let (range, reserved) = (self.range, self.reserved);
        (0..=reserved.len()).filter_map(move |gap| {
            let start_addr = match gap.checked_sub(1) {
                Some(before) => reserved[before].range.end_addr(),
                None => range.start_addr(),
            };
            let end_addr = reserved.get(gap).map_or(range.end_addr(), |r| r.range.start_addr());
            AddrRange::checked(start_addr, end_addr)
        })
    }

    /// The other address of the byte at `addr`; `None` outside of the region or without alias.
    #[must_use]
    pub fn alias_of(&self, addr: u32) -> Option<u32> {
        let alias = self.alias?;
        if !self.range.contains(addr) {
            return None;
        }
        let offset_bytes = addr - self.range.start_addr();
        Some(match alias.order {
            WordOrder::Same => alias.start_addr + offset_bytes,
            WordOrder::Inverted => {
                let (word, byte) = (offset_bytes & !3, offset_bytes & 3);
                alias.start_addr + (self.range.len_bytes() - 4 - word) + byte
            }
        })
    }

    /// The addresses of the alias.
    #[must_use]
    pub fn alias_range(&self) -> Option<AddrRange> {
        let start_addr = self.alias?.start_addr;
        Some(AddrRange::new(start_addr, start_addr + self.range.len_bytes()))
    }
}

/// What memory a region is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// Static RAM on the chip.
    Sram,
    /// A small, tightly coupled memory.
    Scratchpad,
    /// Memory that deep sleep keeps: RTC or LP memory.
    Rtc,
    /// RAM behind the cache. Its [`range`](ChipRegion::range) is the window; how much of the
    /// window answers depends on the module ([`Psram`](crate::Psram)).
    Psram,
}

impl Kind {
    /// The name, as JSON gives it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sram => "sram",
            Self::Scratchpad => "scratchpad",
            Self::Rtc => "rtc",
            Self::Psram => "psram",
        }
    }
}

/// Is a region the memory itself or another way to see it?
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// The memory itself: these bytes count.
    Memory,
    /// The same bytes as another region, seen by another bus or past the cache.
    View,
}

impl Role {
    /// The name, as JSON gives it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::View => "view",
        }
    }
}

/// The bus that reaches a region.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Bus {
    /// Instruction fetches. Loads and stores there, where they work, are whole words.
    Instruction,
    /// Loads and stores.
    Data,
    /// Both, at the same address.
    Both,
}

impl Bus {
    /// The name, as JSON gives it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Instruction => "instruction",
            Self::Data => "data",
            Self::Both => "both",
        }
    }
}

/// Where the bytes of a region appear a second time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Alias {
    /// The lowest address of the second appearance. It is as long as the region.
    pub start_addr: u32,
    /// The order of the words there.
    pub order: WordOrder,
    /// Where this comes from.
    pub source: &'static str,
}

/// The order of the words of an alias.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WordOrder {
    /// The same bytes at an offset.
    Same,
    /// The first word is the last of the alias; the bytes inside of a word keep their order.
    Inverted,
}

impl WordOrder {
    /// The name, as JSON gives it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Inverted => "inverted",
        }
    }
}

/// A part of a region that a default build takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reserved {
    /// The part.
    pub range: AddrRange,
    /// Who takes it, and what changes that.
    pub why: &'static str,
    /// Where this comes from.
    pub source: &'static str,
}

/// Writes name, addresses and capabilities.
impl fmt::Display for ChipRegion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ({})", self.name, self.range, self.caps)
    }
}
