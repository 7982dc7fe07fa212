//! The linked-list heap, in all its variants, against the oracle, and its own habits by name.

use std::alloc::Layout;
use std::ptr::NonNull;

use crate::oracle::{Op, Oracle, exhaust, random};
use esparto::heap::linked_list::{
    Address, BestFit, Carried, Derived, FirstFit, Fit, LinkedList, Merge, Merging, NoMerging,
};
use esparto::heap::{Corruption, Cursor, InitError, Progress, RawHeap};
use proptest::prelude::*;

type BestMerging = LinkedList<BestFit, Merging, Derived>;
type FirstPlain = LinkedList<FirstFit, NoMerging, Derived>;
type FirstCarried = LinkedList<FirstFit, Merging, Carried>;
type BestCarried = LinkedList<BestFit, NoMerging, Carried>;

const CASES: u32 = if cfg!(miri) { 1 } else { 128 };
const OPS: usize = if cfg!(miri) { 12 } else { 200 };

proptest! {
    #![proptest_config(ProptestConfig { cases: CASES, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn first_fit_merging_holds(ops in random::ops(OPS, 900)) {
        random::run::<LinkedList>(4096, &ops);
    }

    #[test]
    fn best_fit_merging_holds(ops in random::ops(OPS, 900)) {
        random::run::<BestMerging>(4096, &ops);
    }

    #[test]
    fn first_fit_without_merging_holds(ops in random::ops(OPS, 900)) {
        random::run::<FirstPlain>(4096, &ops);
    }

    #[test]
    fn address_carrying_holds(ops in random::ops(OPS, 900)) {
        random::run::<FirstCarried>(4096, &ops);
        random::run::<BestCarried>(4096, &ops);
    }
}

#[test]
fn every_short_sequence_holds() {
    const SMALL: [Op; 7] = [
        Op::Allocate { size: 1, align_log2: 0 },
        Op::Allocate { size: 12, align_log2: 2 },
        Op::Allocate { size: 8, align_log2: 5 },
        Op::Deallocate { index: 0 },
        Op::Deallocate { index: usize::MAX },
        Op::Resize { index: 0, size: 20 },
        Op::Resize { index: 1, size: 5 },
    ];
    let depth = if cfg!(miri) { 1 } else { 6 };
    assert_eq!(exhaust::<LinkedList>(64, &SMALL, depth), SMALL.len().pow(depth));
    exhaust::<BestCarried>(64, &SMALL, depth.min(5));
}

fn place<F: Fit, M: Merge, A: Address>(
    heap: &mut LinkedList<F, M, A>,
    size: usize,
) -> Option<NonNull<u8>> {
    heap.allocate(Layout::from_size_align(size, 4).unwrap()).map(|grant| grant.ptr)
}

fn give<F: Fit, M: Merge, A: Address>(
    heap: &mut LinkedList<F, M, A>,
    ptr: NonNull<u8>,
    size: usize,
) {
    // SAFETY: placed by this test with this layout, given back once.
    unsafe { heap.deallocate(ptr, Layout::from_size_align(size, 4).unwrap()) };
}

#[test]
fn starts_as_one_block_and_carves_from_its_start() {
    let mut oracle = Oracle::<LinkedList>::new(256);
    assert_eq!(oracle.heap.largest_free(4), 256);
    let mut first = None;
    oracle.heap.walk(&mut |extent| first = Some(extent.start_addr));
    let a = place(&mut oracle.heap, 16).unwrap();
    let b = place(&mut oracle.heap, 16).unwrap();
    assert_eq!(Some(a.addr().get()), first);
    assert_eq!(b.addr().get() - a.addr().get(), 16);
    give(&mut oracle.heap, a, 16);
    give(&mut oracle.heap, b, 16);
}

#[test]
fn a_freed_block_is_the_first_to_be_used_again() {
    let mut oracle = Oracle::<LinkedList>::new(256);
    let blocks: Vec<_> = (0..4).map(|_| place(&mut oracle.heap, 16).unwrap()).collect();
    give(&mut oracle.heap, blocks[1], 16);
    give(&mut oracle.heap, blocks[2], 16);
    assert_eq!(place(&mut oracle.heap, 16), Some(blocks[2]), "pushed to the front");
    assert_eq!(place(&mut oracle.heap, 16), Some(blocks[1]));
}

#[test]
fn best_fit_takes_the_smallest_first_fit_the_first() {
    fn fragments<F: Fit>() -> (Oracle<LinkedList<F, NoMerging>>, NonNull<u8>, NonNull<u8>) {
        let mut oracle = Oracle::<LinkedList<F, NoMerging>>::new(256);
        let heap = &mut oracle.heap;
        let small = place(heap, 24).unwrap();
        place(heap, 8).unwrap();
        let large = place(heap, 64).unwrap();
        place(heap, 8).unwrap();
        give(heap, small, 24);
        give(heap, large, 64);
        (oracle, small, large)
    }
    let (mut oracle, small, _) = fragments::<BestFit>();
    assert_eq!(place(&mut oracle.heap, 16), Some(small));
    let (mut oracle, _, large) = fragments::<FirstFit>();
    assert_eq!(place(&mut oracle.heap, 16), Some(large));
}

#[test]
fn neighbours_merge_when_a_request_would_fail_and_only_with_merging() {
    fn refill<M: Merge>() -> Option<NonNull<u8>> {
        let mut oracle = Oracle::<LinkedList<FirstFit, M>>::new(256);
        let heap = &mut oracle.heap;
        let blocks: Vec<_> = (0..16).map(|_| place(heap, 16).unwrap()).collect();
        // Three neighbours in the wrong order, and a hole elsewhere.
        for index in [6, 4, 12, 5] {
            give(heap, blocks[index], 16);
        }
        assert_eq!(heap.largest_free(4), if M::ON { 48 } else { 16 });
        place(heap, 48)
    }
    assert!(refill::<Merging>().is_some());
    assert_eq!(refill::<NoMerging>(), None);
}

#[test]
fn what_is_left_over_is_a_node_or_nothing() {
    let mut oracle = Oracle::<LinkedList>::new(24);
    // 20 of 24 would leave 4 bytes, less than a node.
    assert_eq!(place(&mut oracle.heap, 20), None);
    assert!(place(&mut oracle.heap, 16).is_some(), "leaves 8, a node");
}

#[test]
fn too_small_and_too_large_a_memory_are_refused_with_figures() {
    let mut bytes = [0u64; 1];
    let memory = NonNull::from(&mut bytes).cast::<u8>();
    // SAFETY: refused before any access.
    let init =
        |len| unsafe { LinkedList::<FirstFit>::init(NonNull::slice_from_raw_parts(memory, len)) };
    assert_eq!(init(4).unwrap_err(), InitError::TooSmall { len_bytes: 4, needed_bytes: 8 });
    assert!(matches!(init(usize::MAX).unwrap_err(), InitError::TooLarge { .. }));
}

#[test]
fn each_kind_of_planted_corruption_is_found() {
    /// Two free blocks with live ones between; `plant` gets the address of one's words.
    fn planted(plant: impl Fn(&mut [u32; 3], usize)) -> Corruption {
        let mut oracle = Oracle::<FirstCarried>::new(256);
        let heap = &mut oracle.heap;
        let block = place(heap, 16).unwrap();
        place(heap, 16).unwrap();
        give(heap, block, 16);
        // SAFETY: twelve free bytes of a live buffer; nobody else looks at them.
        let node = unsafe { block.cast::<[u32; 3]>().as_mut() };
        plant(node, block.addr().get());
        let mut cursor = Cursor::default();
        loop {
            match oracle.heap.check(&mut cursor, 1) {
                Ok(Progress::More) => {}
                Ok(Progress::Done) => panic!("not found"),
                Err(found) => return found,
            }
        }
    }
    // The words of a node are its size, its link and its own offset.
    assert!(matches!(planted(|node, _| node[0] = 0), Corruption::Size { actual_bytes: 0, .. }));
    assert!(matches!(planted(|node, _| node[0] = 18), Corruption::Size { actual_bytes: 18, .. }));
    assert!(matches!(planted(|node, _| node[0] = 1 << 20), Corruption::Size { .. }));
    assert!(matches!(planted(|node, _| node[1] = 4096), Corruption::LinkOutside { .. }));
    assert!(matches!(planted(|node, _| node[1] = 33), Corruption::Misaligned { .. }));
    assert!(matches!(planted(|node, _| node[1] = 0), Corruption::Cycle { limit_count: 21, .. }));
    assert!(matches!(
        planted(|node, _| node[2] = 8),
        Corruption::Mismatch { expected: 0, actual: 8, .. }
    ));
}

#[test]
fn a_check_starts_over_when_the_heap_changed() {
    let mut oracle = Oracle::<LinkedList>::new(256);
    let blocks: Vec<_> = (0..8).map(|_| place(&mut oracle.heap, 16).unwrap()).collect();
    for index in [1, 3, 5] {
        give(&mut oracle.heap, blocks[index], 16);
    }
    let mut cursor = Cursor::default();
    assert_eq!(oracle.heap.check(&mut cursor, 2), Ok(Progress::More));
    // The block where the cursor stands is live now, and full of nonsense.
    for _ in 0..3 {
        let block = place(&mut oracle.heap, 16).unwrap();
        // SAFETY: a live block of 16 bytes.
        unsafe { block.write_bytes(0xff, 16) };
    }
    assert_eq!(oracle.heap.check(&mut cursor, 100), Ok(Progress::Done));
}

#[test]
fn sizes_and_alignments_at_the_limits_fail_and_change_nothing() {
    let mut oracle = Oracle::<LinkedList>::new(1024);
    for (size, align) in [
        (isize::MAX as usize - 3, 4),
        (1025, 1),
        (u32::MAX as usize / 2, 1),
        (1 << (usize::BITS - 2), 8),
        (8, 1 << (usize::BITS - 2)),
    ] {
        let layout = Layout::from_size_align(size, align).unwrap();
        assert_eq!(oracle.heap.allocate(layout), None, "{layout:?}");
        oracle.assert_sound();
    }
    assert!(oracle.apply(Op::Allocate { size: 1024, align_log2: 2 }));
    oracle.drain();
}
