//! Cards with damaged bytes: every file is read or refused by name, without a panic and in bounded
//! work.

use std::cell::{Cell, RefCell};

use board_sd::{Card, CardError};
use card_image::Format;
use embedded_sdmmc::{Block, BlockCount, BlockDevice, BlockIdx, SdCardError};

/// Blocks that a try may read, all in all: some files are longer than they were.
const READ_LIMIT: u32 = 2_000_000;

/// A card in memory. It counts what is read.
struct Memory<'i> {
    image: RefCell<&'i mut [u8]>,
    read_count: &'i Cell<u32>,
}

impl Memory<'_> {
    fn work(
        &self,
        start: BlockIdx,
        index: usize,
        work: impl FnOnce(&mut [u8]),
    ) -> Result<(), SdCardError> {
        let offset = (start.0 as usize + index) * Block::LEN;
        let mut image = self.image.borrow_mut();
        let bytes = image.get_mut(offset..offset + Block::LEN).ok_or(SdCardError::ReadError)?;
        work(bytes);
        Ok(())
    }
}

impl BlockDevice for Memory<'_> {
    type Error = SdCardError;

    fn read(&self, blocks: &mut [Block], start: BlockIdx) -> Result<(), SdCardError> {
        self.read_count.set(self.read_count.get() + blocks.len() as u32);
        assert!(self.read_count.get() < READ_LIMIT, "it does not end");
        blocks.iter_mut().enumerate().try_for_each(|(index, block)| {
            self.work(start, index, |bytes| block.contents.copy_from_slice(bytes))
        })
    }

    fn write(&self, blocks: &[Block], start: BlockIdx) -> Result<(), SdCardError> {
        blocks.iter().enumerate().try_for_each(|(index, block)| {
            self.work(start, index, |bytes| bytes.copy_from_slice(&block.contents))
        })
    }

    fn num_blocks(&self) -> Result<BlockCount, SdCardError> {
        Ok(BlockCount((self.image.borrow().len() / Block::LEN) as u32))
    }
}

const PATHS: [&str; 4] = ["one.bin", "long.bin", "overlays/camera_e", "overlays/a long name"];

fn files() -> [(&'static str, Vec<u8>); 4] {
    let lens = [1usize, 50_000, 9_000, 700];
    let mut index = 0;
    PATHS.map(|path| {
        index += 1;
        (path, (0..lens[index - 1]).map(|k| (k * index) as u8).collect())
    })
}

/// Lists, reads and writes what there is; gives how many files were read to their end.
fn use_all(image: &mut [u8]) -> Result<usize, CardError> {
    let read_count = Cell::new(0);
    let card = Card::mount(Memory { image: RefCell::new(image), read_count: &read_count })?;
    let mut listed_count = 0;
    for folder in ["", "overlays"] {
        let _ = card.files(folder, |_, _| listed_count += 1);
    }
    let mut good_count = 0;
    for path in PATHS {
        let Ok(file) = card.open(path) else { continue };
        let mut piece = [0; 4096];
        let mut offset = 0;
        let end = loop {
            match file.read_at(offset, &mut piece) {
                Ok(0) => break Ok(()),
                Ok(count) => offset += count as u32,
                Err(error) => break Err(error),
            }
        };
        good_count += usize::from(end.is_ok());
    }
    let _ = card.create("new.bin").and_then(|file| {
        file.write(&[5; 3000])?;
        file.close()
    });
    Ok(good_count)
}

/// Marsaglia's xorshift.
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end as u64) as usize
    }
}

#[test]
fn a_good_card_is_read_and_written() {
    for (format, size_bytes) in [(Format::Fat16, 16 << 20), (Format::Fat32, 64 << 20)] {
        let files = files();
        let pairs = files.iter().map(|(path, bytes)| (*path, bytes.as_slice()));
        let mut image = card_image::build(size_bytes, format, pairs).expect("there is room");
        assert_eq!(use_all(&mut image), Ok(PATHS.len()));
        assert_eq!(card_image::read(&image, "NEW.BIN").expect("it was written"), [5; 3000]);

        let read_count = Cell::new(0);
        let card = Card::mount(Memory { image: RefCell::new(&mut image), read_count: &read_count })
            .expect("it is whole");
        let mut names = Vec::new();
        card.files("overlays", |name, len_bytes| names.push((name.to_string(), len_bytes)))
            .expect("the folder is there");
        assert_eq!(names, [("camera_e".to_owned(), 9_000), ("a long name".to_owned(), 700)]);
        // Forwards, backwards, over the end.
        let file = card.open("LONG.BIN").expect("case does not matter in short names");
        let mut piece = [0; 100];
        for offset in [0, 4_095, 49_950, 49_999, 511, 512, 50_000] {
            let expected = &files[1].1[offset as usize..].len().min(100);
            assert_eq!(file.read_at(offset, &mut piece), Ok(*expected));
            assert_eq!(piece[..*expected], files[1].1[offset as usize..][..*expected]);
        }
        let past = CardError::Offset { actual: 50_001, len_bytes: 50_000 };
        assert_eq!(file.read_at(50_001, &mut piece), Err(past));
        assert_eq!(card.open("long.bin").err(), Some(CardError::Busy));
        assert_eq!(card.open("overlays").err(), Some(CardError::Kind));
        assert_eq!(card.open("one.bin/x").err(), Some(CardError::Kind));
        assert_eq!(card.open("../one.bin").err(), Some(CardError::Name));
        assert_eq!(card.open("nothing").err(), Some(CardError::NotFound));
    }
}

#[test]
fn damaged_cards_are_refused_or_read_in_bounded_work() {
    let mut chance = Chance(0x5eed_5eed);
    for (format, size_bytes, try_count) in
        [(Format::Fat16, 4 << 20, 3000), (Format::Fat32, 64 << 20, 300)]
    {
        let files = files();
        let pairs = files.iter().map(|(path, bytes)| (*path, bytes.as_slice()));
        let good = card_image::build(size_bytes, format, pairs).expect("there is room");
        // Where the bytes are that steer: all blocks that are not empty, but for the files' own.
        let used: Vec<usize> = good
            .chunks(Block::LEN)
            .enumerate()
            .filter(|(_, block)| block.iter().any(|&byte| byte != 0))
            .map(|(index, _)| index)
            .take(48)
            .collect();
        let mut outcomes = [0u32; 2];
        let mut image = good.clone();
        for _ in 0..try_count {
            for _ in 0..=chance.below(4) {
                let block = used[chance.below(used.len())];
                let offset = block * Block::LEN + chance.below(Block::LEN);
                let byte = [0, 1, 0x7F, 0xFF, chance.below(256) as u8][chance.below(5)];
                image[offset] = byte;
            }
            outcomes[usize::from(use_all(&mut image).is_ok())] += 1;
            image.copy_from_slice(&good);
        }
        assert!(outcomes.iter().all(|&count| count > 0), "some mount, some do not: {outcomes:?}");
    }
}
