//! How fast a trace is written and read on this machine:
//! `cargo run --release -p esparto-trace --features std --example decode_speed [EVENTS]`.

use std::time::Instant;

use esparto::{Caps, Event, Owner, RegionId};
use esparto_trace::{Decoder, Encoder, Header, Mode, Name, RegionDefinition};

fn main() {
    let event_count: u32 = std::env::args()
        .nth(1)
        .map_or(10_000_000, |text| text.parse().expect("EVENTS is a whole number"));
    let start = Instant::now();
    let bytes = write(event_count);
    let written = start.elapsed().as_secs_f64();
    println!(
        "written: {} events, {:.1} bytes each, {:.1} million events a second",
        event_count,
        bytes.len() as f64 / f64::from(event_count),
        f64::from(event_count) / written / 1e6
    );

    let start = Instant::now();
    let (mut record_count, mut size_sum) = (0u64, 0u64);
    for record in Decoder::from_reader(&bytes[..], Mode::Strict).expect("the header is good") {
        let record = record.expect("the trace is good");
        record_count += 1;
        if let esparto_trace::Entry::Event(Event::Allocate { size_bytes, .. }) = record.entry {
            size_sum += size_bytes as u64;
        }
    }
    let read = start.elapsed().as_secs_f64();
    println!(
        "read: {record_count} records, {size_sum} bytes allocated, {:.1} million events a second",
        f64::from(event_count) / read / 1e6
    );
}

/// Allocations and frees of mixed sizes, at most 256 blocks live, three owners.
fn write(event_count: u32) -> Vec<u8> {
    let region = RegionId(0);
    let dram = RegionDefinition {
        id: region,
        name: Name::new("dram"),
        caps: Caps::INTERNAL,
        start_addr: 0x3fc8_0000,
        size_bytes: 0x5_0000,
        bookkeeping_bytes: 32,
    };
    let mut bytes = Vec::new();
    let header = Header::new("esp32c3", "linked-list", 1_000_000);
    let out = |block: &[u8]| bytes.extend_from_slice(block);
    let mut encoder = Encoder::<_, 512>::new(out, &header, [dram]);
    let mut live = [0usize; 256];
    let mut random = 1u32;
    for now in 0..event_count {
        // A xorshift generator: three shifts, full period.
        random ^= random << 13;
        random ^= random >> 17;
        random ^= random << 5;
        let at = (random >> 8) as usize % live.len();
        let addr = 0x3fc8_0000 + at * 1024;
        let event = if live[at] == 0 {
            let size_bytes = 1 + (random >> 16) as usize % 512;
            live[at] = size_bytes;
            let (require, prefer) = (Caps::INTERNAL, Caps::empty());
            Event::Allocate { region, addr, size_bytes, align_log2: 2, require, prefer }
        } else {
            let size_bytes = std::mem::take(&mut live[at]);
            Event::Deallocate { region, addr, size_bytes }
        };
        encoder.event(now * 7, Owner((now >> 10) as u16 % 3), &event, &[]);
    }
    encoder.finish();
    bytes
}
