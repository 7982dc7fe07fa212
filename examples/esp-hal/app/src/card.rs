//! The SD card, over SPI.

use embedded_hal_bus::spi::ExclusiveDevice;
use embedded_sdmmc::{
    Error, RawDirectory, SdCard, SdCardError, TimeSource, Timestamp, VolumeIdx, VolumeManager,
};
use esp_hal::Blocking;
use esp_hal::delay::Delay;
use esp_hal::gpio::Output;
use esp_hal::spi::master::Spi;
use esparto_overlay::store::ReadAhead;

/// The bus with the card as its only device.
pub type Device = ExclusiveDevice<Spi<'static, Blocking>, Output<'static>, Delay>;

/// The card, read by many blocks at once.
pub type Disk = ReadAhead<SdCard<Device, Delay>, 8>;

/// Its file systems.
pub type Volumes = VolumeManager<Disk, NoClock, 2, 2, 1>;

/// What can be wrong with it.
pub type CardError = Error<SdCardError>;

/// Nothing is written, so no file asks for the time.
#[derive(Clone, Copy, Debug)]
pub struct NoClock;

impl TimeSource for NoClock {
    fn get_timestamp(&self) -> Timestamp {
        Timestamp::from_fat(0, 0)
    }
}

/// The card behind `spi` and `select`, which is high while nobody talks to it.
#[must_use]
pub fn device(spi: Spi<'static, Blocking>, select: Output<'static>) -> Device {
    match ExclusiveDevice::new(spi, select, Delay::new()) {
        Ok(device) => device,
        Err(never) => match never {},
    }
}

/// The file systems of the card behind `spi`, and the top folder of the first one.
///
/// # Errors
/// There is no card, or no FAT on it.
pub fn open(device: Device) -> Result<(Volumes, RawDirectory), CardError> {
    let card = SdCard::new(device, Delay::new());
    let volumes = Volumes::new_with_limits(ReadAhead::new(card), NoClock, 0);
    let volume = volumes.open_raw_volume(VolumeIdx(0))?;
    let folder = volumes.open_root_dir(volume)?;
    Ok((volumes, folder))
}
