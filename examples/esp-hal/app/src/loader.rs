//! Overlays from the card.

use esp_hal::interrupt::RunLevel;
use esp_hal::time::Instant;
use esp_println::println;
use esparto_overlay::store::FatStore;
use esparto_overlay::{LoadError, Overlays, Platform, Resident, Store, StoreError, Writer};
use static_cell::StaticCell;

use embedded_sdmmc::{RawDirectory, RawFile};

use crate::card::{self, Device, Disk, NoClock, Volumes};

/// Slots and overlays that there is room for.
const SLOTS: usize = 1;
const OVERLAYS: usize = 4;

/// What a call that is refused answers.
pub const REFUSED: u32 = u32::MAX;

/// Words of the buffer that files are read through: eight sectors.
const BOUNCE_WORDS: usize = 1024;

/// The overlays of this firmware, in a chip's own way of writing code.
pub type All<W> = Overlays<Files, W, Machine, Resident, SLOTS, OVERLAYS>;

/// The files of a folder of the card.
pub struct Files(FatStore<'static, Disk, NoClock, 2, 2, 1>);

// SAFETY: there is one core, and only the loader, in its turn, uses the card.
unsafe impl Send for Files {}

impl Store for Files {
    type File = RawFile;

    fn open(&mut self, name: &str) -> Result<RawFile, StoreError> {
        self.0.open(name)
    }

    fn len_bytes(&mut self, file: &RawFile) -> Result<u32, StoreError> {
        self.0.len_bytes(file)
    }

    fn read_at(
        &mut self,
        file: &mut RawFile,
        offset: u32,
        buffer: &mut [u8],
    ) -> Result<usize, StoreError> {
        self.0.read_at(file, offset, buffer)
    }

    fn close(&mut self, file: RawFile) {
        self.0.close(file);
    }
}

unsafe extern "C" {
    /// Of esp-hal's linker script: where the stack of `main`, and of all async tasks, begins.
    static _stack_start: u8;
}

/// The chip, as the loader wants to know it.
#[derive(Debug)]
pub struct Machine;

impl Platform for Machine {
    fn in_interrupt(&self) -> bool {
        !RunLevel::current().is_thread()
    }

    fn ticks(&self) -> u32 {
        Instant::now().duration_since_epoch().as_micros() as u32
    }

    fn stack_end_addr(&self) -> usize {
        (&raw const _stack_start).addr()
    }

    fn refused(&self, overlay: usize, error: &LoadError) -> u32 {
        println!("refused overlay {overlay}: {error}");
        REFUSED
    }

    fn lost(&self, overlay: usize, error: &LoadError) -> ! {
        panic!("lost overlay {overlay}: {error}")
    }
}

/// Makes the overlays of the card behind `device` callable: from here on, their functions just work.
/// Tells how that went; without a card, or with one that is not for this firmware, they are refused.
pub fn start<W: Writer + Send + 'static>(
    place: &'static StaticCell<All<W>>,
    writer: W,
    device: Device,
) {
    match card::open(device) {
        Ok(card) => match install(place, writer, card) {
            Ok(overlays) => println!("overlays: {:?}", overlays.stats()),
            Err(error) => println!("overlays: {error}"),
        },
        Err(error) => println!("card: {error:?}"),
    }
}

/// Gives the loader the files of `folder`.
fn install<W: Writer + Send + 'static>(
    place: &'static StaticCell<All<W>>,
    writer: W,
    (volumes, folder): (Volumes, RawDirectory),
) -> Result<&'static All<W>, LoadError> {
    static VOLUMES: StaticCell<Volumes> = StaticCell::new();
    static BOUNCE: StaticCell<[u32; BOUNCE_WORDS]> = StaticCell::new();
    let store = Files(FatStore::new(VOLUMES.init(volumes), folder));
    let bounce = BOUNCE.init([0; BOUNCE_WORDS]);
    let all = place.init(Overlays::new(store, writer, Machine, Resident::new()?, bounce)?);
    all.install()?;
    Ok(all)
}
