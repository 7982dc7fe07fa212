//! The storages: the same overlays load from each.

mod kit;

use std::collections::BTreeMap;

use embedded_sdmmc::{
    Block, BlockCount, BlockDevice, BlockIdx, TimeSource, Timestamp, VolumeIdx, VolumeManager,
};
use embedded_storage::nor_flash::{
    ErrorType, NorFlash, NorFlashErrorKind, ReadNorFlash, check_erase, check_read, check_write,
};
use esparto_image::Part;
use esparto_overlay::store::{FatStore, FlashError, FlashStore, ReadAhead, StdStore};
use esparto_overlay::{LoadError, MemoryStore, Overlays, Store, StoreError};
use kit::{Board, Bus, Firmware, Spec, World};

fn world() -> &'static World {
    World::new(vec![Spec::new("fft", 0), Spec::new("jpeg", 0)], 1)
}

/// Loads both overlays by turns from `store`, and one whose files are not there.
fn load_from(world: &'static World, store: impl Store) {
    world.chip().mapped.clear();
    let bounce = Box::leak(vec![0; 256].into_boxed_slice());
    let overlays = Overlays::<_, _, _, _, 4, 16>::new(
        store,
        Bus(world),
        Board(world),
        Firmware(world),
        bounce,
    )
    .expect("fits");
    for overlay in [0, 1, 0] {
        overlays.load(overlay).expect("loads");
        world.assert_in_slot(overlay, 0);
    }
}

fn refuses_from(world: &'static World, store: impl Store, cause: StoreError) {
    world.chip().mapped.clear();
    let bounce = Box::leak(vec![0; 256].into_boxed_slice());
    let overlays = Overlays::<_, _, _, _, 4, 16>::new(
        store,
        Bus(world),
        Board(world),
        Firmware(world),
        bounce,
    )
    .expect("fits");
    assert_eq!(overlays.load(0), Err(LoadError::Open { part: Part::Code, cause }));
}

fn files(world: &World) -> BTreeMap<String, Vec<u8>> {
    world.files().clone()
}

#[test]
fn from_memory() {
    let world = world();
    let files = Box::leak(Box::new(files(world)));
    let list: Vec<_> = files.iter().map(|(name, bytes)| (name.as_str(), &bytes[..])).collect();
    load_from(world, MemoryStore::new(Box::leak(list.into_boxed_slice())));
    refuses_from(world, MemoryStore::new(&[]), StoreError::NotFound);
}

#[test]
fn from_a_folder() {
    let world = world();
    let folder = std::env::temp_dir().join(format!("esparto-overlay-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    for (name, bytes) in files(world) {
        std::fs::write(folder.join(name), bytes).expect("there is room");
    }
    load_from(world, StdStore::new(&folder));
    std::fs::remove_dir_all(&folder).expect("it is ours");
    refuses_from(world, StdStore::new(&folder), StoreError::NotFound);
}

struct NoClock;

impl TimeSource for NoClock {
    fn get_timestamp(&self) -> Timestamp {
        Timestamp::from_fat(0, 0)
    }
}

/// A card in memory that counts what it is asked.
struct Card {
    image: Vec<u8>,
    commands: std::cell::RefCell<Vec<usize>>,
}

impl BlockDevice for Card {
    type Error = std::io::Error;

    fn read(&self, blocks: &mut [Block], start: BlockIdx) -> Result<(), Self::Error> {
        self.commands.borrow_mut().push(blocks.len());
        for (index, block) in blocks.iter_mut().enumerate() {
            let at = (start.0 as usize + index) * Block::LEN;
            let bytes = self.image.get(at..at + Block::LEN);
            let bytes = bytes.ok_or_else(|| std::io::Error::other("behind the card's end"))?;
            block.contents.copy_from_slice(bytes);
        }
        Ok(())
    }

    fn write(&self, _blocks: &[Block], _start: BlockIdx) -> Result<(), Self::Error> {
        Err(std::io::Error::other("nothing writes"))
    }

    fn num_blocks(&self) -> Result<BlockCount, Self::Error> {
        Ok(BlockCount((self.image.len() / Block::LEN) as u32))
    }
}

#[test]
fn from_a_fat_card_by_many_blocks_at_once() {
    let mut spec = Spec::new("a_long_name_of_overlay", 0);
    spec.code_words = 1000;
    let mut second = Spec::new("jpeg", 0);
    second.code_words = 900;
    let world = World::new(vec![spec, second], 1);
    let files = files(world);
    let pairs = files.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice()));
    let image = card_image::build(64 << 20, card_image::Format::Fat16, pairs).expect("room");
    let mut counts = Vec::new();
    for is_ahead in [false, true] {
        let card = Card { image: image.clone(), commands: Default::default() };
        let load = |volumes: &VolumeManager<_, NoClock>| {
            let volume = volumes.open_raw_volume(VolumeIdx(0)).expect("a partition");
            let folder = volumes.open_root_dir(volume).expect("a folder");
            load_from(world, FatStore::new(volumes, folder));
            refuses_from(
                World::new(vec![Spec::new("gone", 0)], 1),
                FatStore::new(volumes, folder),
                StoreError::NotFound,
            );
        };
        if is_ahead {
            let volumes = VolumeManager::new(ReadAhead::<_, 8>::new(card), NoClock);
            load(&volumes);
            let commands = volumes.device(|device| device.device().commands.borrow().clone());
            assert!(commands.contains(&8), "many blocks at once: {commands:?}");
            counts.push(commands.len());
        } else {
            let volumes = VolumeManager::new(PlainCard(card), NoClock);
            let volume = volumes.open_raw_volume(VolumeIdx(0)).expect("a partition");
            let folder = volumes.open_root_dir(volume).expect("a folder");
            load_from(world, FatStore::new(&volumes, folder));
            counts.push(volumes.device(|device| device.0.commands.borrow().len()));
        }
    }
    assert!(counts[1] * 3 < counts[0] * 2, "fewer commands: {counts:?}");
}

struct PlainCard(Card);

impl BlockDevice for PlainCard {
    type Error = std::io::Error;

    fn read(&self, blocks: &mut [Block], start: BlockIdx) -> Result<(), Self::Error> {
        self.0.read(blocks, start)
    }

    fn write(&self, blocks: &[Block], start: BlockIdx) -> Result<(), Self::Error> {
        self.0.write(blocks, start)
    }

    fn num_blocks(&self) -> Result<BlockCount, Self::Error> {
        self.0.num_blocks()
    }
}

/// Flash that only clears bits, erases whole sectors, wears, and loses power after some writes.
#[derive(Clone)]
struct Flash {
    bytes: Vec<u8>,
    erase_counts: Vec<u32>,
    left: usize,
}

impl Flash {
    fn new() -> Self {
        Self { bytes: vec![0xFF; 16 * 4096], erase_counts: vec![0; 16], left: usize::MAX }
    }

    fn spend(&mut self) -> Result<(), NorFlashErrorKind> {
        self.left = self.left.checked_sub(1).ok_or(NorFlashErrorKind::Other)?;
        Ok(())
    }
}

impl ErrorType for Flash {
    type Error = NorFlashErrorKind;
}

impl ReadNorFlash for Flash {
    const READ_SIZE: usize = 4;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), Self::Error> {
        check_read(self, offset, bytes.len())?;
        bytes.copy_from_slice(&self.bytes[offset as usize..][..bytes.len()]);
        Ok(())
    }

    fn capacity(&self) -> usize {
        self.bytes.len()
    }
}

impl NorFlash for Flash {
    const WRITE_SIZE: usize = 4;
    const ERASE_SIZE: usize = 4096;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), Self::Error> {
        check_erase(self, from, to)?;
        self.spend()?;
        self.bytes[from as usize..to as usize].fill(0xFF);
        (from / 4096..to / 4096).for_each(|sector| self.erase_counts[sector as usize] += 1);
        Ok(())
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), Self::Error> {
        check_write(self, offset, bytes.len())?;
        self.spend()?;
        for (place, byte) in self.bytes[offset as usize..].iter_mut().zip(bytes) {
            assert_eq!(*place, 0xFF, "a place is written once after it is erased");
            *place &= byte;
        }
        Ok(())
    }
}

#[test]
fn from_raw_flash_which_is_erased_no_more_than_need_be() {
    let world = world();
    let files = files(world);
    let list: Vec<_> = files.iter().map(|(name, bytes)| (name.as_str(), &bytes[..])).collect();
    let mut store = FlashStore::new(Flash::new());
    refuses_from(world, FlashStore::new(Flash::new()), StoreError::NoMedium);
    // The directory is erased when the first sector changes and written when all are.
    assert_eq!(store.replace(&list), Ok(5));
    assert_eq!(store.replace(&list), Ok(0), "what is there already costs nothing");
    let mut changed = files["jpeg_e"].clone();
    changed[100] ^= 1;
    let mut newer = list.clone();
    newer.iter_mut().find(|(name, _)| *name == "jpeg_e").expect("packed").1 = &changed;
    assert_eq!(store.replace(&newer), Ok(2), "one sector and the directory");
    assert_eq!(store.replace(&list), Ok(2));
    let flash = store.into_inner();
    assert!(flash.erase_counts.iter().sum::<u32>() <= 12, "{:?}", flash.erase_counts);
    load_from(world, FlashStore::new(flash));
}

#[test]
fn flash_whose_power_is_cut_has_its_old_files_or_none() {
    let files = files(world());
    let list: Vec<_> = files.iter().map(|(name, bytes)| (name.as_str(), &bytes[..])).collect();
    let mut old = FlashStore::new(Flash::new());
    old.replace(&list).expect("there is room");
    let old = old.into_inner();
    let other: Vec<u8> = files["fft_e"].iter().map(|byte| !byte).collect();
    let mut newer = list.clone();
    newer.iter_mut().find(|(name, _)| *name == "fft_e").expect("packed").1 = &other;
    let mut cut_count = 0;
    for left in 0.. {
        let mut store = FlashStore::new(Flash { left, ..old.clone() });
        let outcome = store.replace(&newer);
        let mut store = FlashStore::new(Flash { left: usize::MAX, ..store.into_inner() });
        let mut bytes = vec![0; files["fft_e"].len()];
        let opened = store.open("fft_e");
        match outcome {
            Ok(_) => {
                assert_eq!(
                    store.read_at(&mut opened.expect("new"), 0, &mut bytes),
                    Ok(bytes.len())
                );
                assert_eq!(bytes, other);
                break;
            }
            Err(error) => {
                assert_eq!(error, FlashError::Flash(NorFlashErrorKind::Other));
                cut_count += 1;
                match opened {
                    Ok(mut file) => {
                        assert_eq!(store.read_at(&mut file, 0, &mut bytes), Ok(bytes.len()));
                        assert_eq!(bytes, files["fft_e"], "old and whole");
                    }
                    Err(error) => assert_eq!(error, StoreError::NoMedium),
                }
            }
        }
    }
    assert!(cut_count > 20, "the cut came everywhere");
}

#[test]
fn flash_refuses_by_name() {
    let mut store = FlashStore::new(Flash::new());
    let large = vec![0; 16 * 4096];
    let expected = FlashError::TooSmall { needed_bytes: 17 * 4096, actual_bytes: 16 * 4096 };
    assert_eq!(store.replace(&[("a", &large)]), Err(expected));
    assert_eq!(store.replace(&[("", &[])]), Err(FlashError::BadName { index: 0 }));
    let many = vec![("a", &[][..]); 86];
    assert_eq!(store.replace(&many), Err(FlashError::TooManyFiles { actual: 86, limit: 85 }));
    assert!(store.into_inner().erase_counts.iter().all(|count| *count == 0));
}
