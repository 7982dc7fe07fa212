//! Writes random traces, damages them and holds the decoder to its promises. Runs on stable Rust:
//! `trace_mutate [INPUTS [SEED]]`. The same seed gives the same inputs.

use esparto::{Caps, Event, Owner, RegionId};
use esparto_fuzz::{check, repair};
use esparto_trace::{
    BuildId, Encoder, Entry, Header, MAX_FRAMES, Name, RegionDefinition, RegionSnapshot,
};
use oorandom::Rand64;

/// Damaged versions made of each trace.
const MUTANTS: u64 = 16;

fn main() {
    let mut arguments = std::env::args().skip(1).map(|text| {
        text.parse::<u64>().unwrap_or_else(|error| panic!("{text} is not a number: {error}"))
    });
    let input_count = arguments.next().unwrap_or(1_000_000);
    let seed = arguments.next().unwrap_or(1);

    let mut rng = Rand64::new(seed.into());
    let (mut done, mut reached, mut record_count) = (0, 0u64, 0);
    while done < input_count {
        let trace = random_trace(&mut rng);
        for _ in 0..MUTANTS.min(input_count - done) {
            let mutant = mutate(&trace, &mut rng);
            let records = check(&mutant);
            reached += u64::from(records > 0);
            record_count += records;
            done += 1;
            if done % 1_000_000 == 0 {
                eprintln!("{done} inputs");
            }
        }
    }
    println!(
        "{done} inputs, seed {seed}: no panic, no broken promise; {reached} held records, {record_count} records in all"
    );
}

/// A number of random length.
fn number(rng: &mut Rand64) -> usize {
    (rng.rand_u64() >> rng.rand_range(0..64)) as usize
}

fn below(rng: &mut Rand64, limit: usize) -> usize {
    rng.rand_range(0..limit.max(1) as u64) as usize
}

fn random_trace(rng: &mut Rand64) -> Vec<u8> {
    let mut header = Header::new("esp32c3", "linked-list", 1_000_000);
    header.pointer_bytes = if below(rng, 2) == 0 { 4 } else { 8 };
    header.frame_count = if below(rng, 2) == 0 { 0 } else { below(rng, MAX_FRAMES + 1) as u8 };
    header.build_id = BuildId::new(&[7; 4][..below(rng, 5)]);
    let mask = if header.pointer_bytes == 4 { 0xffff_ffff } else { usize::MAX };
    let regions = (0..below(rng, 4) as u8).map(|id| RegionDefinition {
        id: RegionId(id),
        name: Name::new("region"),
        caps: Caps::INTERNAL,
        start_addr: 0x3fc8_0000,
        size_bytes: 0x1_0000,
        bookkeeping_bytes: 16,
    });
    let mut bytes = Vec::new();
    let out = |block: &[u8]| bytes.extend_from_slice(block);
    let mut encoder = Encoder::<_, 256>::new(out, &header, regions);
    let mut now = 0u32;
    for _ in 0..below(rng, 40) {
        now = now.wrapping_add(number(rng) as u32 >> 1);
        let entry = random_entry(rng, mask);
        let frames: Vec<_> = (0..below(rng, MAX_FRAMES + 1)).map(|_| number(rng) & mask).collect();
        encoder.entry(now, Owner(below(rng, 3) as u16), &entry, &frames);
        if below(rng, 20) == 0 {
            encoder.flush();
        }
    }
    encoder.finish();
    bytes
}

fn random_entry(rng: &mut Rand64, mask: usize) -> Entry {
    let region = RegionId(if below(rng, 8) == 0 { rng.rand_u64() as u8 } else { 0 });
    let (align_log2, require) = (number(rng) as u8, Caps::from_bits_retain(number(rng) as u16));
    let prefer = require;
    let mut figure = || number(rng) & mask;
    let (addr, size_bytes, old_addr, old_size_bytes) = (figure(), figure(), figure(), figure());
    let name = Name::new(["", "decode", "größe"][addr % 3]);
    match below(rng, 10) {
        0..=2 => {
            Entry::Event(Event::Allocate { region, addr, size_bytes, align_log2, require, prefer })
        }
        3 | 4 => Entry::Event(Event::Deallocate { region, addr, size_bytes }),
        5 => Entry::Event(Event::Resize {
            region,
            old_addr,
            addr,
            old_size_bytes,
            size_bytes,
            align_log2,
        }),
        6 => Entry::Event(Event::Failure { size_bytes, align_log2, require, prefer }),
        7 => Entry::Lost { count: addr as u32 },
        8 => Entry::Snapshot(RegionSnapshot {
            region,
            is_last: addr & 1 == 0,
            free_bytes: size_bytes,
            live_bytes: old_size_bytes,
            bookkeeping_bytes: 16,
            peak_bytes: old_size_bytes,
            live_count: 1,
            free_count: 2,
            largest_free_bytes: size_bytes,
            failure_count: 0,
        }),
        _ => match addr % 3 {
            0 => Entry::OwnerName { owner: Owner(addr as u16), name },
            1 => Entry::MarkName { id: addr as u32, name },
            _ => Entry::Region(RegionDefinition {
                id: region,
                name,
                caps: require,
                start_addr: addr,
                size_bytes,
                bookkeeping_bytes: old_size_bytes,
            }),
        },
    }
}

/// Damages a copy in one to four places; most copies get right checksums afterwards, so that the
/// damage reaches the records.
fn mutate(trace: &[u8], rng: &mut Rand64) -> Vec<u8> {
    let mut bytes = trace.to_vec();
    for _ in 0..=below(rng, 4) {
        let at = below(rng, bytes.len());
        match below(rng, 8) {
            0 | 1 => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << below(rng, 8);
                }
            }
            2 | 3 => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = rng.rand_u64() as u8;
                }
            }
            4 => bytes.truncate(at),
            5 => bytes.insert(at.min(bytes.len()), rng.rand_u64() as u8),
            6 => {
                let end = at + below(rng, bytes.len() - at);
                bytes.drain(at..end);
            }
            _ => {
                let end = at + below(rng, bytes.len() - at);
                let piece = bytes[at..end].to_vec();
                let to = below(rng, bytes.len());
                bytes.splice(to..to, piece);
            }
        }
    }
    if below(rng, 4) != 0 {
        repair(&mut bytes);
    }
    bytes
}
