//! The heap that never frees, against the oracle, and its own habits by name.

use std::alloc::Layout;
use std::ptr::NonNull;

use crate::oracle::{Op, Oracle, exhaust, random};
use esparto::heap::{Bump, InitError, RawHeap};
use esparto::{AllocError, Caps, Cursor, Memory, Progress};
use proptest::prelude::*;

const CASES: u32 = if cfg!(miri) { 1 } else { 128 };
const OPS: usize = if cfg!(miri) { 16 } else { 200 };

proptest! {
    #![proptest_config(ProptestConfig { cases: CASES, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn heap_1_holds(ops in random::ops(OPS, 900)) {
        random::run::<Bump>(4096, &ops);
    }
}

#[test]
fn every_short_sequence_holds() {
    const SMALL: [Op; 7] = [
        Op::Allocate { size: 1, align_log2: 0 },
        Op::Allocate { size: 12, align_log2: 2 },
        Op::Allocate { size: 8, align_log2: 5 },
        Op::Deallocate { index: 0 },
        Op::Resize { index: usize::MAX, size: 20 },
        Op::Resize { index: usize::MAX, size: 5 },
        Op::Resize { index: 0, size: 7 },
    ];
    let depth = if cfg!(miri) { 2 } else { 6 };
    assert_eq!(exhaust::<Bump>(96, &SMALL, depth), SMALL.len().pow(depth));
}

fn words(size: usize) -> Layout {
    Layout::from_size_align(size, 4).unwrap()
}

#[test]
fn heap_1_never_frees() {
    let mut oracle = Oracle::<Bump>::new(256);
    let mut count = 0;
    while oracle.apply(Op::Allocate { size: 24, align_log2: 2 }) {
        count += 1;
    }
    assert_eq!((count, oracle.heap.free_bytes()), (10, 16));
    oracle.drain();
    assert_eq!(oracle.heap.free_bytes(), 16, "nothing came back");
    assert_eq!(oracle.heap.allocate(words(24)), None);
    assert!(oracle.heap.allocate(words(16)).is_some());
}

#[test]
fn blocks_follow_each_other_and_only_the_last_changes_its_size() {
    let mut oracle = Oracle::<Bump>::new(256);
    let heap = &mut oracle.heap;
    let first = heap.allocate(words(5)).unwrap();
    let last = heap.allocate(words(16)).unwrap();
    assert_eq!((first.taken_bytes, last.taken_bytes), (8, 16));
    assert_eq!(last.ptr.addr().get() - first.ptr.addr().get(), 8);
    // SAFETY: live blocks of these layouts.
    unsafe {
        assert_eq!(heap.grow(first.ptr, words(5), 8), Some(8), "within its own eight bytes");
        assert_eq!(heap.grow(first.ptr, words(8), 9), None);
        assert_eq!(heap.grow(last.ptr, words(16), 100), Some(104));
        assert_eq!(heap.free_bytes(), 256 - 8 - 104);
        assert_eq!(heap.shrink(last.ptr, words(100), 1), Some(8));
        assert_eq!(heap.grow(last.ptr, words(1), 249), None, "longer than the memory");
        assert_eq!(heap.grow(last.ptr, words(1), 248), Some(248));
    }
    assert_eq!((heap.free_bytes(), heap.largest_free(1)), (0, 0));
}

#[test]
fn a_memory_with_heap_1_keeps_an_exact_account() {
    static MEMORY: Memory<1> = Memory::new();
    let bytes = crate::kept::bytes(1024);
    let id = MEMORY.add_static::<Bump>("once", bytes, Caps::INTERNAL | Caps::BYTE).unwrap();
    let exact = || {
        let stats = MEMORY.region_stats(id).unwrap();
        assert_eq!(stats.free_bytes + stats.live_bytes + stats.bookkeeping_bytes, stats.size_bytes);
        assert_eq!(MEMORY.check(id, &mut Cursor::default(), 1), Some(Ok(Progress::Done)));
        (stats.live_bytes, stats.live_count)
    };
    let aligned = Layout::from_size_align(40, 64).unwrap();
    let mut first = MEMORY.take(words(10), Caps::INTERNAL).unwrap();
    let mut second = MEMORY.take(aligned, Caps::INTERNAL).unwrap();
    let (live, count) = exact();
    assert!(live >= 16 + 40 && count == 2);
    second.resize(80).unwrap();
    assert_eq!(exact(), (live + 40, 2), "in place, behind its gap");
    first.resize(20).unwrap();
    assert_eq!(exact(), (live + 40 + 24, 3), "moved, and what it leaves stays live");
    drop((first, second));
    assert_eq!(exact(), (live + 40 + 24, 3), "nothing came back");
    let error = MEMORY.take(words(1000), Caps::INTERNAL).unwrap_err();
    assert!(matches!(error, AllocError::Exhausted { .. } | AllocError::TooLarge { .. }));
}

#[test]
fn sizes_and_alignments_at_the_limits_fail_and_change_nothing() {
    let mut oracle = Oracle::<Bump>::new(1024);
    assert!(oracle.apply(Op::Allocate { size: 8, align_log2: 0 }));
    for (size, align) in [
        (isize::MAX as usize - 3, 4),
        (isize::MAX as usize / 2, 1 << 20),
        (1017, 1),
        (8, 1 << (usize::BITS - 2)),
    ] {
        let layout = Layout::from_size_align(size, align).unwrap();
        assert_eq!(oracle.heap.allocate(layout), None, "{layout:?}");
        oracle.assert_sound();
    }
    let largest = oracle.heap.largest_free(64);
    assert_eq!(largest, 960);
    assert!(oracle.apply(Op::Allocate { size: largest, align_log2: 6 }));
    oracle.drain();

    let memory = NonNull::slice_from_raw_parts(NonNull::<u64>::dangling().cast::<u8>(), 7);
    // SAFETY: refused before any access.
    let error = unsafe { Bump::init(memory) }.unwrap_err();
    assert_eq!(error, InitError::TooSmall { len_bytes: 7, needed_bytes: 8 });
}
