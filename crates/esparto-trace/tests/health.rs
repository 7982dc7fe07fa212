//! How a device fares, told over the wire: everything that the monitor reads comes back.

use std::alloc::Layout;
use std::mem::MaybeUninit;

use esparto::bus::{Bus, EventType, Priority, RefusedPosts, Settings};
use esparto::monitor::{Named, Source};
use esparto::pool::{BlockPool, Critical, Shape};
use esparto::stack::Stack;
use esparto::{Caps, Class, LinkedList, Memory, Tiers};
use esparto_trace::{Decoder, Encoder, Entry, Figures, Header, Health, Mode};

static MEMORY: Memory<2> = Memory::new();
static TIERS: Tiers<'static, 3, 2> = Tiers::new(&MEMORY, Class::MULTI_SIZE);
static POOL: BlockPool<Critical> = BlockPool::new();
static BUS: Bus<&Tiers<'static, 3, 2>, 4, 4, 8> = Bus::new(&TIERS);

fn bytes(len: usize) -> &'static mut [MaybeUninit<u8>] {
    Box::leak(vec![MaybeUninit::uninit(); len].into_boxed_slice())
}

#[test]
fn what_the_monitor_reads_comes_back() {
    let caps = Caps::INTERNAL | Caps::BYTE | Caps::WORD | Caps::ATOMIC | Caps::ISR_SAFE;
    MEMORY.add_static::<LinkedList>("sram", bytes(64 << 10), caps).unwrap();
    TIERS.init().unwrap();
    POOL.init_static(bytes(2048), Shape::new(64, 16).unwrap()).unwrap();
    BUS.start().unwrap();
    let sender = BUS.register("sender", Settings::new()).unwrap();
    let receiver = BUS.register("receiver", Settings::new()).unwrap();
    receiver.subscribe(EventType(1)).unwrap();
    sender.post(EventType(1), &[7; 40], Priority::High).unwrap();
    sender.post(EventType(1), &[7; 100 << 10], Priority::High).unwrap_err();
    sender.post(EventType(9), &[], Priority::High).unwrap_err();
    let block = POOL.allocate().unwrap();
    POOL.deallocate(block).unwrap();
    POOL.deallocate(block).unwrap_err();
    MEMORY.allocate(Layout::new::<[u8; 1 << 20]>(), Caps::INTERNAL).unwrap_err();
    let stack = Stack::adopt("control", bytes(2048)).unwrap();

    let (pool, bus) = (Named::new("frames", &POOL), Named::new("bus", &BUS));
    let sources: [&dyn Source; 5] = [&MEMORY, &TIERS, &pool, &*stack, &bus];
    let mut expected = Vec::new();
    for source in sources {
        source.read(&mut |reading| Health::of(&reading, |health| expected.push(health)));
    }

    let mut wire = Vec::new();
    let out = |block: &[u8]| wire.extend_from_slice(block);
    let mut encoder = Encoder::<_, 256>::new(out, &Header::new("host", "linked-list", 1000), []);
    encoder.health(5000, &sources);
    encoder.flush();
    encoder.finish();
    let records = Decoder::from_slice(&wire, Mode::Strict).unwrap().map(Result::unwrap);
    let told: Vec<_> = records
        .map(|record| match record.entry {
            Entry::Health(health) => (record.time_ticks, health),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(told, expected.iter().map(|&health| (5000, health)).collect::<Vec<_>>());

    // The figures are those of the things themselves.
    let of = |name: &'static str| told.iter().filter(move |(_, it)| it.name.as_str() == name);
    let figures = |name: &'static str| of(name).map(|(_, it)| it.figures).collect::<Vec<_>>();
    assert!(matches!(figures("sram")[..], [Figures::Heap { stats, .. }]
        if stats.free_bytes == MEMORY.region_stats(esparto::RegionId(0)).unwrap().free_bytes));
    let [Figures::Class { pool, alloc_count: 1, free_count: 0 }] = figures("Medium")[..] else {
        panic!("{:?}", figures("Medium"));
    };
    assert_eq!((pool.block_bytes, pool.block_count, pool.used_count), (128, 50, 1));
    let [Figures::Pool(pool)] = figures("frames")[..] else { panic!("one pool") };
    assert_eq!((pool.used_count, pool.peak_count, pool.refused.repeated_count), (0, 1, 1));
    let [Figures::Stack { usable_bytes, unused_bytes, is_breached: false }] =
        figures("control")[..]
    else {
        panic!("one stack");
    };
    assert_eq!(usable_bytes, unused_bytes, "nothing ran on it");
    let [Figures::Bus { is_started: true, posted_count: 1, alive_count: 1, .. }, refused @ ..] =
        &figures("bus")[..]
    else {
        panic!("{:?}", figures("bus"));
    };
    let reasons: Vec<_> = refused
        .iter()
        .map(|figures| match *figures {
            Figures::RefusedPosts { reason, count } => {
                (RefusedPosts::REASONS[usize::from(reason)], count)
            }
            ref other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(reasons, [("unknown type", 1), ("too large", 1)]);
    let lines: Vec<_> = of("bus").map(|(_, health)| health.to_string()).collect();
    assert_eq!(
        lines,
        [
            "bus bus: 2 services, 1 of 8 events alive, peak 1, 1 posted, 0 delivered, 0 dropped",
            "bus bus: 1 posts refused: unknown type",
            "bus bus: 1 posts refused: too large",
        ]
    );
}
