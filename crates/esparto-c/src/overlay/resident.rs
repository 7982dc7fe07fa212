//! The overlays that the packer made of this firmware.

use esparto_overlay::{LoadError, Overlays, Resident};

use super::ways::{CodeWriter, FileStore, Firmware};
use super::{ESPARTO_OVERLAY_LIMIT, ESPARTO_SLOT_LIMIT};

pub(super) type System =
    Overlays<FileStore, CodeWriter, Firmware, Resident, ESPARTO_SLOT_LIMIT, ESPARTO_OVERLAY_LIMIT>;

pub(super) fn make(
    store: FileStore,
    writer: CodeWriter,
    platform: Firmware,
    bounce: &'static mut [u32],
) -> Result<System, LoadError> {
    Overlays::new(store, writer, platform, Resident::new()?, bounce)
}

/// Lets the firmware's stubs load, where there is a way from a stub to the loader.
#[cfg_attr(
    not(any(target_arch = "riscv32", target_arch = "xtensa")),
    expect(clippy::unnecessary_wraps, reason = "there it may fail")
)]
pub(super) fn install(overlays: &'static System) -> Result<(), LoadError> {
    #[cfg(any(target_arch = "riscv32", target_arch = "xtensa"))]
    overlays.install()?;
    let _ = overlays;
    Ok(())
}
