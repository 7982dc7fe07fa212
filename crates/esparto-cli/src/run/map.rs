//! The memory map that a trace is replayed on.

use esparto::Caps;
use esparto_chips::Kind;
use esparto_trace::RegionDefinition;

use crate::Failure;

/// The most that one region of a replay may have: a damaged trace may claim any size, and all of
/// it is taken from the host.
const LIMIT_BYTES: usize = 1 << 30;

/// A region to replay on.
#[derive(Clone, Debug)]
pub(crate) struct Piece {
    pub(crate) name: String,
    pub(crate) start_addr: usize,
    pub(crate) size_bytes: usize,
    pub(crate) caps: Caps,
}

/// A memory map.
#[derive(Clone, Debug)]
pub(crate) struct Map {
    pub(crate) chip: String,
    pub(crate) pieces: Vec<Piece>,
}

impl Map {
    /// The length of the largest internal region that holds bytes; 0 without one.
    pub(crate) fn largest_internal_bytes(&self) -> usize {
        let internal =
            self.pieces.iter().filter(|it| it.caps.contains(Caps::INTERNAL | Caps::BYTE));
        internal.map(|it| it.size_bytes).max().unwrap_or(0)
    }

    /// A map without regions.
    pub(crate) fn new(chip: String) -> Self {
        Self { chip, pieces: Vec::new() }
    }

    /// What a chip has for data, with so much PSRAM on the module.
    pub(crate) fn of_chip(name: &str, psram_bytes: u32) -> Result<Self, Failure> {
        let chip = esparto_chips::find(name)?;
        if psram_bytes > 0 && chip.psram.is_none() {
            return Err(Failure::usage(format!(
                "{} has no PSRAM, but --psram is {psram_bytes}",
                chip.title
            ))
            .mend("leave --psram out, or choose a chip with PSRAM: `esparto chips` lists them"));
        }
        let mut regions: Vec<_> = chip.data_regions(psram_bytes).collect();
        // Requests that prefer nothing get the first region with room. Internal memory comes
        // before external memory, which keeps its bookkeeping there, and memory that deep sleep
        // keeps comes last.
        regions.sort_by_key(|region| {
            let rank = match region.kind {
                Kind::Sram => 0,
                Kind::Psram => 2,
                Kind::Rtc => 3,
                _ => 1,
            };
            (rank, region.range.start_addr())
        });
        let mut map = Self::new(chip.name.to_owned());
        for region in &regions {
            let pieces = regions.iter().filter(|other| other.name == region.name).count();
            let number = map.pieces.iter().filter(|p| p.name.starts_with(region.name)).count() + 1;
            map.pieces.push(Piece {
                name: match pieces {
                    1 => region.name.to_owned(),
                    _ => format!("{} {number}", region.name),
                },
                start_addr: region.range.start_addr() as usize,
                size_bytes: region.range.len_bytes() as usize,
                caps: region.caps,
            });
        }
        Ok(map)
    }

    /// Adds a region as the trace defines it. Word-only memory has no heap to replay.
    pub(crate) fn push_recorded(&mut self, definition: &RegionDefinition) {
        if definition.caps.contains(Caps::BYTE) {
            self.pieces.push(Piece {
                name: definition.name.to_string(),
                start_addr: definition.start_addr,
                size_bytes: definition.size_bytes,
                caps: definition.caps,
            });
        }
    }

    /// Can all of it be had from the host?
    pub(crate) fn check(&self) -> Result<(), Failure> {
        if self.pieces.is_empty() {
            return Err(Failure::bad_input(format!("{} has no region for data", self.chip))
                .mend("name a chip that `esparto chips` lists"));
        }
        match self.pieces.iter().find(|piece| piece.size_bytes > LIMIT_BYTES) {
            Some(piece) => Err(Failure::bad_input(format!(
                "region {} has {} bytes, the limit of a replay is {LIMIT_BYTES}",
                piece.name, piece.size_bytes
            ))
            .mend("replay on a chip instead")),
            None => Ok(()),
        }
    }
}
