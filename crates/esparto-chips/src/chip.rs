//! A chip and what it answers.

use esparto::Caps;

use crate::{
    AddrRange, Atomics, Bus, Cache, ChipRegion, Fact, FlashWindow, Isa, Kind, Protection, Psram,
    Role, Rule, rule,
};

/// Everything known of a chip's memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chip {
    /// The name in commands and traces, as in `esp32s3`.
    pub name: &'static str,
    /// The name in prose, as in `ESP32-S3`.
    pub title: &'static str,
    /// The instruction set.
    pub isa: Fact<Isa>,
    /// How many cores share the memory. A low-power coprocessor does not count.
    pub core_count: Fact<u8>,
    /// How atomics come about.
    pub atomics: Fact<Atomics>,
    /// Is memory either writable or executable? `None` if not established.
    pub protection: Fact<Option<Protection>>,
    /// The page sizes of the external-memory MMU, the default first; `None` if not established
    /// or without such an MMU.
    pub mmu_page_bytes: Option<Fact<&'static [u32]>>,
    /// The caches.
    pub caches: &'static [Cache],
    /// What the DMA controllers reach of the memory on the chip; `None` if not established.
    pub dma: Option<&'static [Fact<AddrRange>]>,
    /// The regions, in address order.
    pub regions: &'static [ChipRegion],
    /// Where flash appears, the window for code first; empty if not established.
    pub flash: &'static [FlashWindow],
    /// The PSRAM it can have.
    pub psram: Option<Psram>,
    /// What else to know, beyond the rules that follow from the data.
    pub notes: &'static [Fact<&'static str>],
}

impl Chip {
    /// The region that holds `addr`. At most one does. Linear in the number of regions.
    #[must_use]
    pub fn region_at(&self, addr: u32) -> Option<&'static ChipRegion> {
        self.regions.iter().find(|region| region.range.contains(addr))
    }

    /// The other address of the byte at `addr`: from the data bus to the instruction bus and
    /// back, inverted where the chip inverts. `None` if there is no other address.
    ///
    /// ```
    /// let esp32 = esparto_chips::find("esp32")?;
    /// // The words of this memory run backwards on the instruction bus.
    /// assert_eq!(esp32.alias_of(0x3FFE_0000), Some(0x400B_FFFC));
    /// assert_eq!(esp32.alias_of(0x400B_FFFC), Some(0x3FFE_0000));
    /// # Ok::<(), esparto_chips::UnknownChip>(())
    /// ```
    #[must_use]
    pub fn alias_of(&self, addr: u32) -> Option<u32> {
        self.region_at(addr)?.alias_of(addr)
    }

    /// What a memory manager can hand out for data, piece by piece: byte-addressable memory less
    /// what a default build takes, with `psram_bytes` of PSRAM on the module (0 for none; at most
    /// the window is used). In address order, so PSRAM may come first.
    ///
    /// Static data, code and stacks of a firmware are not known here and not taken off.
    ///
    /// ```
    /// use esparto::Region;
    ///
    /// let chip = esparto_chips::find("esp32c3")?;
    /// for piece in chip.data_regions(0) {
    ///     let (start_addr, len_bytes) = (piece.range.start_addr(), piece.range.len_bytes());
    ///     let region = Region::at(piece.name, start_addr as usize, len_bytes as usize, piece.caps);
    ///     assert!(region.is_some_and(|region| region.validate().is_ok()));
    /// }
    /// # Ok::<(), esparto_chips::UnknownChip>(())
    /// ```
    pub fn data_regions(&self, psram_bytes: u32) -> impl Iterator<Item = DataRegion> + use<> {
        self.regions
            .iter()
            .filter(|region| {
                region.role == Role::Memory
                    && region.bus != Bus::Instruction
                    && region.caps.contains(Caps::BYTE)
            })
            .flat_map(move |region| {
                region.usable().filter_map(move |range| {
                    let range = match region.kind {
                        Kind::Psram => range.first_bytes(psram_bytes)?,
                        _ => range,
                    };
                    Some(DataRegion {
                        name: region.name,
                        kind: region.kind,
                        range,
                        caps: region.caps,
                    })
                })
            })
    }

    /// What of the flash windows flash can have on a module with `psram_bytes` of PSRAM, the window
    /// for code first. Where PSRAM shares a window it comes first, as ESP-IDF maps neither to a
    /// fixed place.
    ///
    /// ```
    /// let chip = esparto_chips::find("esp32c5")?;
    /// let code = chip.flash_ranges(4 << 20).next().expect("it has flash");
    /// assert_eq!((code.start_addr(), code.end_addr()), (0x4240_0000, 0x4400_0000));
    /// # Ok::<(), esparto_chips::UnknownChip>(())
    /// ```
    pub fn flash_ranges(&self, psram_bytes: u32) -> impl Iterator<Item = AddrRange> + use<> {
        let (regions, flash) = (self.regions, self.flash);
        flash.iter().filter_map(move |window| {
            let range = window.range;
            let is_shared = regions.iter().any(|region| {
                region.kind == Kind::Psram && region.range.contains(range.start_addr())
            });
            let taken = if is_shared { psram_bytes.min(range.len_bytes()) } else { 0 };
            AddrRange::checked(range.start_addr() + taken, range.end_addr())
        })
    }

    /// The size of all memory of one kind, views not counted, in bytes; for PSRAM, the window.
    #[must_use]
    pub fn size_bytes(&self, kind: Kind) -> u32 {
        let memory = self.regions.iter().filter(|r| r.role == Role::Memory && r.kind == kind);
        memory.map(|region| region.range.len_bytes()).sum()
    }

    /// The rules of this chip that break code written for another one.
    pub fn rules(&self) -> impl Iterator<Item = Rule> + '_ {
        rule::ALL.iter().copied().filter(|rule| rule.applies_to(self))
    }
}

/// A piece of a chip's memory that can hold data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DataRegion {
    /// The name of its region. Pieces of one region share it.
    pub name: &'static str,
    /// What memory this is.
    pub kind: Kind,
    /// The addresses.
    pub range: AddrRange,
    /// The capabilities.
    pub caps: Caps,
}
