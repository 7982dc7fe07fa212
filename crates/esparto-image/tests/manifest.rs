//! The signed manifest: made, read, and everything that can be wrong with it.

use esparto_image::Part;
use esparto_image::manifest::{
    MANIFEST_ENTRY_BYTES, MANIFEST_HEADER_BYTES, Manifest, ManifestBuilder, ManifestEntry,
    ManifestError, ManifestReader, PublicKey, SIGNATURE_BYTES, SecretKey,
};

const BUILD_ID: [u8; 32] = [0xC3; 32];

fn key() -> SecretKey {
    SecretKey([7; 32])
}

fn builder() -> ManifestBuilder {
    let mut builder = ManifestBuilder::new(BUILD_ID);
    builder.add(1, Part::Data, b"data of one");
    builder.add(0, Part::Code, b"code of zero");
    builder.add(0, Part::Data, b"data of zero");
    builder.add(1, Part::Code, b"code of one");
    builder
}

fn signed() -> Vec<u8> {
    builder().sign(&key()).expect("four files")
}

#[test]
fn what_is_signed_comes_back_in_order() {
    let bytes = signed();
    let expected = MANIFEST_HEADER_BYTES + 4 * MANIFEST_ENTRY_BYTES + SIGNATURE_BYTES;
    assert_eq!(bytes.len(), expected);
    let manifest = Manifest::parse(&bytes, &key().public()).unwrap();
    assert_eq!(manifest.check_build(&BUILD_ID), Ok(()));
    let order: Vec<_> = manifest.entries.iter().map(|entry| (entry.overlay, entry.part)).collect();
    assert_eq!(order, [(0, Part::Code), (0, Part::Data), (1, Part::Code), (1, Part::Data)]);
    let entry = manifest.entry(1, Part::Data).unwrap();
    assert_eq!(entry.check(b"data of one"), Ok(()));
    assert_eq!(manifest.entry(2, Part::Code), Err(missing(2, Part::Code)));
}

fn missing(overlay: u16, part: Part) -> ManifestError {
    ManifestError::Missing { overlay, part }
}

#[test]
fn the_signature_is_the_one_of_the_standard() {
    // RFC 8032, section 7.1, test 1: the key pair.
    let secret: SecretKey =
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60".parse().unwrap();
    let public: PublicKey =
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a".parse().unwrap();
    assert_eq!(secret.public(), public);
    assert_eq!(secret.to_text().parse(), Ok(secret.clone()));
    assert_eq!(public.to_string().parse(), Ok(public));
    assert_eq!(format!("{secret:?}"), "SecretKey", "nothing of it is told");
    // FIPS 180-4: the SHA-256 of "abc".
    let hash = ManifestEntry::of(0, Part::Code, b"abc").hash;
    assert_eq!(hash[..4], [0xBA, 0x78, 0x16, 0xBF]);
}

#[test]
fn pieces_of_any_length_give_the_same() {
    let bytes = signed();
    let whole = Manifest::parse(&bytes, &key().public()).unwrap();
    for piece_bytes in [1, 3, 16, 63, 64, 65, 100, 512] {
        let mut reader = ManifestReader::new(key().public(), bytes.len() as u32).unwrap();
        let mut entries = Vec::new();
        for piece in bytes.chunks(piece_bytes) {
            let keep = |entry: &ManifestEntry| {
                entries.push(*entry);
                Ok::<_, ManifestError>(())
            };
            reader.update(piece, keep).unwrap();
        }
        assert_eq!(reader.entry_count(), 4);
        assert_eq!(reader.finish(), Ok(BUILD_ID));
        assert_eq!(entries, whole.entries, "pieces of {piece_bytes}");
    }
}

#[test]
fn every_byte_flipped_is_found() {
    let bytes = signed();
    let mut kinds = [0; 3];
    for at in 0..bytes.len() {
        for bit in [0, 7] {
            let mut bytes = bytes.clone();
            bytes[at] ^= 1 << bit;
            let error = Manifest::parse(&bytes, &key().public()).unwrap_err();
            kinds[match error {
                ManifestError::BadSignature => 0,
                ManifestError::WrongKey { .. } => 1,
                _ => 2,
            }] += 1;
        }
    }
    assert!(kinds.iter().all(|&count| count > 10), "{kinds:?}");
}

#[test]
fn every_length_but_its_own_is_refused() {
    let bytes = signed();
    for len in 0..bytes.len() {
        let error = Manifest::parse(&bytes[..len], &key().public()).unwrap_err();
        let ManifestError::Truncated { actual_bytes, expected_bytes } = error else {
            panic!("{len} bytes: {error}")
        };
        assert!(actual_bytes as usize == len && expected_bytes as usize > len, "{error}");
    }
    let longer = [&bytes[..], &[0]].concat();
    let error = Manifest::parse(&longer, &key().public()).unwrap_err();
    let (expected_bytes, actual_bytes) = (bytes.len() as u32, bytes.len() as u32 + 1);
    assert_eq!(error, ManifestError::TrailingBytes { expected_bytes, actual_bytes });
    // A length that lies: more comes than was promised.
    let mut reader = ManifestReader::new(key().public(), bytes.len() as u32).unwrap();
    let nothing = |_: &ManifestEntry| Ok::<_, ManifestError>(());
    reader.update(&bytes, nothing).unwrap();
    let error = reader.update(&[0], nothing).unwrap_err();
    assert_eq!(error, ManifestError::TrailingBytes { expected_bytes, actual_bytes });
    // And less.
    let mut reader = ManifestReader::new(key().public(), bytes.len() as u32).unwrap();
    reader.update(&bytes[..bytes.len() - 1], nothing).unwrap();
    assert!(matches!(reader.finish(), Err(ManifestError::Truncated { .. })));
}

#[test]
fn another_key_another_build_and_another_file_have_names() {
    let bytes = signed();
    let other = SecretKey([8; 32]);
    let error = Manifest::parse(&bytes, &other.public()).unwrap_err();
    assert!(matches!(error, ManifestError::WrongKey { .. }), "{error}");
    // Somebody else's signature under our key's name.
    let mut forged = builder().sign(&other).unwrap();
    forged[52..60].copy_from_slice(&key().public().0[..8]);
    assert_eq!(Manifest::parse(&forged, &key().public()), Err(ManifestError::BadSignature));
    // A key of small order would accept anything.
    let mut small = [0; 32];
    small[0] = 1;
    let mut bytes_for_small = bytes.clone();
    bytes_for_small[52..60].copy_from_slice(&small[..8]);
    let error = Manifest::parse(&bytes_for_small, &PublicKey(small)).unwrap_err();
    assert!(matches!(error, ManifestError::BadSignature | ManifestError::BadKey));

    let manifest = Manifest::parse(&bytes, &key().public()).unwrap();
    let (actual, expected) = (0xC3C3_C3C3, 0x0101_0101);
    let wrong = manifest.check_build(&[1; 32]);
    assert_eq!(wrong, Err(ManifestError::WrongBuild { actual, expected }));
    let entry = manifest.entry(0, Part::Code).unwrap();
    let error = entry.check(b"code of zer0").unwrap_err();
    assert!(matches!(error, ManifestError::WrongHash { overlay: 0, part: Part::Code, .. }));
    let error = entry.check(b"code").unwrap_err();
    assert!(matches!(error, ManifestError::WrongLength { actual_bytes: 4, .. }), "{error}");

    let mut twice = builder();
    twice.add(1, Part::Code, b"again");
    let error = twice.sign(&key()).unwrap_err();
    assert!(matches!(error, ManifestError::Field { field: "order of an entry", .. }), "{error}");
    for text in ["", "12", &"g".repeat(64), &"ä".repeat(32)] {
        let error = text.parse::<PublicKey>().unwrap_err();
        let actual_chars = text.chars().count();
        assert_eq!(error, ManifestError::BadKeyText { actual_chars });
    }
}
