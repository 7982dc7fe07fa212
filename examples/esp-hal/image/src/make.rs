//! The image, by espflash.

use anyhow::{Context, Result};
use espflash::flasher::{FlashData, FlashSettings};
use espflash::image_format::idf::IdfBootloaderFormat;
use espflash::target::{Chip, XtalFrequency};

/// What goes into the flash.
pub(crate) struct Made {
    /// The application's image.
    pub(crate) application: Vec<u8>,
    /// Where it goes.
    pub(crate) application_addr: u32,
    /// One past the last byte of all parts.
    pub(crate) end_addr: u32,
}

/// The image of `elf` for the chip of that name, behind espflash's own bootloader and its default
/// partition table.
pub(crate) fn application(chip: &str, elf: &[u8]) -> Result<Made> {
    let chip: Chip = chip.parse().map_err(|_| anyhow::anyhow!("espflash does not know {chip}"))?;
    let data = FlashData::new(FlashSettings::default(), 0, None, chip, XtalFrequency::_40Mhz);
    let format = || IdfBootloaderFormat::new(elf, &data, None, None, None, None);
    let application = format()?.ota_segments().next().context("the image has no application")?;
    let ends = format()?.flash_segments().map(|part| part.addr + part.size());
    let end_addr = ends.max().context("the image is empty")?;
    Ok(Made {
        application: application.data().to_vec(),
        application_addr: application.addr,
        end_addr,
    })
}
