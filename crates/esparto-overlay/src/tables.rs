//! The packer's tables in the firmware: which overlays and slots there are.

use esparto_image::firmware::{OverlayEntry, SlotEntry};

/// What the firmware is, as its overlays must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity<'a> {
    /// The SHA-256 that the packer stamped, as the words of an image.
    pub build_id: &'a [u32; 8],
    /// The chip, padded with zeros, as the words of an image.
    pub chip: &'a [u32; 5],
    /// The code of the instruction set.
    pub isa: u8,
    /// The code of the calling convention.
    pub abi: u8,
}

/// The overlays and slots of a firmware. `Resident`, on the device, reads what the packer left.
pub trait Tables {
    /// What the firmware is.
    fn identity(&self) -> Identity<'_>;

    /// How many overlays there are.
    fn overlay_count(&self) -> usize;

    /// An overlay; `index` is below the count.
    fn overlay(&self, index: usize) -> &OverlayEntry;

    /// The name of an overlay; `index` is below the count.
    fn name(&self, index: usize) -> &str;

    /// How many slots there are.
    fn slot_count(&self) -> usize;

    /// A slot; `index` is below the count.
    fn slot(&self, index: usize) -> SlotEntry;

    /// Tells stubs and debugger that an overlay is mapped, so many bytes above the address it was
    /// linked at, or that it is not.
    fn set_mapped(&self, index: usize, moved: Option<u32>);

    /// The number of the overlay with this name. Linear.
    fn find(&self, name: &str) -> Option<usize> {
        (0..self.overlay_count()).find(|&index| self.name(index) == name)
    }
}

#[cfg(target_pointer_width = "32")]
pub use resident::Resident;

#[cfg(target_pointer_width = "32")]
mod resident {
    use core::ptr::{with_exposed_provenance, with_exposed_provenance_mut};

    use esparto_image::firmware::{
        FIRMWARE_MAGIC, FIRMWARE_VERSION, Firmware, OverlayEntry, SlotEntry,
    };

    use super::{Identity, Tables};
    use crate::LoadError;

    unsafe extern "C" {
        static __esparto_firmware: Firmware;
    }

    /// Words of gdb's entry of an overlay, of which the last says whether it is mapped.
    const GDB_WORDS: usize = 4;

    /// The tables that the packer linked into this firmware.
    #[derive(Clone, Copy, Debug)]
    pub struct Resident {
        firmware: &'static Firmware,
        overlays: &'static [OverlayEntry],
        slots: &'static [SlotEntry],
    }

    impl Resident {
        /// Finds the tables. A firmware that was not linked by the packer does not link with this.
        ///
        /// # Errors
        /// [`LoadError::BadTables`] when the packer was of another release.
        pub fn new() -> Result<Self, LoadError> {
            // SAFETY: the packer defines the symbol, constant, and stamps it before it is flashed.
            let firmware = unsafe { &__esparto_firmware };
            if firmware.magic != FIRMWARE_MAGIC || firmware.version != FIRMWARE_VERSION {
                return Err(LoadError::BadTables {
                    actual: firmware.version.into(),
                    expected: FIRMWARE_VERSION.into(),
                });
            }
            // SAFETY: the packer's tables have as many entries as it says, and are constant.
            let overlays = unsafe {
                core::slice::from_raw_parts(
                    with_exposed_provenance(firmware.overlays_addr as usize),
                    firmware.overlay_count.into(),
                )
            };
            // SAFETY: as above.
            let slots = unsafe {
                core::slice::from_raw_parts(
                    with_exposed_provenance(firmware.slots_addr as usize),
                    firmware.slot_count.into(),
                )
            };
            Ok(Self { firmware, overlays, slots })
        }

        /// An overlay; `index` is below the count.
        #[inline]
        fn entry(&self, index: usize) -> &'static OverlayEntry {
            static NOTHING: OverlayEntry = OverlayEntry {
                name_addr: 4,
                name_bytes: 0,
                slot: 0,
                code_addr: 0,
                code_bytes: 0,
                data_addr: 0,
                data_bytes: 0,
                base_addr: 0,
                reserved: 0,
            };
            self.overlays.get(index).unwrap_or(&NOTHING)
        }
    }

    impl Tables for Resident {
        fn identity(&self) -> Identity<'_> {
            // The compiler knows the constant; the one that counts was stamped after linking.
            let firmware = core::hint::black_box(self.firmware);
            Identity {
                build_id: &firmware.build_id,
                chip: &firmware.chip,
                isa: firmware.isa,
                abi: firmware.abi,
            }
        }

        fn overlay_count(&self) -> usize {
            self.overlays.len()
        }

        fn overlay(&self, index: usize) -> &OverlayEntry {
            self.entry(index)
        }

        fn name(&self, index: usize) -> &str {
            let entry = self.entry(index);
            // SAFETY: the packer's name is there, constant.
            let bytes = unsafe {
                core::slice::from_raw_parts(
                    with_exposed_provenance(entry.name_addr as usize),
                    entry.name_bytes.into(),
                )
            };
            // SAFETY: the packer takes names of ASCII letters, digits, `_` and `-` only.
            unsafe { core::str::from_utf8_unchecked(bytes) }
        }

        fn slot_count(&self) -> usize {
            self.slots.len()
        }

        fn slot(&self, index: usize) -> SlotEntry {
            let nowhere = SlotEntry { start_addr: 0, len_bytes: 0 };
            self.slots.get(index).copied().unwrap_or(nowhere)
        }

        fn set_mapped(&self, index: usize, moved: Option<u32>) {
            let entry = self.entry(index);
            let store = |addr: u32, word: u32| {
                let place = with_exposed_provenance_mut::<u32>(addr as usize);
                // SAFETY: a word of the packer's tables in RAM, which only this writes.
                unsafe { place.write_volatile(word) };
            };
            if self.firmware.gdb_table_addr != 0 {
                let at = (index * GDB_WORDS + GDB_WORDS - 1) * 4;
                store(self.firmware.gdb_table_addr + at as u32, u32::from(moved.is_some()));
                crate::gdb::_ovly_debug_event();
            }
            if entry.base_addr != 0 {
                store(entry.base_addr, moved.map_or(0, |distance| distance.wrapping_add(1)));
            }
            let mapped = self.firmware.mapped_addr as usize + index;
            let mapped = with_exposed_provenance_mut::<u8>(mapped);
            // SAFETY: the overlay's byte among the packer's, which only this writes.
            unsafe { mapped.write_volatile(u8::from(moved.is_some())) };
        }
    }
}
