//! A real memory, recorded, encoded and decoded: the trace tells what the memory knows.

use std::alloc::Layout;
use std::collections::HashMap;
use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicU32, Ordering};

use esparto::{Caps, Event, LinkedList, Memory, Owner, RegionId};
use esparto_trace::{
    Decoder, Encoder, Entry, Header, Mode, Name, Probe, Recorder, RegionDefinition,
};

struct Clock;

impl Probe for Clock {
    fn now() -> u32 {
        static NOW: AtomicU32 = AtomicU32::new(0);
        NOW.fetch_add(1, Ordering::Relaxed)
    }
}

#[test]
fn the_trace_of_a_memory_leads_to_its_snapshot() {
    let memory = Memory::<2, Recorder<Clock, 256>>::with_sink(Recorder::new());
    let mut bytes = Vec::new();
    let out = |block: &[u8]| bytes.extend_from_slice(block);
    let mut encoder = Encoder::<_, 256>::new(out, &Header::new("host", "linked-list", 1), []);
    let caps = [Caps::INTERNAL | Caps::BYTE, Caps::EXTERNAL | Caps::BYTE];
    for (name, caps) in ["dram", "psram"].into_iter().zip(caps) {
        let buffer = Box::leak(vec![MaybeUninit::uninit(); 0x4000].into_boxed_slice());
        let id = memory.add_static::<LinkedList>(name, buffer, caps).unwrap();
        encoder.define_region(&RegionDefinition::from(&memory.region_stats(id).unwrap()));
    }

    memory.set_owner(Owner(7));
    encoder.define_owner(Owner(7), "decode");
    let layout = |k: usize| Layout::from_size_align(1 + k * 29 % 300, 1 << (k % 4)).unwrap();
    let caps = |k: usize| if k.is_multiple_of(3) { Caps::EXTERNAL } else { Caps::INTERNAL };
    let mut blocks: Vec<_> = (0..40)
        .map(|k| (memory.allocate(layout(k), caps(k)).unwrap(), layout(k), caps(k)))
        .collect();
    memory.allocate(Layout::new::<[u8; 0x8000]>(), Caps::INTERNAL).unwrap_err();
    for (k, (block, old, caps)) in blocks.iter_mut().enumerate().take(20) {
        let new = Layout::from_size_align(1 + k * 50, old.align()).unwrap();
        // SAFETY: the block was allocated with this layout and is not used as the old one again.
        *block = unsafe { memory.resize(*block, *old, new, *caps) }.unwrap();
        *old = new;
    }
    memory.mark(5);
    for (block, layout, _) in blocks.drain(10..30) {
        // SAFETY: the block was allocated with this layout and is drained from the list.
        unsafe { memory.deallocate(block, layout) };
    }
    encoder.drain_from(|slots| memory.with_sink_mut(|ring| ring.drain(slots)).unwrap());
    let stats: Vec<_> = [0, 1].map(|id| memory.region_stats(RegionId(id)).unwrap()).into();
    encoder.snapshot(Clock::now(), &stats);
    encoder.finish();

    let mut live = HashMap::new();
    let (mut marks, mut failures, mut names, mut snapshots) = (0, 0, Vec::new(), Vec::new());
    for record in Decoder::from_slice(&bytes, Mode::Strict).unwrap() {
        let record = record.unwrap();
        match record.entry {
            Entry::Event(event) => {
                assert_eq!(record.owner, Owner(7));
                match event {
                    Event::Allocate { region, addr, size_bytes, .. } => {
                        assert_eq!(live.insert(addr, (region, size_bytes)), None);
                    }
                    Event::Deallocate { region, addr, size_bytes } => {
                        assert_eq!(live.remove(&addr), Some((region, size_bytes)));
                    }
                    Event::Resize {
                        region, old_addr, addr, old_size_bytes, size_bytes, ..
                    } => {
                        assert_eq!(live.remove(&old_addr), Some((region, old_size_bytes)));
                        assert_eq!(live.insert(addr, (region, size_bytes)), None);
                    }
                    Event::Failure { size_bytes, .. } => {
                        failures += usize::from(size_bytes == 0x8000);
                    }
                    Event::Mark { id } => marks += id,
                }
            }
            Entry::Region(region) => names.push(region.name),
            Entry::Snapshot(snapshot) => snapshots.push(snapshot),
            Entry::OwnerName { owner, name } => {
                assert_eq!((owner, name), (Owner(7), Name::new("decode")));
            }
            other => panic!("{other:?} was not written"),
        }
    }
    assert_eq!((marks, failures, live.len()), (5, 1, blocks.len()));
    assert_eq!(names, ["dram", "psram"].map(Name::new));
    assert_eq!(snapshots.len(), 2);
    for (snapshot, stats) in snapshots.iter().zip(&stats) {
        let held = live.values().filter(|(region, _)| *region == snapshot.region);
        assert_eq!(snapshot.live_count, held.count());
        assert_eq!(
            snapshot.free_bytes + snapshot.live_bytes + snapshot.bookkeeping_bytes,
            stats.size_bytes
        );
    }
    assert!(snapshots[1].is_last && !snapshots[0].is_last);
}
