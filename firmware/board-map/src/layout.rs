//! The layout, from a chip's map or of QEMU's machine.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use esparto::Caps;
use esparto_chips::{AddrRange, Bus, Chip, Kind, WordOrder};

/// What of the flash a firmware is given, in each window.
const FLASH_BYTES: u32 = 4 << 20;

/// The stack that `main` starts on.
const BOOT_STACK_BYTES: u32 = 4 << 10;

/// The ABI's alignment of the stack pointer.
const STACK_ALIGN_BYTES: u32 = 16;

/// Where code runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Code {
    /// In flash, through the cache.
    #[default]
    Flash,
    /// In SRAM.
    Sram,
}

impl FromStr for Code {
    type Err = LayoutError;

    fn from_str(name: &str) -> Result<Self, LayoutError> {
        match name {
            "flash" => Ok(Self::Flash),
            "sram" => Ok(Self::Sram),
            _ => Err(LayoutError::Code { actual: name.to_owned() }),
        }
    }
}

/// Why a chip has no layout.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LayoutError {
    /// No such place for code.
    Code {
        /// What was asked for.
        actual: String,
    },
    /// Where its flash appears is not established.
    Flash {
        /// The chip.
        chip: &'static str,
    },
    /// It has no memory for statics.
    Sram {
        /// The chip.
        chip: &'static str,
    },
    /// Its SRAM for data cannot be fetched from in the order in which it is written.
    CodeInSram {
        /// The chip.
        chip: &'static str,
    },
}

impl fmt::Display for LayoutError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code { actual } => {
                write!(f, "`{actual}` is no place for code: `flash` or `sram`")
            }
            Self::Flash { chip } => write!(f, "where flash appears on {chip} is not established"),
            Self::Sram { chip } => write!(f, "{chip} has no SRAM for statics"),
            Self::CodeInSram { chip } => {
                write!(f, "the SRAM of {chip} cannot hold code and data as one: put code in flash")
            }
        }
    }
}

impl std::error::Error for LayoutError {}

/// A region for Esparto.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Its name.
    pub name: String,
    /// Its addresses.
    pub addrs: Range<u32>,
    /// Its capabilities at these addresses.
    pub caps: Caps,
}

/// How code and data share the SRAM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sram {
    /// No code is there.
    Data,
    /// Code is fetched at the addresses that data has; data follows.
    Shared,
    /// Code is fetched at these addresses, which show the same bytes; data leaves them out.
    Split {
        /// The first address of the instruction bus.
        code_addr: u32,
    },
}

/// Where everything is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// The chip, or `virt`.
    pub name: &'static str,
    /// Code, if it is in flash.
    pub code: Range<u32>,
    /// Constants, and the first values of statics; `None`: behind the code.
    pub constants: Option<Range<u32>>,
    /// Statics from below, the boot stack at the top, and between them the first region.
    pub main: Piece,
    /// What else is in the main piece.
    pub sram: Sram,
    /// The other regions.
    pub others: Vec<Piece>,
    /// The stack that `main` starts on.
    pub boot_stack_bytes: u32,
}

impl Layout {
    /// QEMU's `virt`, divided as an ESP32-C3 with PSRAM is: the sizes of SRAM and RTC memory are the
    /// chip's, the addresses the machine's.
    #[must_use]
    pub fn virt() -> Self {
        let internal = Caps::INTERNAL | Caps::BYTE | Caps::WORD | Caps::ATOMIC | Caps::ISR_SAFE;
        let external = Caps::EXTERNAL | Caps::BYTE | Caps::WORD;
        let piece = |name: &str, start_addr: u32, len_bytes, caps| Piece {
            name: name.to_owned(),
            addrs: start_addr..start_addr + len_bytes,
            caps,
        };
        Self {
            name: "virt",
            code: 0x8000_0000..0x8000_0000 + FLASH_BYTES,
            constants: None,
            main: piece("sram", 0x8100_0000, 384 << 10, internal | Caps::DMA),
            sram: Sram::Data,
            others: vec![
                // Neither `ATOMIC` nor `ISR_SAFE` nor `DMA`, as on the chips that have it.
                piece("psram", 0x8300_0000, 4 << 20, external),
                piece("rtc", 0x8200_0000, 8 << 10, internal | Caps::RTC),
            ],
            boot_stack_bytes: BOOT_STACK_BYTES,
        }
    }

    /// The layout of `chip` with its usual module.
    ///
    /// # Errors
    /// The chip's map has no place for a part.
    pub fn of(chip: &'static Chip, code: Code) -> Result<Self, LayoutError> {
        let psram_bytes = chip.psram.map_or(0, |psram| psram.typical_bytes);
        let mut flash = chip.flash_ranges(psram_bytes);
        let first = flash.next().ok_or(LayoutError::Flash { chip: chip.name })?;
        let (code_addrs, constants) = match flash.next() {
            Some(second) => (cut(first, FLASH_BYTES), cut(second, FLASH_BYTES)),
            // Half of the one window each, so that they share no page.
            None => {
                let half = FLASH_BYTES / 2;
                let start = first.start_addr();
                (start..start + half, start + half..start + FLASH_BYTES)
            }
        };
        let mut pieces: Vec<Piece> = Vec::new();
        let mut main: Option<usize> = None;
        for region in chip.data_regions(psram_bytes) {
            let addrs = region.range.start_addr()..region.range.end_addr();
            let longest = main.map_or(0, |index| pieces[index].addrs.len());
            if region.kind == Kind::Sram && addrs.len() > longest {
                main = Some(pieces.len());
            }
            // What a heap hands out by its data address does not execute.
            let caps = region.caps.difference(Caps::EXEC);
            pieces.push(Piece { name: region.name.to_lowercase(), addrs, caps });
        }
        let mut main = pieces.remove(main.ok_or(LayoutError::Sram { chip: chip.name })?);
        main.addrs.end -= main.addrs.end % STACK_ALIGN_BYTES;
        let sram = match code {
            Code::Flash => Sram::Data,
            Code::Sram => code_in_sram(chip, main.addrs.start)?,
        };
        Ok(Self {
            name: chip.name,
            code: code_addrs,
            constants: Some(constants),
            main,
            sram,
            others: pieces,
            boot_stack_bytes: BOOT_STACK_BYTES,
        })
    }
}

fn cut(range: AddrRange, limit_bytes: u32) -> Range<u32> {
    range.start_addr()..range.start_addr() + range.len_bytes().min(limit_bytes)
}

fn code_in_sram(chip: &'static Chip, data_addr: u32) -> Result<Sram, LayoutError> {
    let error = LayoutError::CodeInSram { chip: chip.name };
    let region = chip.region_at(data_addr).filter(|region| region.caps.contains(Caps::EXEC));
    let region = region.ok_or_else(|| error.clone())?;
    match (region.bus, region.alias) {
        (Bus::Both, _) => Ok(Sram::Shared),
        (_, Some(alias)) if alias.order == WordOrder::Same => {
            let code_addr = chip.alias_of(data_addr).ok_or(error)?;
            Ok(Sram::Split { code_addr })
        }
        _ => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use esparto_chips::CHIPS;

    use super::*;

    #[test]
    fn every_part_lies_where_it_can_work() {
        let mut code_in_sram_count = 0;
        for chip in CHIPS.iter().filter(|chip| !chip.flash.is_empty()) {
            let psram_bytes = chip.psram.map_or(0, |psram| psram.typical_bytes);
            for code in [Code::Flash, Code::Sram] {
                let layout = match Layout::of(chip, code) {
                    Ok(layout) => layout,
                    Err(LayoutError::CodeInSram { .. }) if code == Code::Sram => continue,
                    Err(error) => panic!("{error}"),
                };
                let constants = layout.constants.clone().expect("a chip has them in flash");
                let flash: Vec<AddrRange> = chip.flash_ranges(psram_bytes).collect();
                for part in [&layout.code, &constants] {
                    let part = AddrRange::new(part.start, part.end);
                    assert!(flash.iter().any(|window| window.contains_range(part)), "{part}");
                }
                assert!(layout.code.end <= constants.start || constants.end <= layout.code.start);
                assert!(layout.main.caps.contains(Caps::BYTE | Caps::INTERNAL), "{}", chip.name);
                assert!(layout.main.addrs.len() >= 64 << 10, "{}", chip.name);
                if let Sram::Split { code_addr } = layout.sram {
                    let view = chip.region_at(code_addr).expect("it is on the map");
                    assert_eq!(view.bus, Bus::Instruction, "{}", chip.name);
                    assert_eq!(chip.alias_of(code_addr), Some(layout.main.addrs.start));
                }
                code_in_sram_count += u32::from(layout.sram != Sram::Data);
                for piece in layout.others.iter().chain([&layout.main]) {
                    assert!(!piece.caps.contains(Caps::EXEC), "{}: {}", chip.name, piece.name);
                    let region = chip.region_at(piece.addrs.start).expect("it is on the map");
                    assert!(region.range.contains(piece.addrs.end - 1), "{}", chip.name);
                }
            }
        }
        assert!(code_in_sram_count >= 8, "most chips can run code from SRAM: {code_in_sram_count}");
    }

    #[test]
    fn what_cannot_be_laid_out_is_said() {
        let esp8266 = esparto_chips::find("esp8266").expect("it is known");
        assert_eq!(Layout::of(esp8266, Code::Flash), Err(LayoutError::Flash { chip: "esp8266" }));
        let esp32 = esparto_chips::find("esp32").expect("it is known");
        // The largest SRAM for data is not on the instruction bus.
        assert_eq!(Layout::of(esp32, Code::Sram), Err(LayoutError::CodeInSram { chip: "esp32" }));
        assert!("rom".parse::<Code>().is_err_and(|error| error.to_string().contains("`rom`")));
    }
}
