//! What every fuzzer of the trace format asks of an input.
#![forbid(unsafe_code)]

mod repair;

pub use repair::repair;

use esparto_trace::{Decoder, Encoder, Entry, Header, Mode, Record};

/// What one reading of an input gave.
struct Reading {
    header: Header,
    records: Vec<Record>,
    /// The frames of all records, one after the other, and how many each has.
    frames: Vec<usize>,
    frame_counts: Vec<usize>,
    is_complete: bool,
}

/// Decodes `bytes` in both modes, holds the decoder to its promises, encodes what came out and
/// decodes it again. Says how many records it saw.
///
/// # Panics
/// When a promise is broken.
pub fn check(bytes: &[u8]) -> usize {
    let strict = read(bytes, Mode::Strict);
    let Some(lenient) = read(bytes, Mode::Lenient) else {
        assert!(strict.is_none(), "strict reading accepts a header that lenient reading does not");
        return 0;
    };
    let strict = strict.expect("lenient reading accepts a header that strict reading does not");
    assert!(lenient.records.starts_with(&strict.records), "the modes disagree on good records");
    if strict.is_complete {
        assert_eq!(strict.records.len(), lenient.records.len());
    }
    check_encoding(&lenient);
    lenient.records.len()
}

fn read(bytes: &[u8], mode: Mode) -> Option<Reading> {
    let mut decoder = Decoder::from_slice(bytes, mode).ok()?;
    let mut reading = Reading {
        header: *decoder.header(),
        records: Vec::new(),
        frames: Vec::new(),
        frame_counts: Vec::new(),
        is_complete: false,
    };
    let mut last_ticks = 0;
    while let Some(result) = decoder.next() {
        let Ok(record) = result else {
            assert_eq!(mode, Mode::Strict, "lenient reading does not fail");
            assert!(decoder.next().is_none(), "nothing comes after an error");
            return Some(reading);
        };
        assert!(record.time_ticks >= last_ticks, "time ran backwards");
        last_ticks = record.time_ticks;
        let frames = decoder.frames();
        assert!(frames.len() <= usize::from(reading.header.frame_count));
        reading.frames.extend_from_slice(frames);
        reading.frame_counts.push(frames.len());
        reading.records.push(record);
        assert!(reading.records.len() <= bytes.len(), "more records than bytes");
    }
    assert!(decoder.offset() <= bytes.len() as u64);
    let skipped = decoder.skipped();
    assert!(skipped.bytes <= bytes.len() as u64);
    assert!(mode == Mode::Lenient || skipped == Default::default());
    reading.is_complete = decoder.is_complete();
    Some(reading)
}

fn check_encoding(reading: &Reading) {
    let mut bytes = Vec::new();
    let out = |block: &[u8]| bytes.extend_from_slice(block);
    let mut encoder = Encoder::<_, 512>::new(out, &reading.header, []);
    let mut rest = &reading.frames[..];
    for (record, &count) in reading.records.iter().zip(&reading.frame_counts) {
        let (frames, others) = rest.split_at(count);
        rest = others;
        encoder.entry(record.time_ticks as u32, record.owner, &record.entry, frames);
    }
    encoder.finish();

    let again = read(&bytes, Mode::Strict).expect("an encoded header decodes");
    assert!(again.is_complete, "an encoded trace decodes");
    assert_eq!(again.header, reading.header);
    let written =
        || reading.records.iter().filter(|record| !matches!(record.entry, Entry::Gap { .. }));
    assert_eq!(again.records.len(), written().count());
    for (new, old) in again.records.iter().zip(written()) {
        assert_eq!(new.entry, old.entry);
        if matches!(old.entry, Entry::Event(_)) {
            assert_eq!(new.owner, old.owner);
        }
    }
    // A frame of 0 ends a call stack for the encoder, and only hostile traces have one.
    if !reading.frames.contains(&0) {
        assert_eq!(again.frames, reading.frames);
    }
}
