//! Overlays from a LittleFS, and an image that the reference implementation (2.x, in C) made.

mod kit;

use std::sync::Mutex;

use esparto_image::Part;
use esparto_overlay::store::LittleFsStore;
use esparto_overlay::{LoadError, Overlays, Store, StoreError};
use kit::{Board, Bus, Firmware, Spec, World};
use littlefs_rust::{Config, Error, Filesystem, Storage};

const BLOCK_BYTES: u32 = 512;

/// Flash in memory, with a block that cannot be read.
struct Flash {
    bytes: Vec<u8>,
    broken: &'static Mutex<Option<u32>>,
}

impl Flash {
    fn new(bytes: Vec<u8>) -> (Self, &'static Mutex<Option<u32>>) {
        let broken = Box::leak(Box::new(Mutex::new(None)));
        (Self { bytes, broken }, broken)
    }

    fn block_count(&self) -> u32 {
        self.bytes.len() as u32 / BLOCK_BYTES
    }

    fn piece(&mut self, block: u32, offset: u32, len: usize) -> Result<&mut [u8], Error> {
        let start = (block * BLOCK_BYTES + offset) as usize;
        self.bytes.get_mut(start..start + len).ok_or(Error::Io)
    }
}

impl Storage for Flash {
    fn read(&mut self, block: u32, offset: u32, buffer: &mut [u8]) -> Result<(), Error> {
        if *self.broken.lock().expect("no panic while held") == Some(block) {
            return Err(Error::Io);
        }
        buffer.copy_from_slice(self.piece(block, offset, buffer.len())?);
        Ok(())
    }

    fn write(&mut self, block: u32, offset: u32, data: &[u8]) -> Result<(), Error> {
        self.piece(block, offset, data.len())?.copy_from_slice(data);
        Ok(())
    }

    fn erase(&mut self, block: u32) -> Result<(), Error> {
        self.piece(block, 0, BLOCK_BYTES as usize)?.fill(0xFF);
        Ok(())
    }
}

fn config(flash: &Flash) -> Config {
    let mut config = Config::new(BLOCK_BYTES, flash.block_count());
    (config.cache_size, config.lookahead_size) = (64, 16);
    config
}

fn mount(flash: Flash) -> LittleFsStore<Flash> {
    let config = config(&flash);
    let fs = Filesystem::mount(flash, config).map_err(|(error, _)| error).expect("a file system");
    LittleFsStore::new(Box::leak(Box::new(fs)))
}

/// A file system with the packed overlays of `world`.
fn with_overlays(world: &World) -> (LittleFsStore<Flash>, &'static Mutex<Option<u32>>) {
    let (mut flash, broken) = Flash::new(vec![0xFF; 64 << 10]);
    let config = config(&flash);
    Filesystem::format(&mut flash, &config).expect("erased");
    let fs = Filesystem::mount(flash, config).map_err(|(error, _)| error).expect("formatted");
    for (name, bytes) in world.files().iter() {
        fs.write_file(name, bytes).expect("there is room");
    }
    (mount(fs.unmount().expect("mounted")), broken)
}

fn overlays(
    world: &'static World,
    store: LittleFsStore<Flash>,
) -> Overlays<LittleFsStore<Flash>, Bus, Board, Firmware, 4, 16> {
    let bounce = vec![0; 256].leak();
    Overlays::new(store, Bus(world), Board(world), Firmware(world), bounce).expect("fits")
}

fn world() -> &'static World {
    World::new(vec![Spec::new("fft", 0), Spec::new("jpeg", 0)], 1)
}

#[test]
fn overlays_load_from_it() {
    let world = world();
    let (store, _) = with_overlays(world);
    let overlays = overlays(world, store);
    for overlay in [0, 1, 0, 1] {
        overlays.load(overlay).expect("loads");
        world.assert_in_slot(overlay, 0);
    }
}

#[test]
fn every_block_that_cannot_be_read_is_a_named_error() {
    let world = world();
    let (store, broken) = with_overlays(world);
    let overlays = overlays(world, store);
    overlays.load(1).expect("loads");
    let mut failed_count = 0;
    for block in 0..128 {
        *broken.lock().expect("no panic while held") = Some(block);
        match overlays.load(0) {
            Ok(()) => overlays.load(1).unwrap_or_else(|error| assert!(is_named(&error))),
            Err(error) => {
                assert!(is_named(&error), "block {block}: {error:?}");
                failed_count += 1;
            }
        }
        *broken.lock().expect("no panic while held") = None;
        overlays.load(0).expect("it can be read again");
        world.assert_in_slot(0, 0);
        overlays.load(1).expect("it can be read again");
    }
    assert!(failed_count > 0, "no block was needed");
}

fn is_named(error: &LoadError) -> bool {
    matches!(error, LoadError::Open { .. } | LoadError::Read { .. })
}

/// `tests/littlefs/upstream.img`: 24 blocks of 512 bytes, by version 2 of the reference in C.
#[test]
fn an_image_of_the_reference_implementation_is_read() {
    let (flash, _) = Flash::new(include_bytes!("littlefs/upstream.img").to_vec());
    let mut store = mount(flash);
    let expected: Vec<u8> = (0..5000_u32).map(|at| (at * at / 7 + at) as u8).collect();
    let mut file = store.open("fft_e").expect("is there");
    assert_eq!(store.len_bytes(&file), Ok(5000));
    assert_eq!(store.open("fft_d").err(), Some(StoreError::TooManyOpen));
    for (offset, len) in [(0, 512), (512, 1024), (4096, 904), (4096, 2000), (3, 700), (5000, 1)] {
        let mut buffer = vec![0; len];
        let count = store.read_at(&mut file, offset, &mut buffer).expect("reads");
        let rest = &expected[offset as usize..];
        assert_eq!(buffer[..count], rest[..len.min(rest.len())], "{len} from {offset}");
    }
    store.close(file);
    let mut file = store.open("fft_d").expect("is there, inline");
    let mut buffer = [0; 16];
    assert_eq!(store.read_at(&mut file, 0, &mut buffer), Ok(6));
    assert_eq!(&buffer[..6], b"inline");
    store.close(file);
    for name in ["jpeg_e", "folder", "folder/fft_e"] {
        assert_eq!(store.open(name).err(), Some(StoreError::NotFound), "{name}");
    }
    let world = world();
    let error = overlays(world, store).load(1).expect_err("is not there");
    let (part, cause) = (Part::Code, StoreError::NotFound);
    assert_eq!(error, LoadError::Open { part, cause });
}
