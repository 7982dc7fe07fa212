//! A real memory, recorded, encoded and decoded: the trace tells what the memory knows.

use std::alloc::Layout;
use std::collections::HashMap;
use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicU32, Ordering};

use esparto::{Caps, Class, Event, LinkedList, Memory, Owner, PoolEvent, RegionId, Tiers};
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

#[test]
fn the_trace_of_tiers_tells_what_became_of_every_block() {
    static MEMORY: Memory<1, Recorder<Clock, 256>> = Memory::with_sink(Recorder::new());
    static TIERS: Tiers<'static, 2, 1, Recorder<Clock, 256>> =
        Tiers::new(&MEMORY, [Class::new("Small", 32, 2), Class::new("Off", 256, 0)]);
    let mut bytes = Vec::new();
    let out = |block: &[u8]| bytes.extend_from_slice(block);
    let mut encoder = Encoder::<_, 256>::new(out, &Header::new("host", "linked-list", 1), []);
    let buffer = Box::leak(vec![MaybeUninit::uninit(); 0x4000].into_boxed_slice());
    let caps = Caps::INTERNAL | Caps::BYTE | Caps::ATOMIC | Caps::ISR_SAFE;
    let id = MEMORY.add_static::<LinkedList>("dram", buffer, caps).unwrap();
    encoder.define_region(&RegionDefinition::from(&MEMORY.region_stats(id).unwrap()));

    TIERS.init().unwrap();
    let layout = Layout::from_size_align(20, 4).unwrap();
    let [one, other] = [(); 2].map(|()| TIERS.allocate(layout).unwrap());
    // The third goes on to the heap.
    let third = TIERS.allocate(layout).unwrap();
    // SAFETY: all came from these tiers with this layout; what is wrong is refused.
    unsafe {
        TIERS.deallocate(other.as_ptr().wrapping_add(4), layout).unwrap_err();
        TIERS.deallocate(one.as_ptr(), layout).unwrap();
        TIERS.deallocate(other.as_ptr(), layout).unwrap();
        TIERS.deallocate(third.as_ptr(), layout).unwrap();
    }
    TIERS.deinit().unwrap();
    encoder.drain_from(|slots| MEMORY.with_sink_mut(|ring| ring.drain(slots)).unwrap());
    encoder.finish();

    let (mut told, mut heap_blocks) = (Vec::new(), 0);
    for record in Decoder::from_slice(&bytes, Mode::Strict).unwrap() {
        match record.unwrap().entry {
            Entry::Pool(event) => told.push(event),
            Entry::Event(Event::Allocate { addr, .. }) => {
                heap_blocks += usize::from(addr == third.addr().get());
            }
            _ => {}
        }
    }
    let (one, other) = (one.addr().get(), other.addr().get());
    let start_addr = one.min(other);
    let expected = [
        PoolEvent::SetUp { start_addr, block_bytes: 32, block_count: 2 },
        PoolEvent::Take { addr: one, size_bytes: 20 },
        PoolEvent::Take { addr: other, size_bytes: 20 },
        PoolEvent::Refused { addr: other + 4 },
        PoolEvent::Give { addr: one },
        PoolEvent::Give { addr: other },
        PoolEvent::End { start_addr },
    ];
    assert_eq!((told.as_slice(), heap_blocks), (expected.as_slice(), 1));
}
