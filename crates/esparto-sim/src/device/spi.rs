//! The SPI controller that the card sits on: the registers of SiFive's, as far as a driver that
//! polls needs them.

use std::collections::VecDeque;

use super::card::Card;
use crate::bus::Stored;

const CHIP_SELECT_MODE: u32 = 0x18;
const TRANSMIT: u32 = 0x48;
const RECEIVE: u32 = 0x4C;
const TRANSMIT_MARK: u32 = 0x50;
const RECEIVE_MARK: u32 = 0x54;
const INTERRUPT_ENABLE: u32 = 0x70;
const INTERRUPT_PENDING: u32 = 0x74;
const LAST: u32 = 0x7C;

/// Interrupts: fewer bytes to send than the mark, more received than the mark.
const TRANSMIT_LOW: u32 = 1;
const RECEIVE_HIGH: u32 = 2;

/// The mode that keeps the card selected; in any other it is not.
const HOLD: u32 = 2;
/// Bytes that wait to be fetched; more are lost, as on the real one.
const DEPTH: usize = 8;
const EMPTY: u32 = 1 << 31;

/// A controller that is always ready.
#[derive(Debug, Default)]
pub(crate) struct Spi {
    pub(crate) card: Option<Card>,
    received: VecDeque<u8>,
    registers: [u32; LAST as usize / 4 + 1],
}

impl Spi {
    /// Does it want to interrupt?
    pub(crate) fn wants(&self) -> bool {
        self.pending() & self.registers[INTERRUPT_ENABLE as usize / 4] != 0
    }

    fn pending(&self) -> u32 {
        // What is sent is gone at once.
        let is_low = self.registers[TRANSMIT_MARK as usize / 4] > 0;
        let mark = self.registers[RECEIVE_MARK as usize / 4] as usize;
        let is_high = self.received.len() > mark;
        (u32::from(is_low) * TRANSMIT_LOW) | (u32::from(is_high) * RECEIVE_HIGH)
    }

    pub(crate) fn load(&mut self, offset: u32, size_bytes: u32) -> Option<u32> {
        if size_bytes != 4 || offset > LAST {
            return None;
        }
        Some(match offset {
            TRANSMIT => 0,
            INTERRUPT_PENDING => self.pending(),
            RECEIVE => self.received.pop_front().map_or(EMPTY, u32::from),
            _ => self.registers[offset as usize / 4],
        })
    }

    pub(crate) fn store(&mut self, offset: u32, value: u32, size_bytes: u32) -> Option<Stored> {
        if size_bytes != 4 || offset > LAST {
            return None;
        }
        self.registers[offset as usize / 4] = value;
        let is_selected = self.registers[CHIP_SELECT_MODE as usize / 4] == HOLD;
        if offset == TRANSMIT {
            let byte = match &mut self.card {
                Some(card) if is_selected => card.exchange(value as u8),
                _ => 0xFF,
            };
            if self.received.len() < DEPTH {
                self.received.push_back(byte);
            }
        }
        Some(Stored::Done)
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::{Read, Seek, SeekFrom, Write};

    use embedded_hal::delay::DelayNs;
    use embedded_hal::spi::{ErrorType, Operation, SpiDevice};
    use embedded_sdmmc::{Mode, SdCard, TimeSource, Timestamp, VolumeIdx, VolumeManager};

    use super::*;

    const CARD_BYTES: u64 = 16 << 20;
    const PARTITION_BLOCK: u32 = 2048;
    const BLOCK_BYTES: u64 = 512;

    /// A driver that polls, as firmware has it.
    struct Driver(Spi);

    impl Driver {
        fn exchange(&mut self, byte: u8) -> u8 {
            self.0.store(TRANSMIT, u32::from(byte), 4).expect("the register is there");
            let received = self.0.load(RECEIVE, 4).expect("the register is there");
            assert_eq!(received & EMPTY, 0, "a byte came back");
            received as u8
        }
    }

    impl ErrorType for Driver {
        type Error = std::convert::Infallible;
    }

    impl SpiDevice for Driver {
        fn transaction(&mut self, operations: &mut [Operation<'_, u8>]) -> Result<(), Self::Error> {
            self.0.store(CHIP_SELECT_MODE, HOLD, 4);
            for operation in operations {
                match operation {
                    Operation::Read(bytes) => {
                        bytes.iter_mut().for_each(|byte| *byte = self.exchange(0xFF));
                    }
                    Operation::Write(bytes) => bytes.iter().for_each(|byte| {
                        self.exchange(*byte);
                    }),
                    Operation::Transfer(to, from) => {
                        for (k, byte) in to.iter_mut().enumerate() {
                            *byte = self.exchange(from.get(k).copied().unwrap_or(0xFF));
                        }
                    }
                    Operation::TransferInPlace(bytes) => {
                        bytes.iter_mut().for_each(|byte| *byte = self.exchange(*byte));
                    }
                    Operation::DelayNs(_) => {}
                }
            }
            self.0.store(CHIP_SELECT_MODE, 0, 4);
            Ok(())
        }
    }

    struct NoDelay;

    impl DelayNs for NoDelay {
        fn delay_ns(&mut self, _: u32) {}
    }

    struct NoTime;

    impl TimeSource for NoTime {
        fn get_timestamp(&self) -> Timestamp {
            Timestamp::from_fat(0, 0)
        }
    }

    /// The partition of an image, as a file of its own.
    fn partition(image: &File) -> fscommon::StreamSlice<File> {
        let start = u64::from(PARTITION_BLOCK) * BLOCK_BYTES;
        let file = image.try_clone().expect("the image is open");
        fscommon::StreamSlice::new(file, start, CARD_BYTES).expect("the partition is in the image")
    }

    /// A card with one FAT partition and one file.
    fn image(content: &[u8]) -> File {
        let mut file = tempfile::tempfile().expect("a file for a while");
        file.set_len(CARD_BYTES).expect("there is room");
        let mut entry = [0; 16];
        entry[4] = 0x0E;
        entry[8..12].copy_from_slice(&PARTITION_BLOCK.to_le_bytes());
        let block_count = (CARD_BYTES / BLOCK_BYTES) as u32 - PARTITION_BLOCK;
        entry[12..].copy_from_slice(&block_count.to_le_bytes());
        file.seek(SeekFrom::Start(446)).expect("the image is long");
        file.write_all(&entry).expect("the image can be written");
        file.seek(SeekFrom::Start(510)).expect("the image is long");
        file.write_all(&[0x55, 0xAA]).expect("the image can be written");
        fatfs::format_volume(partition(&file), fatfs::FormatVolumeOptions::new())
            .expect("it can be formatted");
        let system = fatfs::FileSystem::new(partition(&file), fatfs::FsOptions::new())
            .expect("it is formatted");
        let mut data = system.root_dir().create_file("data.bin").expect("there is room");
        data.write_all(content).expect("there is room");
        drop(data);
        system.unmount().expect("the image can be written");
        file
    }

    #[test]
    fn a_real_driver_reads_and_writes_files_on_the_card() {
        let content: Vec<u8> = (0..40_000u32).map(|k| ((k * k) >> 7) as u8).collect();
        let file = image(&content);
        let medium = Box::new(file.try_clone().expect("the image is open"));
        let card = Card::new(medium).expect("the image is a card");
        let driver = Driver(Spi { card: Some(card), ..Spi::default() });
        let card = SdCard::new(driver, NoDelay);
        assert_eq!(card.num_bytes().expect("the card answers"), CARD_BYTES);

        let volumes = VolumeManager::new(card, NoTime);
        let volume = volumes.open_volume(VolumeIdx(0)).expect("there is a partition");
        let root = volume.open_root_dir().expect("there is a root");
        let data = root.open_file_in_dir("DATA.BIN", Mode::ReadOnly).expect("the file is there");
        let mut read = vec![0; content.len()];
        let mut at = 0;
        while at < read.len() {
            at += data.read(&mut read[at..]).expect("the file can be read");
        }
        assert!(read == content, "the file is what was written");
        let copy = root.open_file_in_dir("COPY.BIN", Mode::ReadWriteCreate).expect("there is room");
        copy.write(&content[..5000]).expect("there is room");
        copy.close().expect("the card can be written");
        data.close().expect("the card answers");
        drop(root);
        volume.close().expect("the card can be written");

        let system = fatfs::FileSystem::new(partition(&file), fatfs::FsOptions::new())
            .expect("the file system is whole");
        let mut copied = Vec::new();
        let mut copy = system.root_dir().open_file("copy.bin").expect("the file is there");
        copy.read_to_end(&mut copied).expect("the file can be read");
        assert!(copied == content[..5000], "the copy is what was written");
    }

    #[test]
    fn interrupts_follow_the_marks() {
        let mut spi = Spi::default();
        spi.store(INTERRUPT_ENABLE, RECEIVE_HIGH, 4);
        spi.store(RECEIVE_MARK, 1, 4);
        assert!(!spi.wants());
        spi.store(TRANSMIT, 0xFF, 4);
        assert!(!spi.wants());
        spi.store(TRANSMIT, 0xFF, 4);
        assert!(spi.wants());
        assert_eq!(spi.load(INTERRUPT_PENDING, 4), Some(RECEIVE_HIGH));
        spi.load(RECEIVE, 4);
        assert!(!spi.wants());
        spi.store(TRANSMIT_MARK, 1, 4);
        assert_eq!(spi.load(INTERRUPT_PENDING, 4), Some(TRANSMIT_LOW));
        assert!(!spi.wants());
    }

    #[test]
    fn without_a_card_the_bus_is_silent() {
        let mut driver = Driver(Spi::default());
        assert_eq!(driver.exchange(0x40), 0xFF);
        assert_eq!(driver.0.load(RECEIVE, 4), Some(EMPTY));
    }

    #[test]
    fn an_image_of_no_cards_length_is_refused() {
        for len in [0, 511, 512, (512 << 10) + 512] {
            let medium = Box::new(std::io::Cursor::new(vec![0; len]));
            assert!(Card::new(medium).is_err(), "{len}");
        }
    }
}
