//! Heaps that grow by other stretches of memory, against the oracle.

use std::ptr::NonNull;

use crate::oracle::{Op, Oracle, random};
use esparto::heap::{Bump, ExtendError, OnChip, RawHeap};
use esparto::{Heap, Realtime, Throughput};
use proptest::prelude::*;

/// Operations, with a stretch added whenever a share of them is done: one behind the first, one
/// that leaves a gap, one behind that, one in front, one that is too small.
fn grow_between<H: RawHeap>(ops: &[Op]) {
    let mut oracle = Oracle::<H>::on_part(24 << 10, 0, 2048);
    let parts = [(2048, 1024), (4096, 4096), (8192, 48), (9 << 10, 16), (10 << 10, 14 << 10)];
    for (index, part) in ops.chunks(ops.len() / (parts.len() + 1) + 1).enumerate() {
        for &op in part {
            oracle.apply(op);
            oracle.assert_sound_between();
        }
        if let Some(&(offset, len)) = parts.get(index) {
            let added = oracle.extend(offset, len);
            assert_eq!(added.is_err(), len == 16, "{added:?}");
            oracle.assert_sound();
        }
    }
    oracle.drain();
}

const CASES: u32 = if cfg!(miri) { 1 } else { 48 };
const OPS: usize = if cfg!(miri) { 12 } else { 250 };

proptest! {
    #![proptest_config(ProptestConfig { cases: CASES, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_heap_grows_between_operations(ops in random::ops(OPS, 3000)) {
        // The same code on wider words: too much for Miri both times.
        if !cfg!(miri) {
            grow_between::<Heap<OnChip<Realtime>>>(&ops);
            grow_between::<Heap<OnChip<Throughput>>>(&ops);
        }
        grow_between::<Heap<Realtime>>(&ops);
        grow_between::<Heap<Throughput>>(&ops);
    }
}

#[test]
fn a_stretch_behind_the_end_makes_one_block_of_both() {
    let mut oracle = Oracle::<Heap<OnChip<Realtime>>>::on_part(16 << 10, 0, 9 << 10);
    let before = oracle.heap.largest_free(4);
    oracle.extend(9 << 10, 6 << 10).unwrap();
    assert_eq!(oracle.heap.largest_free(4), before + (6 << 10));
    assert!(oracle.apply(Op::Allocate { size: before + (6 << 10), align_log2: 2 }));
    oracle.drain();
}

#[test]
fn a_stretch_longer_than_the_lists_were_made_for_becomes_several() {
    let mut oracle = Oracle::<Heap<OnChip<Realtime>>>::on_part(64 << 10, 0, 1024);
    oracle.extend(1024, 63 << 10).unwrap();
    // The last list of a heap that started on 1 KiB is for 256 to 511 granules.
    let whole = 511 * 4 - 12 - 1;
    assert_eq!(oracle.heap.largest_free(4), whole);
    let count = 63 * 1024 / (511 * 4);
    for round in 1..=count {
        assert!(oracle.apply(Op::Allocate { size: whole, align_log2: 2 }));
        // Each looks at all that is there: too much for Miri every time.
        if !cfg!(miri) || round % 8 == 0 || round == count {
            oracle.assert_sound();
        }
    }
    oracle.drain();
}

#[test]
fn a_gap_is_never_handed_out() {
    let mut oracle = Oracle::<Heap<OnChip<Realtime>>>::on_part(16 << 10, 0, 4096);
    oracle.extend(8 << 10, 6 << 10).unwrap();
    // The oracle sees that no block lies in the gap.
    while oracle.apply(Op::Allocate { size: 60, align_log2: 2 }) {}
    assert!(oracle.live_count() > 100);
    oracle.drain();
    assert!(oracle.apply(Op::Allocate { size: 5 << 10, align_log2: 2 }));
}

#[test]
fn what_cannot_be_added_is_refused_by_name() {
    let mut oracle = Oracle::<Heap<OnChip<Realtime>>>::on_part(8192, 4096, 2048);
    for len_bytes in [0, 3, 16] {
        let refused = oracle.extend(7168, len_bytes);
        assert_eq!(refused, Err(ExtendError::TooSmall { len_bytes, needed_bytes: 24 }));
    }
    if cfg!(not(target_pointer_width = "32")) {
        // The links of this host are distances, and do not lead back.
        assert!(matches!(oracle.extend(0, 2048), Err(ExtendError::OutOfReach { .. })));
    } else {
        assert_eq!(oracle.extend(0, 2048), Ok(()));
    }
    oracle.drain();
    // Nothing is touched of what is refused for its size or place: these are no memory at all.
    let far = |addr: usize, len| {
        let start = NonNull::new(std::ptr::without_provenance_mut::<u8>(addr)).unwrap();
        NonNull::slice_from_raw_parts(start, len)
    };
    // SAFETY: refused before any access.
    unsafe {
        let refused = oracle.heap.extend(far(16, 33 << 20));
        let limit_bytes = Heap::<OnChip<Realtime>>::LIMIT_BYTES;
        assert_eq!(refused, Err(ExtendError::TooLarge { len_bytes: 33 << 20, limit_bytes }));
        if cfg!(not(target_pointer_width = "32")) {
            let refused = oracle.heap.extend(far(usize::MAX & !0xffff, 4096));
            assert!(matches!(refused, Err(ExtendError::OutOfReach { .. })));
        }
        let mut fixed = Oracle::<Bump>::new(1024);
        assert_eq!(fixed.heap.extend(far(16, 4096)), Err(ExtendError::Unsupported));
    }
}
