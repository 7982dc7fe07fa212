//! The ring: nothing is reordered, and what it drops it counts.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU32, Ordering};

use esparto::{Event, Owner, Sink};
use esparto_trace::{Decoder, Encoder, Entry, Header, Mode, Probe, Recorder, Slot};
use proptest::prelude::*;

struct Clock;

impl Probe for Clock {
    fn now() -> u32 {
        static NOW: AtomicU32 = AtomicU32::new(0);
        NOW.fetch_add(1, Ordering::Relaxed)
    }

    fn frames(frames: &mut [usize]) {
        frames[0] = 0x4200_0001;
    }
}

fn decode(bytes: &[u8]) -> Vec<Entry> {
    Decoder::from_slice(bytes, Mode::Strict).unwrap().map(|record| record.unwrap().entry).collect()
}

fn encode<const FRAMES: usize>(slots: &[Slot<FRAMES>], frame_count: u8) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut header = Header::default();
    header.frame_count = frame_count;
    let mut encoder = Encoder::<_, 256>::new(|b: &[u8]| bytes.extend_from_slice(b), &header, []);
    for slot in slots {
        encoder.slot(slot);
    }
    encoder.finish();
    bytes
}

#[test]
fn an_overflow_is_counted_to_the_event_and_takes_its_place() {
    let mut recorder = Recorder::<Clock, 8>::new();
    let mut slots = [Slot::EMPTY; 32];
    for id in 0..20 {
        recorder.record(Owner(0), Event::Mark { id });
    }
    assert_eq!((recorder.pending_count(), recorder.lost_total_count()), (8, 12));
    assert_eq!(recorder.drain(&mut slots[..5]), 5);
    recorder.record(Owner(0), Event::Mark { id: 100 });
    assert_eq!(recorder.drain(&mut slots[5..]), 5);
    assert_eq!(recorder.drain(&mut slots[10..]), 0);

    let mark = |id| Entry::Event(Event::Mark { id });
    let mut expected: Vec<_> = (0..8).map(mark).collect();
    expected.extend([Entry::Lost { count: 12 }, mark(100)]);
    assert_eq!(decode(&encode(&slots[..10], 0)), expected);
}

#[test]
fn frames_come_from_the_probe() {
    let mut recorder = Recorder::<Clock, 4, 2>::new();
    let failure = Event::Failure {
        size_bytes: 8,
        align_log2: 2,
        require: esparto::Caps::DMA,
        prefer: esparto::Caps::empty(),
    };
    recorder.record(Owner(3), failure);
    let mut slots = [Slot::EMPTY; 1];
    assert_eq!(recorder.drain(&mut slots), 1);
    let bytes = encode(&slots, 2);
    let mut decoder = Decoder::from_slice(&bytes, Mode::Strict).unwrap();
    let record = decoder.next().unwrap().unwrap();
    assert_eq!((record.owner, record.entry), (Owner(3), Entry::Event(failure)));
    assert_eq!(decoder.frames(), [0x4200_0001]);
}

proptest! {
    /// Against a model: whatever the order of recording and draining, the stream is the recorded
    /// one with each run of dropped events replaced by its count.
    #[test]
    fn the_stream_accounts_for_every_event(
        steps in proptest::collection::vec((0u32..12, 0usize..12), 1..40),
    ) {
        let mut recorder = Recorder::<Clock, 8>::new();
        let mut ring = VecDeque::new();
        let (mut expected, mut taken) = (Vec::new(), Vec::new());
        let (mut next_id, mut lost) = (0, 0);
        for (record_count, drain_count) in steps {
            for _ in 0..record_count {
                recorder.record(Owner(0), Event::Mark { id: next_id });
                if ring.len() < 8 {
                    ring.push_back(Entry::Event(Event::Mark { id: next_id }));
                } else {
                    lost += 1;
                }
                next_id += 1;
            }
            prop_assert_eq!(recorder.pending_count(), ring.len());
            let mut slots = [Slot::EMPTY; 12];
            let moved = recorder.drain(&mut slots[..drain_count]);
            prop_assert_eq!(moved, drain_count.min(ring.len()));
            taken.extend_from_slice(&slots[..moved]);
            expected.extend(ring.drain(..moved));
            if moved > 0 && lost > 0 {
                ring.push_back(Entry::Lost { count: std::mem::take(&mut lost) });
            }
        }
        let entries = decode(&encode(&taken, 0));
        prop_assert_eq!(&entries, &expected);
        let accounted: u32 = entries
            .iter()
            .chain(&ring)
            .map(|entry| if let Entry::Lost { count } = entry { *count } else { 1 })
            .sum();
        prop_assert_eq!(accounted + lost, next_id);
    }
}
