//! The devices of the board. Their registers are the same for every chip: those of QEMU's `virt`.

mod card;
mod clint;
mod control;
mod plic;
mod serial;
mod spi;
mod uart;

use crate::bus::Stored;
use crate::csr::EXTERNAL;

pub(crate) use card::Card;
pub use card::{CardError, Medium};
pub(crate) use clint::Clint;
use control::Control;
pub(crate) use control::Finish;
use plic::Plic;
use serial::Serial;
use spi::Spi;
use uart::Uart;

const CONTROL_ADDR: u32 = 0x0010_0000;
const CLINT_ADDR: u32 = 0x0200_0000;
const UART_ADDR: u32 = 0x1000_0000;
const SERIAL_ADDR: u32 = 0x1001_0000;
const SPI_ADDR: u32 = 0x1005_0000;

const PLIC_ADDR: u32 = 0x0C00_0000;
/// Where the controller's part for the hart is.
const PLIC_HART_ADDR: u32 = PLIC_ADDR + 0x20_0000;

/// Numbers of the interrupts, as the controller knows them.
const SPI_SOURCE: u32 = 6;
const UART_SOURCE: u32 = 10;

/// Every page that belongs to a device. Some take more than one.
pub(crate) const PAGES: [u32; 11] = [
    CONTROL_ADDR,
    CLINT_ADDR,
    CLINT_ADDR + 0x4000,
    CLINT_ADDR + 0xB000,
    PLIC_ADDR,
    PLIC_ADDR + 0x1000,
    PLIC_ADDR + 0x2000,
    PLIC_HART_ADDR,
    UART_ADDR,
    SERIAL_ADDR,
    SPI_ADDR,
];

/// Whose devices they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Set {
    /// Those of QEMU's `virt`, and a card's controller.
    Virt,
    /// Of QEMU's `sifive_u`: the timer, the serial line and the card's controller.
    SifiveU,
}

impl Set {
    /// Instructions for one tick of the timer, of which one is a nanosecond: 10 MHz, or 1 MHz.
    fn tick(self) -> u64 {
        match self {
            Self::Virt => 100,
            Self::SifiveU => 1000,
        }
    }

    /// Is there something of this set at an address of that device?
    fn has(self, device_addr: u32) -> bool {
        match device_addr {
            CLINT_ADDR | SPI_ADDR => true,
            SERIAL_ADDR => self == Self::SifiveU,
            _ => self == Self::Virt,
        }
    }
}

/// All devices.
#[derive(Debug)]
pub(crate) struct Devices {
    set: Set,
    pub(crate) clint: Clint,
    pub(crate) uart: Uart,
    pub(crate) spi: Spi,
    serial: Serial,
    control: Control,
    plic: Plic,
}

impl Devices {
    /// As after power-on.
    pub(crate) fn new(set: Set) -> Self {
        Self {
            set,
            clint: Clint::new(set.tick()),
            uart: Uart::default(),
            spi: Spi::default(),
            serial: Serial::default(),
            control: Control::default(),
            plic: Plic::default(),
        }
    }

    /// How the program ended itself.
    pub(crate) fn finished(&self) -> Option<Finish> {
        self.control.finished()
    }

    /// What was asked of the cache, once.
    pub(crate) fn take_cache_request(&mut self) -> Option<bool> {
        self.control.take_cache_request()
    }

    /// Interrupts that wait, as bits of `mip`.
    pub(crate) fn pending(&self) -> u32 {
        self.clint.pending() | (u32::from(self.plic.is_pending()) * EXTERNAL)
    }

    /// Tells the controller what the devices want.
    fn set_lines(&mut self) {
        self.plic.set_line(UART_SOURCE, self.uart.wants());
        self.plic.set_line(SPI_SOURCE, self.spi.wants());
    }

    /// A load of an address that is no memory; `None` if it is no register either.
    pub(crate) fn load(&mut self, addr: u32, size_bytes: u32, now: u64) -> Option<u32> {
        let device_addr = addr & 0xFFFF_0000;
        let loaded = match device_addr {
            _ if !self.set.has(device_addr) => None,
            SERIAL_ADDR => self.serial.load(addr - SERIAL_ADDR, size_bytes),
            CONTROL_ADDR => (size_bytes == 4).then_some(0),
            PLIC_ADDR | PLIC_HART_ADDR => self.plic.load(addr - PLIC_ADDR, size_bytes),
            CLINT_ADDR => self.clint.load(addr - CLINT_ADDR, size_bytes, now),
            UART_ADDR => self.uart.load(addr - UART_ADDR),
            SPI_ADDR => self.spi.load(addr - SPI_ADDR, size_bytes),
            _ => None,
        };
        self.set_lines();
        loaded
    }

    /// A store to an address that is no memory; `None` if it is no register either.
    pub(crate) fn store(
        &mut self,
        addr: u32,
        value: u32,
        size_bytes: u32,
        now: u64,
    ) -> Option<Stored> {
        let device_addr = addr & 0xFFFF_0000;
        let stored = match device_addr {
            _ if !self.set.has(device_addr) => None,
            SERIAL_ADDR => {
                self.serial.store(addr - SERIAL_ADDR, value, size_bytes, &mut self.uart.sent)
            }
            PLIC_ADDR | PLIC_HART_ADDR => self.plic.store(addr - PLIC_ADDR, value, size_bytes),
            CONTROL_ADDR => self.control.store(addr - CONTROL_ADDR, value),
            CLINT_ADDR => self.clint.store(addr - CLINT_ADDR, value, size_bytes, now),
            UART_ADDR => self.uart.store(addr - UART_ADDR, value),
            SPI_ADDR => self.spi.store(addr - SPI_ADDR, value, size_bytes),
            _ => None,
        }?;
        self.set_lines();
        // What is due is due now.
        Some(if self.plic.is_pending() { Stored::Stop } else { stored })
    }
}
