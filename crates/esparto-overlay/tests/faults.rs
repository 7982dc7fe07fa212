//! Everything that can be wrong with a card, a file or a request: a named error, the slot empty or
//! as it was, and everything goes on.

mod kit;

use esparto_image::{Abi, Header, ImageError, Isa, Name, Part, Placement};
use esparto_overlay::{LoadError, Overlays, StoreError};
use kit::{Board, Bus, Card, Firmware, Spec, Tested, World};

fn world() -> &'static World {
    let mut small = Spec::new("fft", 0);
    (small.code_words, small.data_words) = (500, 300);
    World::new(vec![small, Spec::new("jpeg", 0)], 1)
}

/// After a failed load of overlay 0 nothing half-loaded can be called, and loading goes on.
fn assert_goes_on(world: &World, overlays: &Tested) {
    for overlay in world.mapped() {
        world.assert_in_slot(overlay, 0);
    }
    assert!(!overlays.is_mapped(0) && !overlays.is_alive(0));
    overlays.load(1).expect("another one loads");
    world.assert_in_slot(1, 0);
    assert!(world.chip().calls.iter().all(|&addr| addr >= 0x4038_0000), "no wild call");
}

#[test]
fn every_read_fails_in_turn() {
    let counted = world();
    counted.overlays(512).load(0).expect("loads");
    let read_count = counted.reads.lock().expect("no panic").len();
    assert!(read_count >= 6, "several for each file");
    for is_short in [false, true] {
        for number in 0..read_count {
            let world = world();
            let overlays = world.overlays(512);
            *world.fail_at.lock().expect("no panic") = Some((number, is_short));
            let error = overlays.load(0).expect_err("a read failed");
            let is_named = match error {
                LoadError::Read { cause, .. } => {
                    !is_short && cause == StoreError::Failed { code: 7 }
                }
                LoadError::ShortRead { expected_bytes, actual_bytes, .. } => {
                    is_short && actual_bytes < expected_bytes
                }
                _ => false,
            };
            assert!(is_named, "read {number}: {error:?}");
            assert_eq!(overlays.stats().failure_count, 1);
            *world.fail_at.lock().expect("no panic") = None;
            assert_goes_on(world, &overlays);
            overlays.load(0).expect("the card is well again");
            world.assert_in_slot(0, 0);
        }
    }
}

#[test]
fn every_byte_flipped_in_turn_is_found() {
    for placement in [Placement::Prelinked, Placement::Relocatable] {
        let mut spec = Spec::new("fft", 0);
        (spec.placement, spec.code_words) = (placement, 60);
        let world = World::new(vec![spec, Spec::new("jpeg", 0)], 1);
        for name in ["fft_e", "fft_d"] {
            let len = world.files()[name].len();
            for at in 0..len {
                for bit in [0, 7] {
                    world.files().get_mut(name).expect("packed")[at] ^= 1 << bit;
                    let overlays = world.overlays(2048);
                    let error = overlays.load(0).expect_err("a byte was flipped");
                    assert!(
                        matches!(error, LoadError::Image { .. } | LoadError::ShortRead { .. }),
                        "{name} byte {at}: {error:?}"
                    );
                    assert_eq!(world.mapped(), [] as [usize; 0]);
                    assert_eq!(overlays.slots()[0], None);
                    assert!(!overlays.is_alive(0));
                    world.files().get_mut(name).expect("packed")[at] ^= 1 << bit;
                }
            }
        }
        assert!(world.chip().calls.is_empty(), "no constructor of a damaged overlay ran");
        world.overlays(2048).load(0).expect("whole again");
    }
}

#[test]
fn every_length_of_a_cut_file_is_an_error() {
    let world = world();
    for name in ["fft_e", "fft_d"] {
        let whole = world.files()[name].clone();
        for len in 0..whole.len() {
            world.files().insert(name.to_owned(), whole[..len].to_vec());
            let overlays = world.overlays(512);
            let error = overlays.load(0).expect_err("the file is cut");
            let is_named = matches!(error, LoadError::Image { .. } | LoadError::ShortRead { .. });
            assert!(is_named, "{name} of {len} bytes: {error:?}");
            assert_eq!(overlays.slots()[0], None);
        }
        let mut longer = whole.clone();
        longer.extend([0; 16]);
        world.files().insert(name.to_owned(), longer);
        let error = world.overlays(512).load(0).expect_err("something follows");
        assert!(matches!(error, LoadError::Image { cause: ImageError::TrailingBytes { .. }, .. }));
        world.files().insert(name.to_owned(), whole);
    }
}

#[test]
fn a_failed_load_leaves_the_slot_empty_and_the_other_overlay_alive() {
    let world = world();
    let overlays = world.overlays(512);
    overlays.load(1).expect("loads");
    let last = world.files()["fft_e"].len() - 20;
    world.files().get_mut("fft_e").expect("packed")[last] ^= 1;
    let error = overlays.load(0).expect_err("damaged in its last segment");
    assert!(matches!(
        error,
        LoadError::Image { part: Part::Code, cause: ImageError::Checksum { .. } }
    ));
    assert_eq!(overlays.slots()[0], None, "half a copy is no code");
    assert_eq!(world.mapped(), [] as [usize; 0]);
    assert!(overlays.is_alive(1) && !overlays.is_alive(0));
    overlays.load(1).expect("comes back");
    world.assert_in_slot(1, 0);
}

#[test]
fn a_refusal_before_the_first_store_leaves_the_slot_as_it_was() {
    type Change = fn(&mut Header);
    type Named = fn(&LoadError) -> bool;
    let cases: [(Change, Named); 9] = [
        (
            |header| header.build_id[0] ^= 1,
            |error| matches!(error, LoadError::WrongBuild { actual, expected } if actual != expected),
        ),
        (
            |header| header.chip = Name::new("esp32c6").expect("a name"),
            |error| {
                *error
                    == LoadError::WrongChip {
                        actual: [*b"esp3", *b"2c6\0"].map(u32::from_le_bytes),
                        expected: [*b"esp3", *b"2c3\0"].map(u32::from_le_bytes),
                    }
            },
        ),
        (
            |header| header.slot = 3,
            |error| *error == LoadError::WrongSlot { actual: 3, expected: 0 },
        ),
        (
            |header| header.isa = Isa::Rv32imac,
            |error| *error == LoadError::WrongIsa { actual: 2, expected: 1 },
        ),
        (
            |header| (header.isa, header.abi) = (Isa::XtensaLx6, Abi::Call0),
            |error| *error == LoadError::WrongIsa { actual: 17, expected: 1 },
        ),
        (
            |header| header.overlay = 1,
            |error| *error == LoadError::WrongOverlay { actual: 1, expected: 0 },
        ),
        (
            |header| header.name = Name::new("other").expect("a name"),
            |error| matches!(error, LoadError::WrongOverlay { .. }),
        ),
        (
            |header| header.code_addr += 16,
            |error| matches!(error, LoadError::WrongPlace { part: Part::Code, .. }),
        ),
        (
            |header| header.code_bytes += 16,
            |error| matches!(error, LoadError::WrongPlace { part: Part::Code, .. }),
        ),
    ];
    for (number, (change, is_named)) in cases.into_iter().enumerate() {
        let world = world();
        let overlays = world.overlays(512);
        overlays.load(1).expect("loads");
        world.pack(0, change, |_| {});
        let stores = world.chip().store_count;
        let error = overlays.load(0).expect_err("another firmware's");
        assert!(is_named(&error), "case {number}: {error:?}");
        assert!(!error.to_string().is_empty());
        assert_eq!(world.mapped(), [1], "case {number}: as it was");
        assert_eq!(world.chip().store_count, stores, "case {number}: nothing was stored");
        world.assert_in_slot(1, 0);
    }
}

#[test]
fn an_image_larger_than_its_slot_is_refused() {
    for placement in [Placement::Prelinked, Placement::Relocatable] {
        let mut spec = Spec::new("big", 0);
        (spec.code_words, spec.placement) = (kit::SLOT_BYTES / 4 + 1, placement);
        let world = World::new(vec![spec, Spec::new("jpeg", 0)], 1);
        let overlays = world.overlays(4096);
        overlays.load(1).expect("loads");
        let needed_bytes = kit::SLOT_BYTES + 4;
        let expected = LoadError::TooLarge { needed_bytes, slot_bytes: kit::SLOT_BYTES };
        assert_eq!(overlays.load(0), Err(expected));
        assert_eq!(world.mapped(), [1]);
    }
}

#[test]
fn files_that_are_not_there_are_told_apart() {
    for (missing, part, mapped) in [("fft_e", Part::Code, true), ("fft_d", Part::Data, false)] {
        let world = world();
        let overlays = world.overlays(512);
        overlays.load(1).expect("loads");
        world.files().remove(missing);
        let expected = LoadError::Open { part, cause: StoreError::NotFound };
        assert_eq!(overlays.load(0), Err(expected));
        assert_eq!(overlays.is_mapped(1), mapped);
        assert_eq!(overlays.slots()[0].is_some(), mapped);
    }
}

#[test]
fn swapped_and_stale_files_are_refused() {
    let world = world();
    let overlays = world.overlays(512);
    let code = world.files()["fft_e"].clone();
    let data = world.files()["fft_d"].clone();
    world.files().insert("fft_e".into(), data.clone());
    assert_eq!(overlays.load(0), Err(LoadError::WrongPart { expected: Part::Code }));
    world.files().insert("fft_e".into(), code.clone());

    // A new packing of the code beside the old data, both of the same build.
    world.pack(0, |header| header.pair += 1, |_| {});
    world.files().insert("fft_d".into(), data.clone());
    let error = overlays.load(0).expect_err("stale data");
    assert!(matches!(error, LoadError::StalePair { .. }), "{error:?}");
    assert_eq!(overlays.slots()[0], None);

    // Data in memory, and the code on the card replaced meanwhile.
    world.files().insert("fft_e".into(), code);
    overlays.load(0).expect("a pair");
    overlays.load(1).expect("evicts its code");
    world.pack(0, |header| header.pair += 1, |_| {});
    let error = overlays.load(0).expect_err("not the code of the data in memory");
    assert!(matches!(error, LoadError::StalePair { .. }), "{error:?}");
    assert_eq!(world.mapped(), [1]);
}

#[test]
fn a_buffer_that_is_too_small_and_tables_that_are_too_large_are_named() {
    let mut spec = Spec::new("a", 0);
    spec.placement = Placement::Relocatable;
    let world = World::new(vec![spec], 1);
    let error = world.overlays(1024).load(0).expect_err("no room for a block and its relocations");
    assert!(
        matches!(error, LoadError::BounceTooSmall { needed_bytes: 1552, actual_bytes: 1024 }),
        "{error:?}"
    );
    let error = world.overlays(256).load(0).expect_err("not a sector");
    assert_eq!(error, LoadError::BounceTooSmall { needed_bytes: 512, actual_bytes: 256 });
    let bounce = Box::leak(vec![0; 128].into_boxed_slice());
    let made = Overlays::<_, _, _, _, 4, 0>::new(
        Card(world),
        Bus(world),
        Board(world),
        Firmware(world),
        bounce,
    );
    let error = made.err().expect("no place for an overlay");
    assert_eq!(error, LoadError::TooManyForLoader { actual: 1, limit: 0 });
    let overlays = world.overlays(4096);
    let expected = LoadError::UnknownOverlay { actual: 1, count: 1 };
    assert_eq!(overlays.load(1), Err(expected));
    assert_eq!(overlays.unload(1), Err(expected));
}
