//! Guards: a guarded heap is a heap, planted violations are found and named, leaks are told by
//! site, and what does not fit the table is counted.

use std::alloc::Layout;
use std::cell::Cell;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::kept::bytes;
use crate::oracle::{Op, Oracle, exhaust, random};
use esparto::guard::{Guarded, Ledger, OwnerHeap, Rules, Site, Standard, Violation, ViolationLog};
use esparto::heap::freertos::Heap4;
use esparto::heap::{Grant, InitError, RawHeap};
use esparto::{
    Caps, Corruption, Cursor, Event, Heap, LinkedList, Memory, Owner, Progress, Realtime,
    RegionError, RegionId, Sink, Throughput,
};
use proptest::prelude::*;

const SRAM: Caps = Caps::INTERNAL.union(Caps::BYTE).union(Caps::WORD).union(Caps::ATOMIC);

/// Rules with a log that no other test writes to.
macro_rules! rules {
    ($name:ident) => {
        struct $name;
        impl Rules for $name {
            fn log() -> &'static ViolationLog {
                static LOG: ViolationLog = ViolationLog::new();
                &LOG
            }
        }
    };
}

fn guarded<R: Rules, const HELD: usize>() -> Guarded<LinkedList, R, HELD> {
    let memory = NonNull::from(bytes(4096));
    let memory = NonNull::slice_from_raw_parts(memory.cast(), memory.len());
    // SAFETY: nobody else has this memory.
    unsafe { Guarded::init(memory) }.unwrap()
}

fn layout(size: usize, align: usize) -> Layout {
    Layout::from_size_align(size, align).unwrap()
}

fn take<R: Rules, const HELD: usize>(
    heap: &mut Guarded<LinkedList, R, HELD>,
    layout: Layout,
) -> NonNull<u8> {
    heap.allocate(layout).unwrap().ptr
}

fn poke(block: NonNull<u8>, offset: isize, byte: u8) {
    // SAFETY: the guards of a block are there to be written by mistake.
    unsafe { block.offset(offset).write(byte) };
}

fn give<R: Rules, const HELD: usize>(
    heap: &mut Guarded<LinkedList, R, HELD>,
    ptr: NonNull<u8>,
    layout: Layout,
) -> usize {
    // SAFETY: a guarded heap refuses what is wrong.
    unsafe { heap.deallocate(ptr, layout) }
}

rules!(Held);
const CASES: u32 = if cfg!(miri) { 1 } else { 48 };
const OPS: usize = if cfg!(miri) { 12 } else { 250 };

proptest! {
    #![proptest_config(ProptestConfig {
        cases: CASES,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_guarded_heap_is_a_heap(ops in random::ops(OPS, 500)) {
        random::run::<Guarded<LinkedList, Held>>(8000, &ops);
        random::run::<Guarded<Heap<Realtime>, Held, 0>>(8000, &ops);
        random::run::<Guarded<Heap<Throughput>, Held, 3>>(8000, &ops);
        prop_assert_eq!(Held::log().count(), 0, "nothing was wrong");
    }
}

#[test]
fn every_short_sequence_holds() {
    let ops = [
        Op::Allocate { size: 1, align_log2: 0 },
        Op::Allocate { size: 24, align_log2: 6 },
        Op::Deallocate { index: 0 },
        Op::Resize { index: 0, size: 40 },
        Op::Resize { index: 0, size: 3 },
    ];
    rules!(Short);
    exhaust::<Guarded<LinkedList, Short, 2>>(384, &ops, if cfg!(miri) { 2 } else { 5 });
    assert_eq!(Short::log().count(), 0);
}

#[test]
fn one_byte_too_many_is_found_at_the_free() {
    rules!(Own);
    let mut heap = guarded::<Own, 4>();
    for size in [1, 7, 8, 24, 100] {
        let block = take(&mut heap, layout(size, 4));
        poke(block, size as isize, 0x41);
        give(&mut heap, block, layout(size, 4));
        let block_addr = block.addr().get();
        let violation = Own::log().take().expect("found");
        assert!(
            matches!(violation, Violation::Overrun { block_addr: b, size_bytes, at_addr, expected, actual: 0x41 }
                if b == block_addr && size_bytes == size && at_addr == b + size && expected != 0x41),
            "{violation}"
        );
    }
    assert_eq!((Own::log().count(), Own::log().take()), (5, None));
}

#[test]
fn one_byte_in_front_is_found_and_so_is_a_whole_header() {
    rules!(Own);
    let mut heap = guarded::<Own, 4>();
    let (a, b) = (take(&mut heap, layout(32, 8)), take(&mut heap, layout(32, 64)));
    poke(a, -1, 0);
    let taken = give(&mut heap, a, layout(32, 8));
    assert_eq!(taken, heap.footprint_bytes(layout(32, 8)), "it goes back all the same");
    assert!(matches!(
        Own::log().take(),
        Some(Violation::Underrun { block_addr, at_addr, actual: 0, .. })
            if block_addr == a.addr().get() && at_addr == block_addr - 1
    ));
    (-16..0).for_each(|offset| poke(b, offset, 0x55));
    let taken = give(&mut heap, b, layout(32, 64));
    assert_eq!(taken, heap.footprint_bytes(layout(32, 64)));
    let violation = Own::log().take().unwrap();
    assert_eq!(
        violation,
        Violation::Header {
            block_addr: b.addr().get(),
            size_word: 0x5555_5555,
            check_word: 0x5555_5555
        }
    );
}

#[test]
fn damage_is_found_by_a_check_without_a_free() {
    rules!(Own);
    let mut heap = guarded::<Own, 4>();
    let blocks = [(); 20].map(|()| take(&mut heap, layout(40, 4)));
    let check = |heap: &Guarded<LinkedList, Own, 4>| {
        let mut cursor = Cursor::default();
        loop {
            match heap.check(&mut cursor, 1) {
                Ok(Progress::More) => {}
                done => break done,
            }
        }
    };
    assert_eq!(check(&heap), Ok(Progress::Done));
    poke(blocks[13], 40, 0x77);
    for _ in 0..3 {
        let error = check(&heap).unwrap_err();
        assert!(matches!(error, Corruption::Mismatch { at_addr, actual: 0x77, .. }
            if at_addr == blocks[13].addr().get()));
    }
    assert_eq!(Own::log().count(), 3);
    assert!(matches!(Own::log().take(), Some(Violation::Overrun { .. })));
    assert_eq!(Own::log().take(), None, "the same one is kept once");
}

#[test]
fn a_write_after_the_free_is_found_when_the_block_leaves_quarantine() {
    rules!(Own);
    let mut heap = guarded::<Own, 2>();
    let block = take(&mut heap, layout(48, 4));
    give(&mut heap, block, layout(48, 4));
    assert_eq!(heap.held_count(), 1);
    poke(block, 20, 0x99);
    assert_eq!(Own::log().count(), 0);
    assert!(heap.settle(), "lets the oldest go");
    assert_eq!(
        Own::log().take(),
        Some(Violation::WrittenAfterFree {
            block_addr: block.addr().get(),
            size_bytes: 48,
            at_addr: block.addr().get() + 20,
            expected: Own::POISON,
            actual: 0x99,
        })
    );
    assert_eq!(heap.held_count(), 0);
}

#[test]
fn quarantine_is_bounded_and_keeps_a_block_from_being_used_again() {
    rules!(Own);
    let mut heap = guarded::<Own, 3>();
    let first = take(&mut heap, layout(64, 4));
    give(&mut heap, first, layout(64, 4));
    let others = [(); 3].map(|()| take(&mut heap, layout(64, 4)));
    assert!(others.iter().all(|&other| other != first), "not while it is held");
    others.into_iter().for_each(|other| {
        give(&mut heap, other, layout(64, 4));
        assert!(heap.held_count() <= 3);
    });
    assert_eq!(heap.held_count(), 3, "by count");
    let large = take(&mut heap, layout(2000, 4));
    give(&mut heap, large, layout(2000, 4));
    assert_eq!(heap.held_count(), 3, "larger than the quarantine: goes at once");
    let most = take(&mut heap, layout(980, 4));
    give(&mut heap, most, layout(980, 4));
    assert_eq!(heap.held_count(), 1, "by bytes: {} at the most", Own::QUARANTINE_BYTES);
    while heap.settle() {}
    assert_eq!(heap.crumb_bytes(), 0);
    assert_eq!(Own::log().count(), 0);
}

#[test]
fn wrong_frees_are_refused_named_and_harmless() {
    rules!(Own);
    let mut heap = guarded::<Own, 2>();
    let block = take(&mut heap, layout(64, 4));
    let addr = block.addr().get();
    // SAFETY: inside of the block.
    let inside = |bytes| unsafe { block.add(bytes) };
    for bytes in [1, 8, 32, 63] {
        assert_eq!(give(&mut heap, inside(bytes), layout(8, 4)), 0);
        let expected = Violation::Interior { addr: addr + bytes, block_addr: addr, size_bytes: 64 };
        assert_eq!(Own::log().take(), Some(expected));
    }
    let mut elsewhere = [0u64; 2];
    let foreign = NonNull::from(&mut elsewhere).cast::<u8>();
    for foreign in [foreign, NonNull::dangling(), inside(200)] {
        assert_eq!(give(&mut heap, foreign, layout(8, 4)), 0);
        let expected = Violation::Foreign { addr: foreign.addr().get() };
        assert_eq!(Own::log().take(), Some(expected));
    }
    assert_ne!(give(&mut heap, block, layout(64, 4)), 0);
    for again in [block, inside(16)] {
        assert_eq!(give(&mut heap, again, layout(64, 4)), 0);
        assert_eq!(Own::log().take(), Some(Violation::Repeated { block_addr: addr }));
    }
    while heap.settle() {}
    assert_eq!(give(&mut heap, block, layout(64, 4)), 0);
    assert_eq!(Own::log().take(), Some(Violation::Foreign { addr }), "no block any more");

    // Nor is it resized.
    // SAFETY: a guarded heap refuses what is wrong.
    assert_eq!(unsafe { heap.grow(block, layout(64, 4), 100) }, None);
    assert_eq!(Own::log().count(), 11);
    // All of it is free again.
    assert!(heap.allocate(layout(heap.largest_free(4), 4)).is_some());
}

#[test]
fn a_free_with_another_layout_is_told_and_done_with_the_true_one() {
    rules!(Own);
    let mut heap = guarded::<Own, 0>();
    let free_bytes = heap.largest_free(4);
    let block = take(&mut heap, layout(40, 8));
    assert_ne!(give(&mut heap, block, layout(80, 4)), 0);
    assert_eq!(
        Own::log().take(),
        Some(Violation::Layout {
            block_addr: block.addr().get(),
            expected_bytes: 40,
            actual_bytes: 80,
            expected_align: 8,
            actual_align: 4,
        })
    );
    assert_eq!(heap.largest_free(4), free_bytes);
}

#[test]
fn fresh_and_freed_memory_is_filled() {
    let mut heap = guarded::<Standard, 1>();
    let Grant { ptr, taken_bytes } = heap.allocate(layout(50, 4)).unwrap();
    let overhead = Guarded::<LinkedList, Standard, 1>::BLOCK_OVERHEAD_BYTES;
    assert!((50 + overhead..50 + overhead + 8).contains(&taken_bytes));
    // SAFETY: the block is filled and this long.
    let block = unsafe { NonNull::slice_from_raw_parts(ptr, 50).as_ref() };
    assert!(block.iter().all(|&byte| byte == Standard::FRESH));
    // SAFETY: the block is live.
    unsafe { heap.grow(ptr, layout(50, 4), 70) }.unwrap();
    // SAFETY: as long as it is now.
    let block = unsafe { NonNull::slice_from_raw_parts(ptr, 70).as_ref() };
    assert!(block.iter().all(|&byte| byte == Standard::FRESH));
    give(&mut heap, ptr, layout(70, 4));
    // SAFETY: in quarantine, so nobody's.
    let block = unsafe { NonNull::slice_from_raw_parts(ptr, 70).as_ref() };
    assert!(block.iter().all(|&byte| byte == Standard::POISON));
}

#[test]
fn too_little_memory_is_refused_with_what_it_takes() {
    rules!(Own);
    for len in [0, 8, 16] {
        let memory = NonNull::from(&mut bytes(64)[..len]);
        let memory = NonNull::slice_from_raw_parts(memory.cast(), len);
        // SAFETY: nobody else has this memory.
        let result = unsafe { Guarded::<LinkedList, Own>::init(memory) };
        assert!(matches!(result, Ok(_) | Err(InitError::TooSmall { .. })));
        if len < 16 {
            let Err(InitError::TooSmall { len_bytes, needed_bytes }) = result else { panic!() };
            assert!(len_bytes <= needed_bytes && needed_bytes <= 24);
        }
    }
    let memory: Memory<1> = Memory::new();
    let result = memory.add_static::<Guarded<LinkedList, Own>>("tiny", bytes(64), SRAM);
    assert!(matches!(result, Err(RegionError::TooSmall { .. })));
}

#[test]
fn a_full_log_says_what_it_lost() {
    rules!(Own);
    let mut heap = guarded::<Own, 0>();
    for index in 0..12 {
        let foreign = NonNull::without_provenance((0x1000 + index * 8).try_into().unwrap());
        give(&mut heap, foreign, layout(8, 8));
    }
    assert_eq!((Own::log().count(), Own::log().lost_count()), (12, 4));
    let first = std::iter::from_fn(|| Own::log().take()).collect::<Vec<_>>();
    assert_eq!(first.len(), ViolationLog::LIMIT_COUNT);
    assert_eq!(first[0], Violation::Foreign { addr: 0x1000 }, "the oldest first");
}

fn clock() -> u32 {
    static NOW: AtomicU32 = AtomicU32::new(100);
    NOW.fetch_add(1, Ordering::Relaxed)
}

rules!(InMemory);

fn watched() -> Memory<2, Ledger<16>> {
    let memory = Memory::with_sink(Ledger::new().with_clock(clock));
    memory.add_static::<Guarded<LinkedList, InMemory>>("sram", bytes(8192), SRAM).unwrap();
    memory
}

#[test]
fn a_violation_in_a_memory_names_block_owner_and_site() {
    let memory = watched();
    memory.set_owner(Owner(3));
    let block = memory.allocate_here(layout(24, 4), Caps::INTERNAL).unwrap();
    let line = line!() - 1;
    poke(block, 24, 0);
    // SAFETY: from this memory, with this layout.
    unsafe { memory.deallocate(block, layout(24, 4)) };
    let violation = InMemory::log().take().unwrap();
    let named = memory.name_violation(violation);
    let record = named.record.expect("freed records stay until their place is needed");
    assert_eq!((record.owner, record.size_bytes), (Owner(3), 24));
    assert_eq!(record.site, Some(Site { file: file!(), line }));
    assert_eq!(record.freed.map(|freed| freed.owner), Some(Owner(3)));
    let text = named.to_string();
    for part in ["written behind the end of block 0x", "is 0x00, expected 0xc5", "of owner 3"] {
        assert!(text.contains(part), "{text}");
    }
    assert!(text.contains(&format!("asked for in {}:{line} at 1", file!())), "{text}");

    // A second free is refused; the memory's account and its live blocks stay exact.
    let before = memory.region_stats(RegionId(0)).unwrap();
    // SAFETY: a guarded heap refuses it.
    unsafe { memory.deallocate(block, layout(24, 4)) };
    assert_eq!(memory.region_stats(RegionId(0)).unwrap(), before);
    assert_eq!(before.live_count, 0);
    let again = memory.name_violation(InMemory::log().take().unwrap());
    assert!(again.to_string().contains("was given back twice: refused; the block: 24 bytes"));
    assert_eq!(memory.check(RegionId(0), &mut Cursor::default(), 999), Some(Ok(Progress::Done)));
    let nobody = memory.name_violation(Violation::Foreign { addr: 8 });
    assert!(nobody.to_string().ends_with("there is no record of the block"));
}

#[test]
fn leaks_are_told_by_site_and_owner() {
    let memory: Memory<2, Ledger<16>> = Memory::with_sink(Ledger::new());
    memory.add_static::<LinkedList>("sram", bytes(8192), SRAM).unwrap();
    let site = |line| Site { file: "task.rs", line };
    let take = |owner, line, size| {
        memory.set_owner(Owner(owner));
        memory.allocate_at(site(line), layout(size, 4), Caps::INTERNAL).unwrap()
    };
    let kept = [take(1, 10, 100), take(1, 10, 100), take(2, 10, 50), take(1, 20, 8)];
    let freed = take(1, 30, 64);
    // SAFETY: from this memory, with this layout.
    unsafe { memory.deallocate(freed, layout(64, 4)) };
    let unsited = memory.allocate(layout(4, 4), Caps::INTERNAL).unwrap();
    assert_eq!(
        memory.leaks().to_string(),
        "Live blocks by site:\n  \
         task.rs:10: 2 blocks, 200 bytes of owner 1, from 0 to 0\n  \
         task.rs:10: 1 block, 50 bytes of owner 2, from 0 to 0\n  \
         task.rs:20: 1 block, 8 bytes of owner 1, from 0 to 0\n  \
         somewhere: 1 block, 4 bytes of owner 1, from 0 to 0"
    );
    assert_eq!(memory.owner_heap(Owner(1)), OwnerHeap { live_bytes: 212, live_count: 4 });
    for (block, size) in kept.into_iter().zip([100, 100, 50, 8]).chain([(unsited, 4)]) {
        // SAFETY: from this memory, with this layout.
        unsafe { memory.deallocate(block, layout(size, 4)) };
    }
    assert_eq!(memory.leaks().to_string(), "Live blocks by site: none");
}

#[test]
fn a_resized_block_keeps_its_site_wherever_it_moves() {
    let memory = watched();
    let block = memory.allocate_here(layout(32, 4), Caps::INTERNAL).unwrap();
    let site = memory.record_of(block.addr().get()).unwrap().site;
    memory.allocate(layout(8, 4), Caps::INTERNAL).unwrap();
    // SAFETY: from this memory, with this layout.
    let moved =
        unsafe { memory.resize(block, layout(32, 4), layout(600, 4), Caps::INTERNAL) }.unwrap();
    assert_ne!(moved, block);
    let record = memory.record_of(moved.addr().get()).unwrap();
    assert_eq!((record.size_bytes, record.site), (600, site));
    assert_eq!(memory.record_of(block.addr().get()), None);
}

#[cfg(feature = "allocator-api2-v0_3")]
#[test]
fn what_collections_ask_for_gets_the_site_around_it() {
    use allocator_api2_v0_3::vec::Vec as ApiVec;
    let memory = watched();
    let line = line!() + 1;
    let list = memory.here(|| {
        let mut list = ApiVec::new_in(memory.with(Caps::INTERNAL));
        list.extend(0..50u32);
        list
    });
    let leaks: Vec<_> = memory.leaks().sites().collect();
    assert_eq!(leaks.len(), 1);
    assert_eq!(leaks[0].site, Some(Site { file: file!(), line }));
    drop(list);
    assert_eq!(memory.leaks().sites().count(), 0);
}

#[test]
fn blocks_beyond_the_table_are_counted_and_never_silent() {
    let memory: Memory<2, Ledger<4>> = Memory::with_sink(Ledger::default());
    memory.add_static::<LinkedList>("sram", bytes(8192), SRAM).unwrap();
    let blocks = [(); 6].map(|()| memory.allocate(layout(16, 4), Caps::INTERNAL).unwrap());
    let unrecorded = || {
        memory
            .with_sink_mut(|ledger| (ledger.unrecorded_live_count(), ledger.unrecorded_count()))
            .unwrap()
    };
    assert_eq!(unrecorded(), (2, 2));
    let text = memory.leaks().to_string();
    assert!(text.ends_with("2 more have no record: make the ledger larger"), "{text}");
    for block in blocks {
        // SAFETY: from this memory, with this layout.
        unsafe { memory.deallocate(block, layout(16, 4)) };
    }
    assert_eq!(unrecorded(), (0, 2));
    assert_eq!(memory.leaks().sites().count(), 0);
}

#[test]
fn a_ledger_hands_on_what_it_is_told() {
    #[derive(Default)]
    struct Count(Cell<usize>);
    impl Sink for Count {
        fn record(&mut self, _owner: Owner, _event: Event) {
            self.0.set(self.0.get() + 1);
        }
    }
    let mut ledger = Ledger::<2, Count>::with_sink(Count::default());
    for id in 0..5 {
        ledger.record(Owner(0), Event::Mark { id });
    }
    assert_eq!(ledger.sink_mut().0.get(), 5);
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: CASES,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// Wherever the first byte is written that is not the user's, it is found and named.
    #[test]
    fn a_planted_byte_is_found_wherever_it_is(
        sizes in prop::collection::vec(1usize..200, 1..12),
        victim in 0usize..12,
        behind in 0isize..8,
        in_front in any::<bool>(),
        flip in 1u8..=255,
    ) {
        rules!(Own);
        let mut heap = guarded::<Own, 2>();
        let blocks: Vec<_> =
            sizes.iter().map(|&size| (take(&mut heap, layout(size, 4)), layout(size, 4))).collect();
        let (block, of) = blocks[victim % blocks.len()];
        let offset = if in_front { -1 - behind } else { of.size() as isize + behind };
        // SAFETY: one of the guard's bytes.
        let old = unsafe { block.offset(offset).read() };
        poke(block, offset, old ^ flip);
        for &(ptr, layout) in &blocks {
            give(&mut heap, ptr, layout);
        }
        let violation = Own::log().take().expect("found");
        prop_assert_eq!(violation.block_addr(), block.addr().get());
        let addr = block.addr().get().wrapping_add_signed(offset);
        let (expected, found) = match violation {
            Violation::Overrun { at_addr, expected, actual, .. } if !in_front => {
                (expected, (at_addr, actual))
            }
            Violation::Underrun { at_addr, expected, actual, .. } if in_front => {
                (expected, (at_addr, actual))
            }
            other => panic!("{other}"),
        };
        prop_assert_eq!((expected, found), (old, (addr, old ^ flip)));
        prop_assert_eq!(Own::log().take(), None);
    }
}

/// The oracle is for all heaps; this one uses all of it.
#[test]
fn the_oracle_drains_a_guarded_heap() {
    rules!(Own);
    let mut oracle = Oracle::<Guarded<Heap, Own>>::new(4096);
    for index in 0..20 {
        oracle.apply(Op::Allocate { size: 20 + index * 7, align_log2: (index % 6) as u8 });
    }
    oracle.assert_sound();
    oracle.drain();
    assert_eq!(Own::log().count(), 0);
}

/// A heap may leave a rest with a block: what the guard says of it is what the heap says.
#[test]
fn what_a_block_takes_is_what_the_heap_inside_says_and_gives_back() {
    rules!(Own);
    let memory = NonNull::from(bytes(8192));
    let memory = NonNull::slice_from_raw_parts(memory.cast(), memory.len());
    // SAFETY: nobody else has this memory.
    let mut heap = unsafe { Guarded::<Heap4, Own, 0>::init(memory) }.unwrap();
    let mut blocks: Vec<_> = (0..40)
        .filter_map(|k| {
            let layout = layout(1 + k * 13 % 70, 8);
            heap.allocate(layout).map(|grant| (grant.ptr, layout, grant.taken_bytes))
        })
        .collect();
    // Gaps that are a little too large for what comes next.
    for (k, place) in blocks.iter_mut().enumerate().filter(|(k, _)| k % 2 == 0) {
        let (ptr, old, taken_bytes) = *place;
        // SAFETY: live, with this layout; taken anew just below.
        assert_eq!(unsafe { heap.deallocate(ptr, old) }, taken_bytes);
        let new = layout(old.size().saturating_sub(k % 5).max(1), 8);
        let grant = heap.allocate(new).unwrap();
        *place = (grant.ptr, new, grant.taken_bytes);
    }
    let mut rest_count = 0;
    for (ptr, layout, taken_bytes) in blocks {
        // SAFETY: live, with this layout.
        assert_eq!(unsafe { heap.taken_bytes(ptr, layout) }, taken_bytes);
        rest_count += usize::from(taken_bytes > heap.footprint_bytes(layout));
        // SAFETY: as above, given back once.
        assert_eq!(unsafe { heap.deallocate(ptr, layout) }, taken_bytes);
    }
    assert_ne!(rest_count, 0, "no block was left a rest");
}
