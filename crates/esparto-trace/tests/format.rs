//! The worked example of `docs/format.md` is what the code writes.

use esparto::{Caps, Event, Owner, RegionId};
use esparto_trace::{BuildId, Decoder, Encoder, Entry, Header, Mode, Name, RegionDefinition};

/// The bytes of the fenced blocks marked `trace`: hexadecimal pairs up to a `;`.
fn bytes_of_the_document() -> Vec<u8> {
    let document = include_str!("../../../docs/format.md");
    let mut bytes = Vec::new();
    let mut is_inside = false;
    for line in document.lines() {
        if line.starts_with("```") {
            is_inside = line == "```trace";
        } else if is_inside {
            let pairs = line.split(';').next().unwrap_or_default().split_whitespace();
            bytes.extend(pairs.map(|pair| u8::from_str_radix(pair, 16).unwrap()));
        }
    }
    bytes
}

fn example() -> Vec<u8> {
    let mut header = Header::new("esp32c3", "linked-list", 1_000_000);
    header.build_id = BuildId::new(&[0xC0, 0xDE]);
    header.pointer_bytes = 4;
    let dram = RegionDefinition {
        id: RegionId(0),
        name: Name::new("dram"),
        caps: Caps::INTERNAL | Caps::BYTE,
        start_addr: 0x3fc8_0000,
        size_bytes: 0x1000,
        bookkeeping_bytes: 32,
    };
    let mut bytes = Vec::new();
    let out = |block: &[u8]| bytes.extend_from_slice(block);
    let mut encoder = Encoder::<_, 512>::new(out, &header, [dram]);
    encoder.define_owner(Owner(1), "jpeg");
    let region = RegionId(0);
    let events = [
        (
            1000,
            Event::Allocate {
                region,
                addr: 0x3fc8_0020,
                size_bytes: 24,
                align_log2: 2,
                require: Caps::INTERNAL,
                prefer: Caps::empty(),
            },
        ),
        (
            1010,
            Event::Resize {
                region,
                old_addr: 0x3fc8_0020,
                addr: 0x3fc8_0020,
                old_size_bytes: 24,
                size_bytes: 300,
                align_log2: 2,
            },
        ),
        (1200, Event::Deallocate { region, addr: 0x3fc8_0020, size_bytes: 300 }),
    ];
    for (now, event) in events {
        encoder.event(now, Owner(1), &event, &[]);
    }
    encoder.finish();
    bytes
}

#[test]
fn the_worked_example_is_what_the_code_writes() {
    let (written, documented) = (example(), bytes_of_the_document());
    assert_eq!(documented, written, "docs/format.md differs; the code writes\n{written:02x?}");
    let names = |entry: &Entry| matches!(entry, Entry::OwnerName { .. } | Entry::Region(_));
    let events = Decoder::from_slice(&documented, Mode::Strict)
        .unwrap()
        .map(|record| record.unwrap())
        .filter(|record| !names(&record.entry));
    assert_eq!(events.map(|record| record.time_ticks).collect::<Vec<_>>(), [1000, 1010, 1200]);
}
