//! SiFive's SPI controller, polled.

use core::fmt;

use embedded_hal::delay::DelayNs;
use embedded_hal::spi::{ErrorKind, ErrorType, Operation, SpiDevice};

/// Where the simulator's board and QEMU's `sifive_u` have it.
const BASE_ADDR: usize = 0x1005_0000;

const CLOCK_DIVISOR: usize = 0x00;
const CHIP_SELECT_MODE: usize = 0x18;
const FORMAT: usize = 0x40;
const TRANSMIT: usize = 0x48;
const RECEIVE: usize = 0x4C;

/// The chip is selected until another mode is set.
const HOLD: u32 = 2;
const RELEASE: u32 = 0;
/// Eight bits a frame, both ways, on one line each.
const BYTES: u32 = 0x0008_0000;
/// Slow enough for a card that was just powered up.
const SLOW: u32 = 0x7D;
/// Nothing was received yet; or there is no room to transmit.
const NOT_READY: u32 = 1 << 31;

/// Bytes that are under way at most.
const DEPTH: usize = 8;

/// Looks at a register before the controller is given up.
const POLLS: u32 = 100_000;

/// What is sent while only receiving matters.
const IDLE: u8 = 0xFF;

/// A command is so many bytes.
const COMMAND_BYTES: usize = 6;
/// The first byte of the command that asks for the operating conditions.
const ASKS_CONDITIONS: u8 = 0x40 | 58;
/// In a card's answer: no answer yet; and, in the lowest bit, that it is not awake yet.
const NO_ANSWER: u8 = 0x80;
const IS_IDLE: u8 = 1;
/// What stands before data that is written.
const DATA_TOKENS: [u8; 2] = [0xFE, 0xFC];

/// Bytes without a chip selected that a card wants before anything else: 80 clocks.
const WAKE_UP_BYTES: usize = 10;

/// The controller, with one chip on it.
///
/// What drives the card and QEMU's card do not agree in two things, and this stands between them: that
/// card answers to the question for its operating conditions as if it were idle, and wants a byte
/// between its answer and data that is written, as the specification does.
#[derive(Debug)]
pub struct Sifive {
    /// The next answer is that to the question for the operating conditions.
    asked_conditions: bool,
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SpiError {
    /// The controller did not get a byte across.
    Silent,
}

impl fmt::Display for SpiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the SPI controller does not move a byte in {POLLS} looks: is it this board's?")
    }
}

impl core::error::Error for SpiError {}

impl embedded_hal::spi::Error for SpiError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Other
    }
}

impl Sifive {
    /// Sets the controller up and gives a card its first clocks.
    ///
    /// One at a time has it: two would mix their bytes.
    #[must_use]
    pub fn start() -> Self {
        let mut spi = Self { asked_conditions: false };
        spi.store(CLOCK_DIVISOR, SLOW);
        spi.store(FORMAT, BYTES);
        spi.store(CHIP_SELECT_MODE, RELEASE);
        for _ in 0..WAKE_UP_BYTES {
            // A controller that does not move bytes is told of by the first transaction.
            let _ = spi.exchange(IDLE);
        }
        spi
    }

    fn register(offset: usize) -> *mut u32 {
        core::ptr::without_provenance_mut(BASE_ADDR + offset)
    }

    fn store(&mut self, offset: usize, value: u32) {
        // SAFETY: the board has this register at this address; it moves bytes on the bus and
        // touches no memory.
        unsafe { Self::register(offset).write_volatile(value) };
    }

    fn load(&mut self, offset: usize) -> u32 {
        // SAFETY: as in `store`.
        unsafe { Self::register(offset).read_volatile() }
    }

    /// Waits until a register has what it is read for. At most [`POLLS`] looks.
    fn wait(&mut self, offset: usize) -> Result<u32, SpiError> {
        for _ in 0..POLLS {
            let value = self.load(offset);
            if value & NOT_READY == 0 {
                return Ok(value);
            }
        }
        Err(SpiError::Silent)
    }

    fn exchange(&mut self, sent: u8) -> Result<u8, SpiError> {
        self.wait(TRANSMIT)?;
        self.store(TRANSMIT, u32::from(sent));
        Ok(self.wait(RECEIVE)? as u8)
    }

    /// Sends as many bytes as there is room for, then fetches what came back: nothing is under way
    /// before, so the room is all of it.
    fn exchange_in_place(&mut self, bytes: &mut [u8]) -> Result<(), SpiError> {
        for piece in bytes.chunks_mut(DEPTH) {
            self.wait(TRANSMIT)?;
            for &byte in piece.iter() {
                self.store(TRANSMIT, u32::from(byte));
            }
            for byte in piece {
                *byte = self.wait(RECEIVE)? as u8;
            }
        }
        Ok(())
    }

    /// The answer to the question for the operating conditions, without the claim to be idle.
    fn mend(&mut self, received: u8) -> u8 {
        if !self.asked_conditions || received & NO_ANSWER != 0 {
            return received;
        }
        self.asked_conditions = false;
        received & !IS_IDLE
    }

    fn operate(&mut self, operation: &mut Operation<'_, u8>) -> Result<(), SpiError> {
        match operation {
            Operation::Read(to) => {
                to.fill(IDLE);
                self.exchange_in_place(to)
            }
            Operation::Write(from) => {
                self.asked_conditions =
                    from.len() == COMMAND_BYTES && from.first() == Some(&ASKS_CONDITIONS);
                from.iter().try_for_each(|&byte| self.exchange(byte).map(drop))
            }
            Operation::Transfer(to, from) => {
                if let [token] = from
                    && DATA_TOKENS.contains(token)
                {
                    self.exchange(IDLE)?;
                }
                (0..to.len().max(from.len())).try_for_each(|index| {
                    let received = self.exchange(from.get(index).copied().unwrap_or(IDLE))?;
                    let received = self.mend(received);
                    if let Some(byte) = to.get_mut(index) {
                        *byte = received;
                    }
                    Ok(())
                })
            }
            Operation::TransferInPlace(bytes) => self.exchange_in_place(bytes),
            Operation::DelayNs(ns) => {
                Polls.delay_ns(*ns);
                Ok(())
            }
        }
    }
}

impl ErrorType for Sifive {
    type Error = SpiError;
}

impl SpiDevice for Sifive {
    fn transaction(&mut self, operations: &mut [Operation<'_, u8>]) -> Result<(), SpiError> {
        self.store(CHIP_SELECT_MODE, HOLD);
        let done = operations.iter_mut().try_for_each(|operation| self.operate(operation));
        self.store(CHIP_SELECT_MODE, RELEASE);
        done
    }
}

/// A delay that is no delay: who waits here polls, and is bounded by how often it does.
#[derive(Clone, Copy, Debug)]
pub struct Polls;

impl DelayNs for Polls {
    fn delay_ns(&mut self, _: u32) {}
}
