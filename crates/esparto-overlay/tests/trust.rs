//! A firmware that loads only what a signed manifest vouches for.

mod kit;

use esparto_image::Part;
use esparto_image::manifest::{MANIFEST_NAME, ManifestBuilder, ManifestError, SecretKey};
use esparto_overlay::{LoadError, Seal, StoreError};
use kit::{Spec, Tested, World};

fn key() -> SecretKey {
    SecretKey([42; 32])
}

fn builder(world: &World) -> ManifestBuilder {
    let mut builder = ManifestBuilder::new(world.build_id);
    for (overlay, spec) in world.specs.iter().enumerate() {
        for (part, end) in [(Part::Code, "e"), (Part::Data, "d")] {
            let file = &world.files()[&format!("{}_{end}", spec.name)];
            builder.add(overlay as u16, part, file);
        }
    }
    builder
}

fn put(world: &World, manifest: Vec<u8>) {
    world.files().insert(MANIFEST_NAME.to_owned(), manifest);
}

/// Two overlays in one slot, signed.
fn world() -> &'static World {
    let world = World::new(vec![Spec::new("fft", 0), Spec::new("jpeg", 0)], 1);
    put(world, builder(world).sign(&key()).expect("four files"));
    world
}

fn seals(count: usize) -> &'static mut [Seal] {
    vec![Seal::EMPTY; count].leak()
}

fn trust(overlays: &Tested) -> Result<(), LoadError> {
    overlays.trust(&key().public(), seals(4))
}

fn cause(outcome: Result<(), LoadError>) -> ManifestError {
    match outcome {
        Err(LoadError::Manifest { cause }) => cause,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_signed_loads() {
    for bounce_bytes in [512, 4096] {
        let world = world();
        let overlays = world.overlays(bounce_bytes);
        trust(&overlays).expect("signed");
        for overlay in [0, 1, 0] {
            overlays.load(overlay).expect("signed");
            world.assert_in_slot(overlay, 0);
        }
        assert_eq!(overlays.symbol(0, "fft_3"), Ok(world.entries[0].code_addr + 12));
    }
}

/// A card whose files were made anew, all of it right but for the signature.
#[test]
fn whatever_is_not_signed_is_refused() {
    let world = world();
    let overlays = world.overlays(512);
    trust(&overlays).expect("signed");
    overlays.load(0).expect("signed");
    world.pack(1, |_| {}, |builder| builder.contents[0].bytes[8] ^= 1);
    let error = cause(overlays.load(1));
    assert!(matches!(error, ManifestError::WrongHash { overlay: 1, .. }), "{error}");
    assert_eq!(overlays.slots()[0], None, "what was copied is no code");
    assert!(cause(overlays.symbol(1, "jpeg_1").map(|_| ())) == error, "nor are its names");
    world.pack(1, |_| {}, |builder| builder.exports.clear());
    let error = cause(overlays.load(1));
    assert!(matches!(error, ManifestError::WrongLength { overlay: 1, .. }), "{error}");
    assert!(world.mapped().is_empty());
    overlays.load(0).expect("everything goes on");
}

#[test]
fn a_manifest_that_is_not_right_ends_all_loading() {
    type Change = fn(&World, Vec<u8>);
    type Named = fn(&LoadError) -> bool;
    let cases: [(Change, Named); 6] = [
        (
            |world, _| put(world, builder(world).sign(&SecretKey([1; 32])).unwrap()),
            |error| matches!(error, LoadError::Manifest { cause: ManifestError::WrongKey { .. } }),
        ),
        (
            |world, mut bytes| {
                *bytes.last_mut().unwrap() ^= 1;
                put(world, bytes);
            },
            |error| *error == LoadError::Manifest { cause: ManifestError::BadSignature },
        ),
        (
            |world, _| {
                let mut other = builder(world);
                other.build_id[0] ^= 1;
                put(world, other.sign(&key()).unwrap());
            },
            |error| {
                matches!(error, LoadError::Manifest { cause: ManifestError::WrongBuild { .. } })
            },
        ),
        (
            |world, _| {
                let mut fewer = builder(world);
                fewer.entries.remove(3);
                put(world, fewer.sign(&key()).unwrap());
            },
            |error| {
                let (overlay, part) = (1, Part::Data);
                let cause = ManifestError::Missing { overlay, part };
                *error == LoadError::Manifest { cause }
            },
        ),
        (
            |world, _| {
                let mut more = builder(world);
                more.add(2, Part::Code, b"of another firmware");
                put(world, more.sign(&key()).unwrap());
            },
            |error| *error == LoadError::UnknownOverlay { actual: 2, count: 2 },
        ),
        (
            |world, _| drop(world.files().remove(MANIFEST_NAME)),
            |error| {
                let (offset, cause) = (0, StoreError::NotFound);
                *error == LoadError::ManifestFile { offset, cause }
            },
        ),
    ];
    for (number, (change, is_named)) in cases.into_iter().enumerate() {
        let world = world();
        let good = world.files()[MANIFEST_NAME].clone();
        change(world, good.clone());
        let overlays = world.overlays(512);
        let error = trust(&overlays).expect_err("not right");
        assert!(is_named(&error) && !error.to_string().is_empty(), "case {number}: {error:?}");
        assert_eq!(
            cause(overlays.load(0)),
            ManifestError::Missing { overlay: 0, part: Part::Code },
            "case {number}: nothing is vouched for"
        );
        put(world, good);
        trust(&overlays).expect("the right one");
        overlays.load(0).expect("signed");
    }
}

#[test]
fn every_byte_of_the_manifest_flipped_and_every_length_of_it_are_found() {
    let world = world();
    let good = world.files()[MANIFEST_NAME].clone();
    let overlays = world.overlays(512);
    for at in 0..good.len() {
        let mut bytes = good.clone();
        bytes[at] ^= 1 << (at % 8);
        put(world, bytes);
        let error = trust(&overlays).expect_err("flipped");
        let is_named =
            matches!(error, LoadError::Manifest { .. } | LoadError::UnknownOverlay { .. });
        assert!(is_named, "byte {at}: {error:?}");
        put(world, good[..at].to_vec());
        let error = cause(trust(&overlays));
        assert!(matches!(error, ManifestError::Truncated { .. }), "{at} bytes: {error}");
    }
    put(world, good);
    trust(&overlays).expect("whole again");
}

#[test]
fn every_byte_of_the_files_flipped_is_found_and_every_read_may_fail() {
    let world = world();
    let overlays = world.overlays(512);
    trust(&overlays).expect("signed");
    for name in ["fft_e", "fft_d"] {
        let len = world.files()[name].len();
        for at in 0..len {
            world.files().get_mut(name).expect("packed")[at] ^= 0x10;
            assert!(overlays.load(0).is_err(), "{name} byte {at}");
            assert!(world.mapped().is_empty());
            world.files().get_mut(name).expect("packed")[at] ^= 0x10;
        }
    }
    overlays.load(0).expect("whole again");
    for is_short in [false, true] {
        let world = self::world();
        let overlays = world.overlays(512);
        *world.fail_at.lock().expect("no panic") = Some((0, is_short));
        let error = trust(&overlays).expect_err("a read failed");
        let is_named = match error {
            LoadError::ManifestFile { cause, .. } => cause == StoreError::Failed { code: 7 },
            LoadError::Manifest { cause: ManifestError::Truncated { .. } } => is_short,
            _ => false,
        };
        assert!(is_named, "{error:?}");
    }
}

#[test]
fn trust_comes_first_and_has_room() {
    let world = world();
    let overlays = world.overlays(512);
    let error = cause(overlays.trust(&key().public(), seals(3)));
    assert_eq!(error, ManifestError::TooMany { actual: 2, limit: 1 });
    let overlays = world.overlays(512);
    overlays.load(1).expect("nobody asked for trust");
    assert_eq!(trust(&overlays), Err(LoadError::AlreadyLoaded { overlay: 1 }));
    world.in_interrupt.store(true, std::sync::atomic::Ordering::Relaxed);
    assert_eq!(trust(&overlays), Err(LoadError::InInterrupt));
}
