//! The default heap, in both presets and with the granules of small and of large targets, against
//! the oracle.

mod oracle;

use std::alloc::Layout;

use esparto::heap::tag::Preset;
use esparto::heap::{ExtentKind, InitError, RawHeap};
use esparto::{Heap, Realtime, Throughput};
use oracle::preset::{Narrow, NarrowCached};
use oracle::{Op, Oracle, exhaust, random};
use proptest::prelude::*;

const CASES: u32 = if cfg!(miri) { 2 } else { 64 };
const OPS: usize = if cfg!(miri) { 24 } else { 250 };

proptest! {
    #![proptest_config(ProptestConfig { cases: CASES, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn realtime_holds(ops in random::ops(OPS, 900)) {
        random::run::<Heap>(6000, &ops);
        random::run::<Heap<Narrow>>(6000, &ops);
    }

    #[test]
    fn throughput_holds(ops in random::ops(OPS, 900)) {
        random::run::<Heap<Throughput>>(6000, &ops);
        random::run::<Heap<NarrowCached>>(6000, &ops);
    }

    #[test]
    fn large_blocks_hold(ops in random::ops(OPS, 30_000)) {
        random::run::<Heap<Narrow>>(100_000, &ops);
        random::run::<Heap<NarrowCached>>(100_000, &ops);
    }
}

const SMALL: [Op; 8] = [
    Op::Allocate { size: 1, align_log2: 0 },
    Op::Allocate { size: 12, align_log2: 2 },
    Op::Allocate { size: 8, align_log2: 4 },
    Op::Allocate { size: 31, align_log2: 3 },
    Op::Deallocate { index: 0 },
    Op::Deallocate { index: usize::MAX },
    Op::Resize { index: 0, size: 20 },
    Op::Resize { index: 1, size: 5 },
];

/// The smallest memory with room for a few blocks of [`SMALL`].
fn tiny<P: Preset>() -> usize {
    let needed = |len| {
        let memory = std::ptr::NonNull::<u128>::dangling().cast::<u8>();
        // SAFETY: refused before any access, as long as it is too small.
        let heap = unsafe { Heap::<P>::init(std::ptr::NonNull::slice_from_raw_parts(memory, len)) };
        match heap {
            Err(InitError::TooSmall { needed_bytes, .. }) => needed_bytes,
            other => panic!("{other:?}"),
        }
    };
    (needed(16) + 160).next_multiple_of(16)
}

#[test]
fn every_short_sequence_holds() {
    let depth = if cfg!(miri) { 2 } else { 6 };
    assert_eq!(exhaust::<Heap<Narrow>>(tiny::<Narrow>(), &SMALL, depth), SMALL.len().pow(depth));
    exhaust::<Heap<NarrowCached>>(tiny::<NarrowCached>(), &SMALL, depth);
    exhaust::<Heap>(tiny::<Realtime>(), &SMALL, depth - 1);
    exhaust::<Heap<Throughput>>(tiny::<Throughput>(), &SMALL, depth - 1);
}

/// The free extents, of a heap that has put nothing off.
fn free_extents<P: Preset>(oracle: &mut Oracle<Heap<P>>) -> Vec<(usize, usize)> {
    while oracle.heap.settle() {}
    oracle.assert_sound();
    let mut extents = Vec::new();
    oracle.heap.walk(&mut |extent| {
        if extent.kind == ExtentKind::Free {
            extents.push((extent.start_addr, extent.len_bytes));
        }
    });
    extents
}

#[test]
fn what_was_given_back_is_one_block_again() {
    fn holds<P: Preset>() {
        let mut oracle = Oracle::<Heap<P>>::new(8192);
        let fresh = free_extents(&mut oracle);
        assert_eq!(fresh.len(), 1);
        for round in 0..if cfg!(miri) { 30 } else { 300_usize } {
            let size = 1 + round * 37 % 200;
            oracle.apply(Op::Allocate { size, align_log2: (round % 7) as u8 });
            if round % 3 == 0 {
                oracle.apply(Op::Deallocate { index: round * 7 });
            }
        }
        oracle.drain();
        assert_eq!(free_extents(&mut oracle), fresh);
    }
    holds::<Narrow>();
    holds::<NarrowCached>();
    holds::<Realtime>();
    holds::<Throughput>();
}

#[test]
fn a_cache_is_emptied_in_steps_and_then_a_refused_request_is_granted() {
    let mut oracle = Oracle::<Heap<NarrowCached>>::new(16 << 10);
    let mut count = 0;
    while oracle.apply(Op::Allocate { size: 8 + count % 120, align_log2: 2 }) {
        count += 1;
    }
    // Half is free, and a request that misses notices; what is freed last first has a live block in
    // front, and is kept.
    for _ in 0..count / 2 {
        oracle.apply(Op::Deallocate { index: 0 });
    }
    assert!(oracle.apply(Op::Allocate { size: 300, align_log2: 2 }));
    while oracle.live_count() > 2 {
        oracle.apply(Op::Deallocate { index: oracle.live_count() - 1 });
    }
    let size = oracle.heap.largest_free(4) + 1;
    assert!(!oracle.apply(Op::Allocate { size, align_log2: 2 }));
    while oracle.heap.settle() {
        oracle.assert_sound();
    }
    assert!(oracle.apply(Op::Allocate { size, align_log2: 2 }));
}

#[test]
fn sizes_and_alignments_at_the_limits_fail_and_change_nothing() {
    fn holds<P: Preset>() {
        let mut oracle = Oracle::<Heap<P>>::new(4096);
        let max = isize::MAX as usize;
        for (size, align) in [
            (max - 3, 4),
            (max - 15, 16),
            (max / 2, 1),
            (4097, 1),
            (u32::MAX as usize / 2, 1),
            (1, 1 << (usize::BITS - 2)),
            (8, 1 << 20),
            (4000, 4096),
        ] {
            let layout = Layout::from_size_align(size, align).unwrap();
            assert_eq!(oracle.heap.allocate(layout), None, "{layout:?}");
            oracle.assert_sound();
        }
        let largest = oracle.heap.largest_free(1);
        assert!(oracle.apply(Op::Allocate { size: largest, align_log2: 0 }));
        assert_eq!(oracle.heap.largest_free(1), 0);
        oracle.drain();
    }
    holds::<Narrow>();
    holds::<NarrowCached>();
    holds::<Realtime>();
    holds::<Throughput>();
}

#[test]
fn every_length_of_memory_starts_or_is_refused() {
    for len in (16..3000).step_by(16) {
        let mut memory = vec![0_u128; len / 16];
        let pointer = std::ptr::NonNull::slice_from_raw_parts(
            std::ptr::NonNull::from(&mut memory[..]).cast::<u8>(),
            len,
        );
        // SAFETY: the buffer outlives the heap, and only the heap uses it.
        match unsafe { Heap::<Narrow>::init(pointer) } {
            Ok(heap) => assert!(len >= 64 && heap.largest_free(1) >= 11),
            Err(InitError::TooSmall { len_bytes, needed_bytes }) => {
                assert!(len_bytes == len && needed_bytes > len);
                assert!(len < 256, "a heap should start on {len} bytes");
            }
            Err(other) => panic!("{other}"),
        }
    }
}
