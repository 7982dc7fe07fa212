//! The default heap, in both presets and with the granules of small and of large targets, against
//! the oracle.

use std::alloc::Layout;

use crate::oracle::{Op, Oracle, exhaust, random};
use esparto::heap::tag::Preset;
use esparto::heap::{ExtentKind, InitError, OnChip, RawHeap};
use esparto::{Heap, Realtime, Throughput};
use proptest::prelude::*;

const CASES: u32 = if cfg!(miri) { 1 } else { 64 };
const OPS: usize = if cfg!(miri) { 14 } else { 250 };

/// Elsewhere the named presets are those of a chip.
const IS_WIDE: bool = Realtime::GRANULE_BYTES != OnChip::<Realtime>::GRANULE_BYTES;

proptest! {
    #![proptest_config(ProptestConfig { cases: CASES, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn realtime_holds(ops in random::ops(OPS, 900)) {
        random::run::<Heap>(6000, &ops);
        random::run::<Heap<OnChip<Realtime>>>(6000, &ops);
    }

    #[test]
    fn throughput_holds(ops in random::ops(OPS, 900)) {
        random::run::<Heap<Throughput>>(6000, &ops);
        random::run::<Heap<OnChip<Throughput>>>(6000, &ops);
    }

    #[test]
    fn large_blocks_hold(ops in random::ops(OPS, 30_000)) {
        random::run::<Heap<OnChip<Realtime>>>(100_000, &ops);
        random::run::<Heap<OnChip<Throughput>>>(100_000, &ops);
        random::run::<Heap<CoarseSizes>>(600_000, &ops);
    }
}

/// Sizes are coarse as on a host, in little memory.
struct CoarseSizes;

impl Preset for CoarseSizes {
    const GRANULE_BYTES: usize = 16;
    const CACHE_SIZE_LIMIT_BYTES: usize = 16 << 10;
    const CACHE_LIST_BYTES: usize = 2048;
    const COARSE_FROM_BYTES: usize = 512;
}

/// Calls a function for each preset.
macro_rules! on_every_preset {
    ($holds:ident) => {
        $holds::<OnChip<Realtime>>();
        $holds::<OnChip<Throughput>>();
        if IS_WIDE {
            $holds::<Realtime>();
            $holds::<Throughput>();
        }
    };
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
    assert_eq!(
        exhaust::<Heap<OnChip<Realtime>>>(tiny::<OnChip<Realtime>>(), &SMALL, depth),
        SMALL.len().pow(depth)
    );
    exhaust::<Heap<OnChip<Throughput>>>(tiny::<OnChip<Throughput>>(), &SMALL, depth);
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
    on_every_preset!(holds);
}

#[test]
fn a_cache_is_emptied_in_steps_and_then_a_refused_request_is_granted() {
    let mut oracle = Oracle::<Heap<OnChip<Throughput>>>::new(16 << 10);
    let mut count = 0;
    while oracle.apply(Op::Allocate { size: 8 + count % 120, align_log2: 2 }) {
        count += 1;
    }
    // Half is free, and a request that misses notices; what is freed last first has a live block in
    // front, and is kept.
    for _ in 0..count / 2 {
        oracle.apply(Op::Deallocate { index: 0 });
    }
    assert!(oracle.apply(Op::Allocate { size: 100, align_log2: 2 }));
    while oracle.live_count() > 0 {
        oracle.apply(Op::Deallocate { index: oracle.live_count() - 1 });
    }
    let size = oracle.heap.largest_free(4) + 1;
    assert!(!oracle.apply(Op::Allocate { size, align_log2: 2 }));
    let mut steps = 0;
    while oracle.heap.settle() {
        // Each looks at all that is there: too much for Miri every time.
        if !cfg!(miri) || steps % 16 == 0 {
            oracle.assert_sound();
        }
        steps += 1;
    }
    assert!(oracle.apply(Op::Allocate { size, align_log2: 2 }));
}

/// Found by a fuzzer: a place with such an alignment may lie inside, and is refused all the same.
#[test]
fn no_block_is_promised_at_an_alignment_beyond_the_memory() {
    fn holds<P: Preset>() {
        let mut oracle = Oracle::<Heap<P>>::new(1000);
        for size in [434, 1, 1] {
            assert!(oracle.apply(Op::Allocate { size, align_log2: 0 }));
        }
        assert!(oracle.apply(Op::Deallocate { index: 0 }));
        assert_eq!(oracle.heap.largest_free(1024), 0);
        assert!(!oracle.apply(Op::Allocate { size: 1, align_log2: 10 }));
        oracle.assert_sound();
        oracle.drain();
    }
    holds::<OnChip<Realtime>>();
    holds::<OnChip<Throughput>>();
    holds::<Realtime>();
}

/// Large blocks want whole memory: where they come often, the upper sizes of the cache are merged, until
/// one of them is missed.
#[test]
fn what_is_kept_follows_what_is_asked_for() {
    let mut heap = Oracle::<Heap<OnChip<Throughput>>>::new(64 << 10);
    let keeps = |heap: &mut Oracle<Heap<OnChip<Throughput>>>, size| {
        // The second comes to lie in front of the first, which would be merged with what is free there.
        assert!(heap.apply(Op::Allocate { size, align_log2: 2 }));
        assert!(heap.apply(Op::Allocate { size: 16, align_log2: 2 }));
        assert!(heap.apply(Op::Deallocate { index: usize::from(size < 128) }));
        let is_kept = heap.heap.settle();
        assert!(heap.apply(Op::Deallocate { index: 0 }));
        is_kept
    };
    for size in [8, 60, 100, 139] {
        assert!(keeps(&mut heap, size), "{size}");
    }
    assert!(!keeps(&mut heap, 140));
    for _ in 0..20 {
        assert!(!keeps(&mut heap, 600));
    }
    // 60 is below what a miss shows to be wanted, and above what is kept now.
    assert!(keeps(&mut heap, 32) && !keeps(&mut heap, 60));
    // The miss of 100 comes before it is freed.
    assert!(keeps(&mut heap, 100) && keeps(&mut heap, 60) && keeps(&mut heap, 139));
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
    on_every_preset!(holds);
}

#[test]
fn coarse_sizes_have_room_to_grow_in_and_come_back_for_one_another() {
    let heap_of = |memory: &mut [u128]| {
        let start = std::ptr::NonNull::new(memory.as_mut_ptr()).unwrap().cast();
        let memory = std::ptr::NonNull::slice_from_raw_parts(start, size_of_val(memory));
        // SAFETY: the memory outlives the heap and is used through it alone.
        unsafe { Heap::<CoarseSizes>::init(memory) }.unwrap()
    };
    let bytes = |size| Layout::from_size_align(size, 8).unwrap();
    let (mut memory, mut little) = (vec![0; 40 << 10], vec![0; 8 << 10]);
    let (mut heap, little) = (heap_of(&mut memory), heap_of(&mut little));
    // A block is coarse to 2 KiB in 640, and none is in 128.
    for (size, taken, taken_of_little) in [
        (495, 496, 496),
        (496, 512, 512),
        (512, 1024, 528),
        (1023, 1024, 1024),
        (1024, 2048, 1040),
        (2047, 2048, 2048),
        (2048, 2064, 2064),
        (40_000, 40_016, 40_016),
    ] {
        assert_eq!(heap.footprint_bytes(bytes(size)), taken, "{size}");
        assert_eq!(little.footprint_bytes(bytes(size)), taken_of_little, "{size}");
    }
    // SAFETY: each is live and of its layout when it is named.
    unsafe {
        let ptr = heap.allocate(bytes(1200)).unwrap().ptr;
        let _behind = heap.allocate(bytes(1200)).unwrap();
        assert_eq!(heap.grow(ptr, bytes(1200), 2047), Some(2048));
        assert_eq!(heap.grow(ptr, bytes(2047), 2048), None);
        heap.deallocate(ptr, bytes(2047));
        assert_eq!(heap.allocate(bytes(1024)).unwrap().ptr, ptr);
        // A list keeps as much as two of the largest coarse blocks take; what is more is merged.
        let blocks: Vec<_> = (0..12).map(|_| heap.allocate(bytes(800)).unwrap().ptr).collect();
        blocks.into_iter().for_each(|ptr| _ = heap.deallocate(ptr, bytes(800)));
    }
    let mut kept = 0;
    heap.walk(&mut |extent| {
        kept += usize::from(extent.kind == ExtentKind::Free && extent.len_bytes == 1024);
    });
    assert_eq!(kept, 4);
    // Whatever is said to be there can be had, until nothing is.
    let mut before = usize::MAX;
    while let size @ 1.. = heap.largest_free(8) {
        assert!(size <= before, "{size} after {before}");
        assert!(heap.allocate(bytes(size)).is_some(), "{size}");
        before = size;
    }
    assert_eq!(heap.check(&mut Default::default(), usize::MAX), Ok(esparto::heap::Progress::Done));
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
        match unsafe { Heap::<OnChip<Realtime>>::init(pointer) } {
            Ok(heap) => assert!(len >= 64 && heap.largest_free(1) >= 11),
            Err(InitError::TooSmall { len_bytes, needed_bytes }) => {
                assert!(len_bytes == len && needed_bytes > len);
                assert!(len < 256, "a heap should start on {len} bytes");
            }
            Err(other) => panic!("{other}"),
        }
    }
}

/// Fills `len` bytes with what depends on the place.
fn write_numbers(ptr: std::ptr::NonNull<u8>, len: usize) {
    for at in 0..len {
        // SAFETY: callers name bytes of a live block.
        unsafe { ptr.add(at).write(at as u8) }
    }
}

#[test]
fn a_reallocated_block_keeps_its_bytes_whichever_way_it_goes() {
    fn holds<P: Preset>() {
        let mut memory = vec![0_u128; 1024];
        let start = std::ptr::NonNull::new(memory.as_mut_ptr()).unwrap().cast();
        // SAFETY: the memory outlives the heap and is used through it alone.
        let mut heap = unsafe {
            Heap::<P>::init(std::ptr::NonNull::slice_from_raw_parts(start, 16 << 10)).unwrap()
        };
        let mut moved_count = 0;
        for &align in if cfg!(miri) { &[1, 64][..] } else { &[1, 4, 8, 64] } {
            let mut layout = Layout::from_size_align(10, align).unwrap();
            let mut ptr = heap.allocate(layout).unwrap().ptr;
            let fence = Layout::from_size_align(60, 4).unwrap();
            let mut fences = Vec::new();
            for new_size in [20, 40, 41, 90, 300, 1000, 1500, 700, 3000, 3, 50] {
                fences.push(heap.allocate(fence).unwrap().ptr);
                write_numbers(ptr, layout.size());
                // SAFETY: the block is live and of this layout.
                let to = unsafe { heap.reallocate(ptr, layout, new_size) }.unwrap();
                moved_count += usize::from(to != ptr);
                assert!(to.addr().get().is_multiple_of(align));
                for at in 0..new_size.min(layout.size()) {
                    // SAFETY: inside the block.
                    assert_eq!(unsafe { to.add(at).read() }, at as u8);
                }
                layout = Layout::from_size_align(new_size, align).unwrap();
                ptr = to;
            }
            // SAFETY: all of them are live.
            unsafe {
                heap.deallocate(ptr, layout);
                fences.iter().for_each(|&ptr| _ = heap.deallocate(ptr, fence));
            }
        }
        assert!(moved_count != 0);
    }
    on_every_preset!(holds);
}

#[test]
fn a_block_takes_in_what_is_free_in_front_and_behind_to_the_last_byte() {
    // The whole memory but one block in the middle, of which nothing is left over.
    let mut oracle = Oracle::<Heap<OnChip<Realtime>>>::new(2048);
    let whole = oracle.heap.largest_free(1);
    assert!(oracle.apply(Op::Allocate { size: 1000, align_log2: 0 }));
    assert!(oracle.apply(Op::Allocate { size: 19, align_log2: 0 }));
    assert!(oracle.apply(Op::Deallocate { index: 0 }));
    assert!(oracle.apply(Op::Resize { index: 0, size: whole }));
    oracle.assert_sound();
    assert_eq!(oracle.heap.largest_free(1), 0);
    oracle.drain();
}

#[test]
fn aligned_blocks_leave_room_for_small_ones_and_no_crumbs() {
    fn holds<P: Preset>() {
        let mut oracle = Oracle::<Heap<P>>::new(4096);
        for _ in 0..40 {
            assert!(oracle.apply(Op::Allocate { size: 16, align_log2: 3 }));
            assert!(oracle.apply(Op::Allocate { size: 11, align_log2: 2 }));
            assert_eq!(oracle.heap.crumb_bytes(), 0);
        }
        // Nobody uses what is left: then it is crumbs after all, and does not pile up.
        let before = oracle.free_bytes();
        for _ in 0..40 {
            assert!(oracle.apply(Op::Allocate { size: 16, align_log2: 3 }));
        }
        let spent_bytes = before - oracle.free_bytes();
        assert_eq!(spent_bytes, 40 * 20);
        assert!(oracle.heap.crumb_bytes() >= 30 * 4, "{}", oracle.heap.crumb_bytes());
        oracle.drain();
    }
    holds::<OnChip<Realtime>>();
    holds::<OnChip<Throughput>>();
}

#[test]
fn large_blocks_lie_low_and_move_where_there_is_much_room() {
    let mut memory = vec![0_u128; 1024];
    let start = std::ptr::NonNull::new(memory.as_mut_ptr()).unwrap().cast();
    // SAFETY: the memory outlives the heap and is used through it alone.
    let mut heap = unsafe {
        Heap::<OnChip<Realtime>>::init(std::ptr::NonNull::slice_from_raw_parts(start, 16 << 10))
            .unwrap()
    };
    let bytes = |size| Layout::from_size_align(size, 4).unwrap();
    let mut take = |size| heap.allocate(bytes(size)).unwrap().ptr;
    let (small, middle) = (take(100), take(180));
    let (hole, block, behind) = (take(2000), take(300), take(300));
    assert!(hole < block && block < behind && behind < middle && middle < small);
    write_numbers(block, 300);
    // SAFETY: all are live and of these layouts, the old pointer of a moved one not used again.
    unsafe {
        heap.deallocate(hole, bytes(2000));
        // It could take in what is free in front of it; but then it would do so at each step.
        let far = heap.reallocate(block, bytes(300), 320).unwrap();
        assert!(far > behind, "{far:?} {behind:?}");
        assert_eq!(heap.reallocate(far, bytes(320), 600), Some(far));
        // Where nothing has so much room, a block fills the hole in front of it.
        let rest = heap.allocate(bytes(heap.largest_free(4))).unwrap().ptr;
        assert_eq!(heap.grow(behind, bytes(300), 320), None);
        write_numbers(behind, 300);
        let near = heap.reallocate(behind, bytes(300), 320).unwrap();
        assert!(near < behind && rest > behind, "{near:?} {behind:?} {rest:?}");
        assert!((0..300).all(|at| near.add(at).read() == at as u8));
    }
}

/// Blocks at multiples of 16, where regions begin at multiples of 8.
struct Coarse;

impl Preset for Coarse {
    const GRANULE_BYTES: usize = 16;
}

#[test]
fn memory_is_cut_to_what_blocks_are_aligned_to() {
    for (offset, len) in [(0, 2056), (8, 2048), (8, 2056)] {
        let mut oracle = Oracle::<Heap<Coarse>>::on_part(4096, offset, len);
        oracle.extend(offset + len, 1024).unwrap();
        while oracle.apply(Op::Allocate { size: 40, align_log2: 4 }) {}
        oracle.assert_sound();
        oracle.drain();
    }
    let memory = std::ptr::NonNull::<u128>::dangling().cast::<u8>();
    let init = |skip, len| {
        let start = memory.map_addr(|addr| addr.saturating_add(skip));
        // SAFETY: refused before any access, since it is too small.
        unsafe { Heap::<Coarse>::init(std::ptr::NonNull::slice_from_raw_parts(start, len)) }
    };
    let Err(InitError::TooSmall { needed_bytes, .. }) = init(0, 64) else {
        panic!("64 bytes are few")
    };
    let wanted = InitError::TooSmall { len_bytes: 64, needed_bytes: needed_bytes + 8 };
    assert_eq!(init(8, 64).err(), Some(wanted));
    assert_eq!(init(8, 0).err(), Some(InitError::TooSmall { len_bytes: 0, needed_bytes }));
}
