//! What several tests need: a trace with one of everything, and a way to write records.
#![allow(dead_code, reason = "each test file uses its own part")]

use esparto::{Caps, Event, Owner, PoolEvent, RegionId};
use esparto_trace::{
    BuildId, Decoder, Encoder, Entry, Figures, Header, Health, LoadTicks, Mode, Name, OverlayEvent,
    Record, RegionDefinition, RegionSnapshot,
};

pub(crate) type Step = (u32, Owner, Entry, Vec<usize>);

pub(crate) fn header(frame_count: u8) -> Header {
    let mut header = Header::new("esp32c3", "linked-list", 1_000_000);
    header.build_id = BuildId::new(&[0xAB; 8]);
    header.frame_count = frame_count;
    header
}

pub(crate) fn region(id: u8) -> RegionDefinition {
    RegionDefinition {
        id: RegionId(id),
        name: Name::new("dram"),
        caps: Caps::INTERNAL | Caps::BYTE,
        start_addr: 0x3fc8_0000,
        size_bytes: 0x5_0000,
        bookkeeping_bytes: 32,
    }
}

/// Writes a trace with blocks of at most 256 bytes, so that a few records make several blocks.
pub(crate) fn write(header: &Header, regions: &[RegionDefinition], steps: &[Step]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let out = |block: &[u8]| bytes.extend_from_slice(block);
    let mut encoder = Encoder::<_, 256>::new(out, header, regions.iter().copied());
    for (now, owner, entry, frames) in steps {
        encoder.entry(*now, *owner, entry, frames);
    }
    encoder.finish();
    bytes
}

pub(crate) fn read(bytes: &[u8]) -> Vec<Record> {
    Decoder::from_slice(bytes, Mode::Strict).unwrap().map(Result::unwrap).collect()
}

/// One of every entry, in every form that has a code path of its own.
pub(crate) fn one_of_everything() -> Vec<Step> {
    let allocate = |region, addr, size_bytes, align_log2| Event::Allocate {
        region: RegionId(region),
        addr,
        size_bytes,
        align_log2,
        require: Caps::INTERNAL,
        prefer: Caps::DMA,
    };
    let region_9 = RegionDefinition { id: RegionId(9), name: Name::new("psram"), ..region(9) };
    let snapshot = RegionSnapshot {
        region: RegionId(0),
        is_last: false,
        free_bytes: 0x4_0000,
        live_bytes: 0xffe0,
        bookkeeping_bytes: 32,
        peak_bytes: 0x1_0000,
        live_count: 3,
        free_count: 1,
        largest_free_bytes: 0x4_0000,
        failure_count: 0,
    };
    let entries = [
        Entry::OwnerName { owner: Owner(300), name: Name::new("decode") },
        Entry::MarkName { id: 70_000, name: Name::new("frame") },
        Entry::Event(allocate(0, 0x3fc8_0020, 24, 2)),
        Entry::Event(allocate(0, 0x3fc8_0040, 100_000, 15)),
        Entry::Region(region_9),
        Entry::Event(allocate(9, 0x3c00_0000, 1, 0)),
        Entry::Event(Event::Resize {
            region: RegionId(9),
            old_addr: 0x3c00_0000,
            addr: 0x3c00_1000,
            old_size_bytes: 1,
            size_bytes: 4096,
            align_log2: 0,
        }),
        Entry::Event(Event::Failure {
            size_bytes: 1 << 30,
            align_log2: 31,
            require: Caps::EXTERNAL,
            prefer: Caps::empty(),
        }),
        Entry::Lost { count: 1234 },
        Entry::Event(Event::Mark { id: 70_000 }),
        Entry::Snapshot(snapshot),
        Entry::Snapshot(RegionSnapshot { region: RegionId(9), is_last: true, ..snapshot }),
        Entry::Pool(PoolEvent::SetUp {
            start_addr: 0x3fc9_0000,
            block_bytes: 64,
            block_count: 100,
        }),
        Entry::Pool(PoolEvent::Take { addr: 0x3fc9_0040, size_bytes: 40 }),
        Entry::Pool(PoolEvent::Give { addr: 0x3fc9_0040 }),
        Entry::Pool(PoolEvent::Refused { addr: 0x3fc9_0041 }),
        Entry::Pool(PoolEvent::End { start_addr: 0x3fc9_0000 }),
        Entry::Health(Health {
            name: Name::new("control"),
            figures: Figures::Stack { usable_bytes: 2032, unused_bytes: 1200, is_breached: false },
        }),
        Entry::OverlayName { overlay: 7, name: Name::new("fft") },
        Entry::Overlay(OverlayEvent::Loaded {
            overlay: 7,
            slot: 1,
            is_return: false,
            code_bytes: 30_000,
            read_bytes: 30_720,
            ticks: LoadTicks {
                read: 900_000,
                verify: 40_000,
                copy: 60_000,
                sync: 4,
                construct: 80,
            },
        }),
        Entry::Overlay(OverlayEvent::Hit { overlay: 7 }),
        Entry::Overlay(OverlayEvent::Evicted { overlay: 7, slot: 1 }),
        Entry::Overlay(OverlayEvent::Loaded {
            overlay: 7,
            slot: 1,
            is_return: true,
            code_bytes: 30_000,
            read_bytes: 30_720,
            ticks: LoadTicks::default(),
        }),
        Entry::Overlay(OverlayEvent::Unloaded { overlay: 7 }),
        Entry::Overlay(OverlayEvent::Refused { overlay: 7 }),
        Entry::Event(Event::Deallocate { region: RegionId(0), addr: 0x3fc8_0020, size_bytes: 24 }),
    ];
    let mut steps = Vec::new();
    for (k, entry) in entries.into_iter().enumerate() {
        let owner = Owner(if k % 3 == 2 { 300 } else { 1 });
        let frames = if matches!(entry, Entry::Event(Event::Mark { .. })) {
            vec![]
        } else {
            vec![0x4200_0000 + k * 16, 0x4200_8000]
        };
        steps.push((k as u32 * 1000, owner, entry, frames));
    }
    steps
}
