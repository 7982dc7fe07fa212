//! An SD card in SPI mode, high capacity: what a driver sends is answered byte by byte.

use std::collections::VecDeque;
use std::fmt;
use std::io::{self, Read, Seek, SeekFrom, Write};

use crc::{CRC_16_XMODEM, Crc};

const BLOCK_BYTES: usize = 512;
const CHECKSUM: Crc<u16> = Crc::<u16>::new(&CRC_16_XMODEM);

/// What is in a response.
mod status {
    pub(super) const IDLE: u8 = 0x01;
    pub(super) const ILLEGAL: u8 = 0x04;
    pub(super) const PARAMETER: u8 = 0x40;
}

/// What stands before and after data.
mod token {
    pub(super) const START: u8 = 0xFE;
    pub(super) const START_MULTIPLE: u8 = 0xFC;
    pub(super) const STOP: u8 = 0xFD;
    pub(super) const ACCEPTED: u8 = 0x05;
    pub(super) const CHECKSUM_ERROR: u8 = 0x0B;
    pub(super) const WRITE_ERROR: u8 = 0x0D;
    pub(super) const OUT_OF_RANGE: u8 = 0x08;
}

/// What holds the bytes of a card: a file, or bytes in memory.
pub trait Medium: Read + Write + Seek {}

impl<T: Read + Write + Seek> Medium for T {}

/// Why an image is no card.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CardError {
    /// Its length cannot be found.
    #[error("the image cannot be read: {0}")]
    Io(#[from] io::Error),
    /// It is empty, or no multiple of the unit of a card's size.
    #[error("the image has {actual_bytes} bytes; a card has a multiple of 512 KiB")]
    Length {
        /// Its length.
        actual_bytes: u64,
    },
}

/// The unit of a high-capacity card's size.
const SIZE_UNIT_BYTES: u64 = 512 * 1024;

/// What the card is doing beside answering.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Task {
    Nothing,
    /// Sends block after block until it is told to stop.
    Reading {
        next: u32,
    },
    /// Waits for a block, or takes its bytes.
    Writing {
        next: u32,
        is_multiple: bool,
        taken: Option<Vec<u8>>,
    },
}

/// An SD card.
pub(crate) struct Card {
    medium: Box<dyn Medium>,
    block_count: u32,
    command: Vec<u8>,
    answer: VecDeque<u8>,
    task: Task,
    is_idle: bool,
    is_application: bool,
    /// What the medium refused, once.
    pub(crate) error: Option<io::Error>,
}

impl fmt::Debug for Card {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Card").field("block_count", &self.block_count).finish_non_exhaustive()
    }
}

impl Card {
    pub(crate) fn new(mut medium: Box<dyn Medium>) -> Result<Self, CardError> {
        let actual_bytes = medium.seek(SeekFrom::End(0))?;
        let blocks = u32::try_from(actual_bytes / BLOCK_BYTES as u64).ok();
        let block_count = blocks
            .filter(|_| actual_bytes > 0 && actual_bytes.is_multiple_of(SIZE_UNIT_BYTES))
            .ok_or(CardError::Length { actual_bytes })?;
        Ok(Self {
            medium,
            block_count,
            command: Vec::new(),
            answer: VecDeque::new(),
            task: Task::Nothing,
            is_idle: true,
            is_application: false,
            error: None,
        })
    }

    /// One byte each way.
    pub(crate) fn exchange(&mut self, sent: u8) -> u8 {
        if let (Task::Reading { next }, true) = (&self.task, self.answer.is_empty()) {
            let block = *next;
            self.task = Task::Reading { next: block.saturating_add(1) };
            self.send_block(block);
        }
        let byte = self.answer.pop_front().unwrap_or(0xFF);
        if matches!(self.task, Task::Writing { .. }) {
            self.take(sent);
        } else if !self.command.is_empty() || sent & 0xC0 == 0x40 {
            self.command.push(sent);
            if let [index, a, b, c, d, _checksum] = self.command[..] {
                self.command.clear();
                self.execute(index & 0x3F, u32::from_be_bytes([a, b, c, d]));
            }
        }
        byte
    }

    fn status(&self) -> u8 {
        if self.is_idle { status::IDLE } else { 0 }
    }

    /// Answers after one byte of thought.
    fn respond(&mut self, bytes: &[u8]) {
        self.answer.clear();
        self.answer.push_back(0xFF);
        self.answer.extend(bytes);
    }

    fn execute(&mut self, index: u8, argument: u32) {
        let is_application = std::mem::take(&mut self.is_application);
        match (is_application, index) {
            (false, 0) => {
                self.is_idle = true;
                self.task = Task::Nothing;
                self.respond(&[status::IDLE]);
            }
            // Voltage, and the check pattern back.
            (false, 8) => {
                self.respond(&[self.status(), 0, 0, (argument >> 8) as u8 & 15, argument as u8]);
            }
            (false, 9) => self.respond_with_data(self.size_register()),
            (false, 10) => self.respond_with_data(*b"\x00SPESPTO\x10\x00\x00\x00\x01\x01\x80\x01"),
            (false, 12) => {
                self.task = Task::Nothing;
                self.respond(&[0]);
            }
            (false, 13) => self.respond(&[self.status(), 0]),
            (false, 16 | 59) | (true, 23) => self.respond(&[self.status()]),
            (false, 17 | 18 | 24 | 25) if self.is_idle => {
                self.respond(&[status::IDLE | status::ILLEGAL]);
            }
            (false, 17 | 18 | 24 | 25) if argument >= self.block_count => {
                self.respond(&[status::PARAMETER]);
            }
            (false, 17) => {
                self.respond(&[0]);
                self.send_block(argument);
            }
            (false, 18) => {
                self.respond(&[0]);
                self.task = Task::Reading { next: argument };
            }
            (false, 24 | 25) => {
                self.respond(&[0]);
                let is_multiple = index == 25;
                self.task = Task::Writing { next: argument, is_multiple, taken: None };
            }
            (false, 55) => {
                self.is_application = true;
                self.respond(&[self.status()]);
            }
            // It begins to wake up, and says what it was.
            (true, 41) => {
                self.respond(&[self.status()]);
                self.is_idle = false;
            }
            // Powered up, high capacity, all voltages.
            (false, 58) => self.respond(&[self.status(), 0xC0, 0xFF, 0x80, 0]),
            _ => self.respond(&[self.status() | status::ILLEGAL]),
        }
    }

    fn respond_with_data(&mut self, data: [u8; 16]) {
        self.respond(&[self.status(), 0xFF, token::START]);
        self.answer.extend(data);
        self.answer.extend(CHECKSUM.checksum(&data).to_be_bytes());
    }

    /// The card-specific data of a high-capacity card.
    fn size_register(&self) -> [u8; 16] {
        let units = (u64::from(self.block_count) * BLOCK_BYTES as u64 / SIZE_UNIT_BYTES) as u32 - 1;
        let [_, high, middle, low] = units.to_be_bytes();
        let mut register =
            [0x40, 0x0E, 0, 0x32, 0x5B, 0x59, 0, high, middle, low, 0x7F, 0x80, 0x0A, 0x40, 0, 0];
        const SEVEN: Crc<u8> = Crc::<u8>::new(&crc::CRC_7_MMC);
        register[15] = SEVEN.checksum(&register[..15]) << 1 | 1;
        register
    }

    fn send_block(&mut self, block: u32) {
        let mut data = [0; BLOCK_BYTES];
        let place = SeekFrom::Start(u64::from(block) * BLOCK_BYTES as u64);
        let read = if block < self.block_count {
            self.medium.seek(place).and_then(|_| self.medium.read_exact(&mut data))
        } else {
            Err(io::ErrorKind::UnexpectedEof.into())
        };
        self.answer.push_back(0xFF);
        match read {
            Ok(()) => {
                self.answer.push_back(token::START);
                self.answer.extend(data);
                self.answer.extend(CHECKSUM.checksum(&data).to_be_bytes());
            }
            Err(error) => {
                if block < self.block_count {
                    self.error.get_or_insert(error);
                }
                self.answer.push_back(token::OUT_OF_RANGE);
            }
        }
    }

    /// Takes a byte of what is to be written.
    fn take(&mut self, sent: u8) {
        let Task::Writing { next, is_multiple, taken } = &mut self.task else { return };
        let Some(bytes) = taken else {
            match sent {
                token::START if !*is_multiple => *taken = Some(Vec::new()),
                token::START_MULTIPLE if *is_multiple => *taken = Some(Vec::new()),
                token::STOP if *is_multiple => {
                    self.task = Task::Nothing;
                    self.answer.extend([0xFF, 0]);
                }
                _ => {}
            }
            return;
        };
        bytes.push(sent);
        if bytes.len() < BLOCK_BYTES + 2 {
            return;
        }
        let (data, checksum) = bytes.split_at(BLOCK_BYTES);
        let verdict = if CHECKSUM.checksum(data).to_be_bytes() != checksum {
            token::CHECKSUM_ERROR
        } else if *next >= self.block_count {
            token::WRITE_ERROR
        } else {
            let place = SeekFrom::Start(u64::from(*next) * BLOCK_BYTES as u64);
            match self.medium.seek(place).and_then(|_| self.medium.write_all(data)) {
                Ok(()) => token::ACCEPTED,
                Err(error) => {
                    self.error.get_or_insert(error);
                    token::WRITE_ERROR
                }
            }
        };
        // Busy for a byte.
        self.answer.extend([verdict, 0]);
        *next = next.saturating_add(1);
        *taken = None;
        if !*is_multiple {
            self.task = Task::Nothing;
        }
    }
}
