//! Damaged, cut and foreign traces: named errors, no panic, and the rest is kept.

mod common;

use common::{header, one_of_everything, read, region, write};
use esparto::{Event, Owner, RegionId};
use esparto_trace::{
    DecodeError, Decoder, Encoder, Entry, MAGIC, Mode, Record, SYNC, Skipped, VERSION,
};

fn sample() -> Vec<u8> {
    let mut steps = one_of_everything();
    let again = steps.clone();
    steps.extend(again);
    write(&header(2), &[region(0)], &steps)
}

fn first_error(bytes: &[u8]) -> Option<DecodeError> {
    match Decoder::from_slice(bytes, Mode::Strict) {
        Err(error) => Some(error),
        Ok(decoder) => decoder.filter_map(Result::err).next().map(|error| match error {
            esparto_trace::ReadError::Decode(error) => error,
            esparto_trace::ReadError::Source(never) => match never {},
        }),
    }
}

fn read_leniently(bytes: &[u8]) -> Option<(Vec<Record>, Skipped)> {
    let mut decoder = Decoder::from_slice(bytes, Mode::Lenient).ok()?;
    let records = decoder.by_ref().map(Result::unwrap).collect();
    Some((records, decoder.skipped()))
}

/// Where the blocks begin.
fn blocks(bytes: &[u8]) -> Vec<usize> {
    (0..bytes.len()).filter(|&at| bytes[at..].starts_with(&SYNC)).collect()
}

#[test]
fn the_sample_itself_is_good() {
    let bytes = sample();
    assert_eq!(first_error(&bytes), None);
    let (records, skipped) = read_leniently(&bytes).unwrap();
    assert_eq!(records, read(&bytes));
    assert_eq!(skipped, Skipped::default());
    assert!(blocks(&bytes).len() >= 3, "the tests below want several blocks");
}

#[test]
fn every_truncation_is_an_error() {
    let bytes = sample();
    let whole = read(&bytes);
    for len in 0..bytes.len() {
        let error = first_error(&bytes[..len]).unwrap_or_else(|| panic!("cut to {len} passed"));
        assert!(
            matches!(error, DecodeError::Truncated { .. } | DecodeError::Unfinished { .. }),
            "cut to {len}: {error}"
        );
        if let Some((records, _)) = read_leniently(&bytes[..len]) {
            assert!(whole.starts_with(&records), "cut to {len} invented records");
        }
    }
}

#[test]
fn every_flipped_bit_is_an_error_and_costs_one_block() {
    let bytes = sample();
    let whole = read(&bytes);
    let block_count = blocks(&bytes).len();
    let header_len = blocks(&bytes)[0];
    for bit in 0..bytes.len() * 8 {
        let mut damaged = bytes.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        assert!(first_error(&damaged).is_some(), "bit {bit} passed");
        let lenient = read_leniently(&damaged);
        assert_eq!(lenient.is_none(), bit / 8 < header_len, "bit {bit}");
        let Some((records, skipped)) = lenient else { continue };
        // Whatever is delivered was in the trace; one block at most is not.
        for record in records.iter().filter(|record| !matches!(record.entry, Entry::Gap { .. })) {
            assert!(whole.contains(record), "bit {bit} invented {record:?}");
        }
        assert!(skipped.bytes > 0 && skipped.missing_blocks <= 1, "bit {bit}: {skipped}");
        assert!(records.len() * block_count >= whole.len(), "bit {bit} cost too much");
    }
}

#[test]
fn a_missing_block_is_a_gap() {
    let bytes = sample();
    let starts = blocks(&bytes);
    let mut cut = bytes[..starts[1]].to_vec();
    cut.extend(&bytes[starts[2]..]);
    assert_eq!(
        first_error(&cut),
        Some(DecodeError::BlockSequence { offset: starts[1] as u64, expected: 1, actual: 2 })
    );
    let (records, skipped) = read_leniently(&cut).unwrap();
    let gaps = records.iter().filter(|record| record.entry == Entry::Gap { block_count: 1 });
    assert_eq!(gaps.count(), 1);
    assert_eq!(skipped.missing_blocks, 1);
}

#[test]
fn noise_between_blocks_is_skipped() {
    let bytes = sample();
    let at = blocks(&bytes)[1];
    let mut noisy = bytes[..at].to_vec();
    noisy.extend(b"a boot message \xE5\x9A\x27\xB1 with a false start in it, long enough");
    let noise = noisy.len() - at;
    noisy.extend(&bytes[at..]);
    let error = first_error(&noisy).unwrap();
    assert!(matches!(error, DecodeError::NotABlock { offset, .. } if offset == at as u64));
    let (records, skipped) = read_leniently(&noisy).unwrap();
    assert_eq!(records, read(&bytes));
    assert_eq!(skipped, Skipped { bytes: noise as u64, ..Skipped::default() });
}

#[test]
fn foreign_files_are_named() {
    assert_eq!(
        first_error(b"\x7fELF\x01\x01\x01\0\0\0\0\0\0\0"),
        Some(DecodeError::NotATrace { actual: *b"\x7fELF\x01\x01\x01\0" })
    );
    assert_eq!(first_error(b"hi"), Some(DecodeError::NotATrace { actual: *b"hi\0\0\0\0\0\0" }));
    assert_eq!(
        first_error(&[]),
        Some(DecodeError::Truncated { offset: 0, expected_bytes: 25, actual_bytes: 0 })
    );
    let mut future = sample();
    future[MAGIC.len()] += 1;
    assert_eq!(
        first_error(&future),
        Some(DecodeError::UnsupportedVersion { actual: VERSION + 1, expected: VERSION })
    );
}

#[test]
fn an_event_of_no_known_region_is_named_or_skipped() {
    let free = |region, addr| {
        let event = Event::Deallocate { region: RegionId(region), addr, size_bytes: 8 };
        (1, Owner(0), Entry::Event(event), vec![])
    };
    let bytes = write(&header(0), &[region(0)], &[free(0, 64), free(5, 80), free(0, 96)]);
    let error = first_error(&bytes);
    assert!(matches!(error, Some(DecodeError::UnknownRegion { actual: 5, .. })), "{error:?}");
    let (records, skipped) = read_leniently(&bytes).unwrap();
    assert_eq!(records.len(), 3);
    assert_eq!(skipped, Skipped { records: 1, ..Skipped::default() });
}

#[test]
fn bytes_after_the_end_are_refused() {
    let mut bytes = sample();
    let offset = bytes.len() as u64;
    bytes.push(0);
    assert_eq!(first_error(&bytes), Some(DecodeError::TrailingBytes { offset }));
}

/// Faults inside a block whose checksums are right: only a faulty writer makes them.
#[test]
fn faults_behind_good_checksums_are_named() {
    type Case = (&'static [u8], fn(&DecodeError) -> bool);
    let cases: [Case; 8] = [
        (&[0x00], |e| matches!(e, DecodeError::UnknownKind { actual: 0, .. })),
        (&[0x12], |e| matches!(e, DecodeError::UnknownKind { actual: 0x12, .. })),
        (&[0x05], |e| matches!(e, DecodeError::RecordCut { .. })),
        (&[0x02, 0, 0, 0], |e| matches!(e, DecodeError::UnknownRegion { actual: 256, .. })),
        (&[0x05, 0, 0xff, 0xff, 0xff, 0xff, 0x7f], |e| {
            matches!(e, DecodeError::OutOfRange { field: "mark", actual: 0x7_ffff_ffff, .. })
        }),
        (&[0x05, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0], |e| {
            matches!(e, DecodeError::Varint { .. })
        }),
        (&[0x1b, 0, 48], |e| {
            matches!(e, DecodeError::OutOfRange { field: "length of a name", actual: 48, .. })
        }),
        (&[0x1b, 0, 1, 0xff], |e| matches!(e, DecodeError::NotText { .. })),
    ];
    for (payload, is_expected) in cases {
        let mut bytes = Vec::new();
        Encoder::<_, 256>::new(|b: &[u8]| bytes.extend_from_slice(b), &header(0), []);
        bytes.extend(first_block(payload));
        let error = first_error(&bytes).unwrap();
        assert!(is_expected(&error), "{payload:02x?}: {error}");
        assert!(error.to_string().contains("offset"), "{error}");
        let (_, skipped) = read_leniently(&bytes).unwrap();
        assert_eq!(skipped.faulty_blocks, 1, "{payload:02x?}");
    }
}

/// The first block of a trace, around any payload.
fn first_block(payload: &[u8]) -> Vec<u8> {
    let crc = crc::Crc::<u32>::new(&crc::CRC_32_ISO_HDLC);
    let mut block = SYNC.to_vec();
    block.extend(0u32.to_le_bytes());
    block.extend((payload.len() as u16).to_le_bytes());
    block.extend(0u64.to_le_bytes());
    block.extend(crc.checksum(payload).to_le_bytes());
    block.extend((crc.checksum(&block[4..]) as u16).to_le_bytes());
    block.extend(payload);
    block
}
