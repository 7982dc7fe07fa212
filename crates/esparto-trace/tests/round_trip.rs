//! What goes in comes out, whatever it is.

mod common;

use common::{Step, header, one_of_everything, read, region, write};
use esparto::monitor::HeapStats;
use esparto::pool::Refused;
use esparto::{Caps, Event, Owner, PoolEvent, RegionId};
use esparto_trace::{
    Decoder, Encoder, Entry, Figures, Health, LoadTicks, MAX_FRAMES, MAX_RECORD_BYTES, Mode, Name,
    OverlayEvent, PoolFigures, RegionDefinition, RegionSnapshot,
};
use proptest::prelude::*;

fn caps() -> impl Strategy<Value = Caps> {
    any::<u16>().prop_map(Caps::from_bits_retain)
}

/// Small and large numbers alike: the length of a varint is where mistakes hide.
fn number() -> impl Strategy<Value = usize> {
    (any::<usize>(), 0..usize::BITS).prop_map(|(value, shift)| value >> shift)
}

fn name() -> impl Strategy<Value = Name> {
    "\\PC{0,12}".prop_map(|text| Name::new(&text))
}

fn region_id() -> impl Strategy<Value = RegionId> {
    prop_oneof![(0u8..4), any::<u8>()].prop_map(RegionId)
}

prop_compose! {
    fn snapshot()(
        region in region_id(),
        is_last in any::<bool>(),
        figures in proptest::array::uniform8(number()),
    ) -> RegionSnapshot {
        let [free_bytes, live_bytes, bookkeeping_bytes, peak_bytes, live_count, free_count,
            largest_free_bytes, failure_count] = figures;
        RegionSnapshot { region, is_last, free_bytes, live_bytes, bookkeeping_bytes, peak_bytes,
            live_count, free_count, largest_free_bytes, failure_count }
    }
}

prop_compose! {
    fn pool()(
        block_bytes in number(),
        counts in proptest::array::uniform8(any::<u32>()),
    ) -> PoolFigures {
        let [block_count, used_count, peak_count, failure_count, foreign_count, interior_count,
            repeated_count, corruption_count] = counts;
        let refused = Refused { foreign_count, interior_count, repeated_count };
        PoolFigures { block_bytes, block_count, used_count, peak_count, failure_count, refused,
            corruption_count }
    }
}

fn pool_event() -> impl Strategy<Value = PoolEvent> {
    prop_oneof![
        (number(), number()).prop_map(|(addr, size_bytes)| PoolEvent::Take { addr, size_bytes }),
        number().prop_map(|addr| PoolEvent::Give { addr }),
        number().prop_map(|addr| PoolEvent::Refused { addr }),
        (number(), number(), number()).prop_map(|(start_addr, block_bytes, block_count)| {
            PoolEvent::SetUp { start_addr, block_bytes, block_count }
        }),
        number().prop_map(|start_addr| PoolEvent::End { start_addr }),
    ]
}

fn health() -> impl Strategy<Value = Health> {
    let heap = (caps(), proptest::array::uniform6(number())).prop_map(|(caps, figures)| {
        let [
            total_bytes,
            free_bytes,
            allocated_bytes,
            largest_free_bytes,
            min_free_bytes,
            failure_count,
        ] = figures;
        Figures::Heap {
            caps,
            stats: HeapStats {
                total_bytes,
                free_bytes,
                allocated_bytes,
                largest_free_bytes,
                min_free_bytes,
                failure_count,
            },
        }
    });
    let class = (pool(), any::<u32>(), any::<u32>()).prop_map(|(pool, alloc_count, free_count)| {
        Figures::Class { pool, alloc_count, free_count }
    });
    let stack = (number(), number(), any::<bool>()).prop_map(
        |(usable_bytes, unused_bytes, is_breached)| Figures::Stack {
            usable_bytes,
            unused_bytes,
            is_breached,
        },
    );
    let bus = (any::<bool>(), proptest::array::uniform7(any::<u32>())).prop_map(
        |(is_started, counts)| {
            let [
                posted_count,
                delivered_count,
                dropped_count,
                alive_count,
                peak_count,
                event_count,
                service_count,
            ] = counts;
            Figures::Bus {
                is_started,
                posted_count,
                delivered_count,
                dropped_count,
                alive_count,
                peak_count,
                event_count,
                service_count,
            }
        },
    );
    let figures = prop_oneof![
        heap,
        pool().prop_map(Figures::Pool),
        class,
        stack,
        bus,
        (any::<u8>(), any::<u32>())
            .prop_map(|(reason, count)| Figures::RefusedPosts { reason, count }),
        any::<u32>().prop_map(|violation_count| Figures::Guard { violation_count }),
    ];
    (name(), figures).prop_map(|(name, figures)| Health { name, figures })
}

fn overlay_event() -> impl Strategy<Value = OverlayEvent> {
    let ticks = any::<[u32; 5]>().prop_map(|[read, verify, copy, sync, construct]| LoadTicks {
        read,
        verify,
        copy,
        sync,
        construct,
    });
    let loaded = (any::<(u16, u16, bool, u32, u32)>(), ticks).prop_map(
        |((overlay, slot, is_return, code_bytes, read_bytes), ticks)| OverlayEvent::Loaded {
            overlay,
            slot,
            is_return,
            code_bytes,
            read_bytes,
            ticks,
        },
    );
    prop_oneof![
        loaded,
        any::<(u16, u16)>().prop_map(|(overlay, slot)| OverlayEvent::Evicted { overlay, slot }),
        any::<u16>().prop_map(|overlay| OverlayEvent::Unloaded { overlay }),
        any::<u16>().prop_map(|overlay| OverlayEvent::Refused { overlay }),
        any::<u16>().prop_map(|overlay| OverlayEvent::Hit { overlay }),
    ]
}

fn entry() -> impl Strategy<Value = Entry> {
    let allocate = (region_id(), number(), number(), any::<u8>(), caps(), caps()).prop_map(
        |(region, addr, size_bytes, align_log2, require, prefer)| Event::Allocate {
            region,
            addr,
            size_bytes,
            align_log2,
            require,
            prefer,
        },
    );
    let deallocate = (region_id(), number(), number())
        .prop_map(|(region, addr, size_bytes)| Event::Deallocate { region, addr, size_bytes });
    let resize = (region_id(), number(), number(), number(), number(), any::<u8>()).prop_map(
        |(region, old_addr, addr, old_size_bytes, size_bytes, align_log2)| Event::Resize {
            region,
            old_addr,
            addr,
            old_size_bytes,
            size_bytes,
            align_log2,
        },
    );
    let failure = (number(), any::<u8>(), caps(), caps()).prop_map(
        |(size_bytes, align_log2, require, prefer)| Event::Failure {
            size_bytes,
            align_log2,
            require,
            prefer,
        },
    );
    prop_oneof![
        4 => allocate.prop_map(Entry::Event),
        4 => deallocate.prop_map(Entry::Event),
        2 => resize.prop_map(Entry::Event),
        1 => failure.prop_map(Entry::Event),
        1 => any::<u32>().prop_map(|id| Entry::Event(Event::Mark { id })),
        1 => any::<u32>().prop_map(|count| Entry::Lost { count }),
        1 => snapshot().prop_map(Entry::Snapshot),
        1 => health().prop_map(Entry::Health),
        1 => pool_event().prop_map(Entry::Pool),
        1 => overlay_event().prop_map(Entry::Overlay),
        1 => (any::<u16>(), name())
            .prop_map(|(overlay, name)| Entry::OverlayName { overlay, name }),
        1 => (any::<u16>(), name())
            .prop_map(|(owner, name)| Entry::OwnerName { owner: Owner(owner), name }),
        1 => (any::<u32>(), name()).prop_map(|(id, name)| Entry::MarkName { id, name }),
        1 => (region_id(), name(), caps(), number(), number(), number()).prop_map(
            |(id, name, caps, start_addr, size_bytes, bookkeeping_bytes)| {
                Entry::Region(RegionDefinition {
                    id, name, caps, start_addr, size_bytes, bookkeeping_bytes,
                })
            },
        ),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let passed = (any::<u32>(), 1..32u32).prop_map(|(value, shift)| value >> shift);
    let frames = proptest::collection::vec((1..usize::MAX).prop_union(1..0x1000), 0..=MAX_FRAMES);
    (passed, (0u16..3).prop_union(0..u16::MAX).prop_map(Owner), entry(), frames)
}

fn carries_frames(entry: &Entry) -> bool {
    matches!(entry, Entry::Event(event) if !matches!(event, Event::Mark { .. }))
}

fn has_time(entry: &Entry) -> bool {
    !matches!(
        entry,
        Entry::Region(_)
            | Entry::OwnerName { .. }
            | Entry::MarkName { .. }
            | Entry::OverlayName { .. }
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn every_record_comes_back(
        mut steps in proptest::collection::vec(step(), 0..60),
        frame_count in 0..=MAX_FRAMES as u8,
    ) {
        // All regions are defined up front, more than one header holds.
        let regions: Vec<_> = (0..=255).map(region).collect();
        let mut now = 0u64;
        let mut times = Vec::new();
        for (time, _, entry, _) in &mut steps {
            if has_time(entry) {
                now += u64::from(*time);
            }
            *time = now as u32;
            times.push(now);
        }
        let bytes = write(&header(frame_count), &regions, &steps);

        let mut decoder = Decoder::from_slice(&bytes, Mode::Strict).unwrap();
        prop_assert_eq!(*decoder.header(), header(frame_count));
        for region in &regions {
            prop_assert_eq!(decoder.next().unwrap().unwrap().entry, Entry::Region(*region));
        }
        for ((_, owner, entry, frames), time) in steps.iter().zip(times) {
            let record = decoder.next().unwrap().unwrap();
            prop_assert_eq!(record.entry, *entry);
            prop_assert_eq!(record.time_ticks, time);
            if matches!(entry, Entry::Event(_)) {
                prop_assert_eq!(record.owner, *owner);
            }
            let count = if carries_frames(entry) { frame_count.into() } else { 0 };
            prop_assert_eq!(decoder.frames(), &frames[..frames.len().min(count)]);
        }
        prop_assert!(decoder.next().is_none());
        prop_assert!(decoder.is_complete());
        prop_assert_eq!(decoder.offset(), bytes.len() as u64);
    }

    /// A reader that yields a few bytes at a time reads what a slice holds.
    #[test]
    fn pieces_of_any_size_read_the_same(piece in 1usize..50) {
        struct Trickle<'a>(&'a [u8], usize);
        impl std::io::Read for Trickle<'_> {
            fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
                let count = self.1.min(buffer.len());
                std::io::Read::read(&mut self.0, &mut buffer[..count])
            }
        }
        let bytes = write(&header(2), &[region(0)], &one_of_everything());
        let decoder = Decoder::from_reader(Trickle(&bytes, piece), Mode::Strict).unwrap();
        let records: Vec<_> = decoder.map(Result::unwrap).collect();
        prop_assert_eq!(records, read(&bytes));
    }
}

#[test]
fn long_traces_pass_through_the_buffer_of_a_reader() {
    let steps: Vec<Step> = (0..40_000)
        .map(|k| {
            let size_bytes = k as usize;
            let event =
                Event::Deallocate { region: RegionId(0), addr: 16 * k as usize, size_bytes };
            (k, Owner(0), Entry::Event(event), vec![])
        })
        .collect();
    let bytes = write(&header(0), &[region(0)], &steps);
    assert!(bytes.len() > 1 << 18, "the trace is longer than the reader's buffer");
    let records: Vec<_> =
        Decoder::from_reader(&bytes[..], Mode::Strict).unwrap().map(Result::unwrap).collect();
    assert_eq!(records, read(&bytes));
    assert_eq!(records.len(), 1 + steps.len());
}

#[test]
fn no_record_is_longer_than_promised() {
    // Alternating extremes make every difference and every prefix as long as it gets.
    let far = isize::MIN as usize;
    let mut total_bytes = 0;
    let mut encoder =
        Encoder::<_, 1024>::new(|block: &[u8]| total_bytes += block.len(), &header(8), []);
    let frames = [far, 1, far, 1, far, 1, far, 1];
    encoder.event(
        u32::MAX,
        Owner(u16::MAX),
        &Event::Resize {
            region: RegionId(200),
            old_addr: far,
            addr: 0,
            old_size_bytes: usize::MAX,
            size_bytes: isize::MAX as usize,
            align_log2: 200,
        },
        &frames,
    );
    encoder.finish();
    let headers = write(&header(8), &[], &[]).len();
    let record = total_bytes - headers;
    // A resize has no policy prefix, which is 7 bytes of the bound.
    assert_eq!(record, MAX_RECORD_BYTES - 7);
}

#[test]
fn a_clock_that_wraps_goes_on_and_one_that_steps_back_stands_still() {
    let mark = |time| (time, Owner(0), Entry::Event(Event::Mark { id: 1 }), vec![]);
    let bytes = write(
        &header(0),
        &[],
        &[mark(0xffff_fff0), mark(0x10), mark(0x8), mark(0x20), mark(0xe000_0000)],
    );
    let times: Vec<_> = read(&bytes).iter().map(|record| record.time_ticks).collect();
    assert_eq!(times, [0xffff_fff0, 0x1_0000_0010, 0x1_0000_0010, 0x1_0000_0020, 0x1_e000_0000]);
}

#[test]
fn names_are_cut_between_characters() {
    let name = Name::new(&"ä".repeat(40));
    assert_eq!(name.as_str(), "ä".repeat(23));
}
