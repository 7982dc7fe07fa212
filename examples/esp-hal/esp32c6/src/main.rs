//! The application for the ESP32-C6: a card on SPI2 (clock GPIO6, out GPIO7, in GPIO2, select GPIO18).
#![no_std]
#![no_main]

use core::mem::MaybeUninit;

use app::loader::All;
use app::memory::{RECLAIMED_BYTES, SRAM_BYTES};
use app::{card, loader, memory, work};
use embassy_executor::Spawner;
use esp_backtrace as _;
use esp_hal::gpio::{Level, Output, OutputConfig};
use esp_hal::spi::master::{Config, Spi};
use esp_hal::time::Rate;
use esp_hal::timer::timg::TimerGroup;
use esparto_overlay::Direct;
use static_cell::StaticCell;

esp_bootloader_esp_idf::esp_app_desc!();

static SRAM: StaticCell<[MaybeUninit<u8>; SRAM_BYTES]> = StaticCell::new();
#[esp_hal::ram(reclaimed)]
static mut RECLAIMED: MaybeUninit<[u8; RECLAIMED_BYTES]> = MaybeUninit::uninit();
static OVERLAYS: StaticCell<All<Direct>> = StaticCell::new();

#[esp_rtos::main]
async fn main(spawner: Spawner) {
    let chip = esp_hal::init(esp_hal::Config::default());
    // SAFETY: the bootloader is over, and nobody else names this memory.
    let reclaimed =
        unsafe { (*(&raw mut RECLAIMED).cast::<[MaybeUninit<u8>; RECLAIMED_BYTES]>()).as_mut() };
    let sram = SRAM.init([MaybeUninit::uninit(); SRAM_BYTES]).as_mut();
    let map = esparto_chips::find("esp32c6").expect("it is known");
    memory::add(map, [("sram", sram), ("reclaimed", reclaimed)]).expect("the map is right");

    esp_rtos::start(TimerGroup::new(chip.TIMG0).timer0, chip.FROM_CPU_INTR0);

    let config = Config::default().with_frequency(Rate::from_khz(400));
    let spi = Spi::new(chip.SPI2, config).expect("the clock can do that");
    let spi = spi.with_sck(chip.GPIO6).with_mosi(chip.GPIO7).with_miso(chip.GPIO2);
    let select = Output::new(chip.GPIO18, Level::High, OutputConfig::default());
    loader::start(&OVERLAYS, Direct, card::device(spi, select));
    work::start(spawner);
}
