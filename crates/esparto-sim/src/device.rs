//! The devices of the board. Their registers are the same for every chip.

mod card;
mod clint;
mod control;
mod spi;
mod uart;

use crate::bus::Stored;

pub(crate) use card::Card;
pub use card::{CardError, Medium};
pub(crate) use clint::Clint;
use control::Control;
pub(crate) use control::Finish;
use spi::Spi;
use uart::Uart;

const CONTROL_ADDR: u32 = 0x0010_0000;
const CLINT_ADDR: u32 = 0x0200_0000;
const UART_ADDR: u32 = 0x1000_0000;
const SPI_ADDR: u32 = 0x1005_0000;

/// Every page that belongs to a device. The timer's take more than one.
pub(crate) const PAGES: [u32; 6] =
    [CONTROL_ADDR, CLINT_ADDR, CLINT_ADDR + 0x4000, CLINT_ADDR + 0xB000, UART_ADDR, SPI_ADDR];

/// All devices.
#[derive(Debug, Default)]
pub(crate) struct Devices {
    pub(crate) clint: Clint,
    pub(crate) uart: Uart,
    pub(crate) spi: Spi,
    control: Control,
}

impl Devices {
    /// How the program ended itself.
    pub(crate) fn finished(&self) -> Option<Finish> {
        self.control.finished()
    }

    /// What was asked of the cache, once.
    pub(crate) fn take_cache_request(&mut self) -> Option<bool> {
        self.control.take_cache_request()
    }

    /// A load of an address that is no memory; `None` if it is no register either.
    pub(crate) fn load(&mut self, addr: u32, size_bytes: u32, now: u64) -> Option<u32> {
        match addr & 0xFFFF_0000 {
            CONTROL_ADDR => (size_bytes == 4).then_some(0),
            CLINT_ADDR => self.clint.load(addr - CLINT_ADDR, size_bytes, now),
            UART_ADDR => self.uart.load(addr - UART_ADDR),
            SPI_ADDR => self.spi.load(addr - SPI_ADDR, size_bytes),
            _ => None,
        }
    }

    /// A store to an address that is no memory; `None` if it is no register either.
    pub(crate) fn store(
        &mut self,
        addr: u32,
        value: u32,
        size_bytes: u32,
        now: u64,
    ) -> Option<Stored> {
        match addr & 0xFFFF_0000 {
            CONTROL_ADDR => self.control.store(addr - CONTROL_ADDR, value),
            CLINT_ADDR => self.clint.store(addr - CLINT_ADDR, value, size_bytes, now),
            UART_ADDR => self.uart.store(addr - UART_ADDR, value),
            SPI_ADDR => self.spi.store(addr - SPI_ADDR, value, size_bytes),
            _ => None,
        }
    }
}
