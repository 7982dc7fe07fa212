//! The FreeRTOS schemes against the oracle, and the habits that tell them apart.

use std::alloc::Layout;
use std::ptr::NonNull;
use std::thread;

use crate::oracle::{Op, Oracle, exhaust, random};
use esparto::heap::freertos::{
    AddError, ByAddress, BySize, Heap2, Heap3, Heap4, Heap5, HeapStats, Malloc, Order, Scheme,
};
use esparto::heap::{Corruption, Cursor, InitError, Progress, RawHeap};
use esparto::{Caps, Memory};
use proptest::prelude::*;

const CASES: u32 = if cfg!(miri) { 1 } else { 128 };
const OPS: usize = if cfg!(miri) { 8 } else { 200 };

proptest! {
    #![proptest_config(ProptestConfig { cases: CASES, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn heap_2_holds(ops in random::ops(OPS, 900)) {
        random::run::<Heap2>(4096, &ops);
    }

    #[test]
    fn heap_4_holds(ops in random::ops(OPS, 900)) {
        random::run::<Heap4>(4096, &ops);
    }

    #[test]
    fn heap_5_holds(ops in random::ops(OPS, 900)) {
        random::run::<Thirds>(4104, &ops);
    }
}

/// heap_5 over three neighbouring thirds, given in no order.
struct Thirds(Heap5<3>);

// SAFETY: passed on to a heap over parts of the same memory.
unsafe impl RawHeap for Thirds {
    unsafe fn init(memory: NonNull<[u8]>) -> Result<Self, InitError> {
        let third = memory.len() / 3;
        let part = |index: usize| {
            // SAFETY: inside the memory.
            let start = unsafe { memory.cast::<u8>().add(index * third) };
            NonNull::slice_from_raw_parts(start, third)
        };
        // SAFETY: the parts of the memory are as good as it is, and do not overlap.
        let heap = unsafe { Heap5::define_regions(&[part(1), part(0), part(2)]) };
        Ok(Self(heap.expect("the memory is long enough")))
    }
    fn allocate(&mut self, layout: Layout) -> Option<esparto::heap::Grant> {
        self.0.allocate(layout)
    }
    unsafe fn deallocate(&mut self, ptr: NonNull<u8>, layout: Layout) -> usize {
        // SAFETY: passed on.
        unsafe { self.0.deallocate(ptr, layout) }
    }
    unsafe fn grow(&mut self, ptr: NonNull<u8>, old: Layout, new_size: usize) -> Option<usize> {
        // SAFETY: passed on.
        unsafe { self.0.grow(ptr, old, new_size) }
    }
    unsafe fn shrink(&mut self, ptr: NonNull<u8>, old: Layout, new_size: usize) -> Option<usize> {
        // SAFETY: passed on.
        unsafe { self.0.shrink(ptr, old, new_size) }
    }
    fn footprint_bytes(&self, layout: Layout) -> usize {
        self.0.footprint_bytes(layout)
    }
    unsafe fn taken_bytes(&self, ptr: NonNull<u8>, layout: Layout) -> usize {
        // SAFETY: passed on.
        unsafe { self.0.taken_bytes(ptr, layout) }
    }
    fn largest_free(&self, align: usize) -> usize {
        self.0.largest_free(align)
    }
    fn walk(&self, visit: &mut dyn FnMut(esparto::heap::Extent)) {
        self.0.walk(visit);
    }
    fn check(&self, cursor: &mut Cursor, max_steps: usize) -> Result<Progress, Corruption> {
        self.0.check(cursor, max_steps)
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
    assert_eq!(exhaust::<Heap4>(128, &SMALL, depth), SMALL.len().pow(depth));
    exhaust::<Heap2>(128, &SMALL, depth);
    exhaust::<Thirds>(168, &SMALL, depth.min(5));
}

fn place<O: Order, const N: usize>(heap: &mut Scheme<O, N>, size: usize) -> NonNull<u8> {
    heap.malloc(size).expect("there is room")
}

fn give<O: Order, const N: usize>(heap: &mut Scheme<O, N>, ptr: NonNull<u8>) -> bool {
    // SAFETY: no test uses a block again after it was given back.
    unsafe { heap.free(ptr) }
}

/// A heap filled with blocks of 56 bytes, 64 with their headers, and four neighbours of them freed.
fn with_a_hole<O: Order>() -> (Oracle<Scheme<O, 1>>, [NonNull<u8>; 4]) {
    let mut oracle = Oracle::<Scheme<O, 1>>::new(1024);
    let blocks: Vec<_> = (0..16).map(|_| place(&mut oracle.heap, 56)).collect();
    assert_eq!((oracle.heap.free_bytes(), oracle.heap.malloc(1)), (0, None));
    for index in [6, 4, 7, 5] {
        assert!(give(&mut oracle.heap, blocks[index]));
    }
    (oracle, [blocks[4], blocks[5], blocks[6], blocks[7]])
}

#[test]
fn heap_2_does_not_merge_and_heap_4_does() {
    let (mut oracle, _) = with_a_hole::<BySize>();
    let heap = &mut oracle.heap;
    let stats = heap.stats();
    assert_eq!((stats.free_bytes, stats.free_count, stats.largest_free_bytes), (256, 4, 64));
    assert_eq!(heap.malloc(57), None, "free enough, in pieces");
    assert_eq!(heap.largest_free(8), 56);
    place(heap, 56);

    let (mut oracle, blocks) = with_a_hole::<ByAddress>();
    let heap = &mut oracle.heap;
    let stats = heap.stats();
    assert_eq!((stats.free_bytes, stats.free_count, stats.largest_free_bytes), (256, 1, 256));
    assert_eq!(heap.malloc(248), Some(blocks[0]));
}

/// Holes of 200, 40 and 80 bytes, by address.
fn with_three_holes<O: Order>() -> (Oracle<Scheme<O, 1>>, [NonNull<u8>; 3]) {
    let mut oracle = Oracle::<Scheme<O, 1>>::new(1024);
    let holes = [200, 40, 80].map(|size| {
        let hole = place(&mut oracle.heap, size);
        place(&mut oracle.heap, 8);
        hole
    });
    for hole in holes {
        give(&mut oracle.heap, hole);
    }
    (oracle, holes)
}

#[test]
fn heap_2_takes_the_best_fit_and_heap_4_the_first_not_the_largest() {
    let (mut oracle, [_, small, _]) = with_three_holes::<BySize>();
    assert_eq!(place(&mut oracle.heap, 32), small);
    let (mut oracle, [first, ..]) = with_three_holes::<ByAddress>();
    assert_eq!(place(&mut oracle.heap, 32), first, "although the end of the heap is larger");
}

#[test]
fn a_rest_of_two_headers_stays_with_the_block() {
    let mut oracle = Oracle::<Heap4>::new(64);
    let heap = &mut oracle.heap;
    let layout = Layout::from_size_align(40, 8).unwrap();
    let grant = heap.allocate(layout).unwrap();
    assert_eq!((grant.taken_bytes, heap.free_bytes()), (64, 0), "16 would be left");
    // SAFETY: a live block.
    let given = unsafe { heap.deallocate(grant.ptr, layout) };
    assert_eq!(given, 64);
    let layout = Layout::from_size_align(32, 8).unwrap();
    let grant = heap.allocate(layout).unwrap();
    assert_eq!((grant.taken_bytes, heap.free_bytes()), (40, 24));
}

#[test]
fn an_alignment_leaves_a_block_in_front() {
    let mut oracle = Oracle::<Heap4>::new(1024);
    // The payload of the first block is 8 after a multiple of 64; so is every other without a gap.
    for align_log2 in [4, 5, 6] {
        assert!(oracle.apply(Op::Allocate { size: 24, align_log2 }));
        oracle.assert_sound();
    }
    assert!(oracle.heap.stats().free_count >= 2);
    oracle.drain();
    let stats = oracle.heap.stats();
    assert_eq!((stats.free_count, stats.free_bytes), (1, 1024), "the gaps merge again");
}

/// Four stretches in one buffer: two that touch, and two with holes between.
fn four_stretches() -> Heap5<4> {
    let start = NonNull::from(crate::kept::bytes(4096)).cast::<u8>();
    // SAFETY: all inside the buffer of 4096 bytes.
    let part = |at, len| NonNull::slice_from_raw_parts(unsafe { start.add(at) }, len);
    let parts = [part(2048, 512), part(0, 256), part(256, 256), part(1024, 128)];
    // SAFETY: the buffer lives as long as the heap, which alone uses it.
    unsafe { Heap5::define_regions(&parts) }.unwrap()
}

#[test]
fn heap_5_never_spans_two_stretches() {
    let mut heap = four_stretches();
    assert_eq!((heap.free_bytes(), heap.minimum_ever_free_bytes()), (1152, 1152));
    let stats = heap.stats();
    assert_eq!(
        (stats.free_count, stats.largest_free_bytes, stats.smallest_free_bytes),
        (4, 512, 128)
    );
    assert_eq!(heap.malloc(505), None, "longer than any stretch");
    // The two that touch are two blocks still, however they are used.
    let blocks: Vec<_> = std::iter::from_fn(|| heap.malloc(24)).collect();
    assert_eq!(blocks.len(), 1152 / 32);
    for &block in blocks.iter().rev() {
        assert!(give(&mut heap, block));
    }
    assert_eq!(
        HeapStats { allocation_count: 0, deallocation_count: 0, ..heap.stats() },
        HeapStats { minimum_ever_free_bytes: 0, ..stats }
    );
    let large = place(&mut heap, 504);
    assert!(heap.malloc(249).is_none());
    let (one, two) = (place(&mut heap, 248), place(&mut heap, 248));
    assert_eq!(two.addr().get() - one.addr().get(), 256, "in the order given");
    for block in [two, large, one] {
        assert!(give(&mut heap, block));
    }
    assert_eq!(heap.check(&mut Cursor::default(), usize::MAX), Ok(Progress::Done));
}

#[test]
fn stretches_are_refused_by_name_and_can_come_later() {
    let mut buffer = [0_u64; 64];
    let start = NonNull::from(&mut buffer).cast::<u8>();
    // SAFETY: inside the buffer of 512 bytes.
    let part = |at, len| NonNull::slice_from_raw_parts(unsafe { start.add(at) }, len);
    let mut heap = Heap5::<2>::new();
    assert_eq!((heap.malloc(1), heap.stats()), (None, HeapStats::default()));
    // SAFETY: the buffer lives as long as the heap, which alone uses it.
    let add = |heap: &mut Heap5<2>, at, len| unsafe { heap.add(part(at, len)) };
    let small = InitError::TooSmall { len_bytes: 20, needed_bytes: 16 };
    assert_eq!(add(&mut heap, 4, 20), Ok(()), "16 bytes are left when cut to 8");
    assert!(matches!(add(&mut heap, 20, 8).unwrap_err(), AddError::Init(_)), "not {small}");
    let overlap = add(&mut heap, 0, 16).unwrap_err();
    let first = start.addr().get();
    assert_eq!(overlap, AddError::Overlaps { start_addr: first, other_start_addr: first + 8 });
    let block = place(&mut heap, 8);
    assert_eq!((heap.malloc(8), heap.minimum_ever_free_bytes()), (None, 0));
    assert_eq!(add(&mut heap, 100, 303), Ok(()));
    assert_eq!((heap.free_bytes(), heap.minimum_ever_free_bytes()), (296, 296));
    assert_eq!(add(&mut heap, 480, 32), Err(AddError::TooMany { limit_count: 2 }));
    let other = place(&mut heap, 288);
    assert!(give(&mut heap, block) && give(&mut heap, other));
    assert_eq!(heap.free_bytes(), 16 + 296);
}

#[test]
fn the_figures_are_those_of_freertos() {
    let mut oracle = Oracle::<Heap4>::new(1024);
    let heap = &mut oracle.heap;
    let (a, b, c) = (place(heap, 100), place(heap, 100), place(heap, 100));
    assert!(give(heap, a) && give(heap, c));
    assert_eq!(
        heap.stats(),
        HeapStats {
            // A block of 100 takes 112 with its header, rounded up to 8.
            free_bytes: 1024 - 112,
            largest_free_bytes: 1024 - 2 * 112,
            smallest_free_bytes: 112,
            free_count: 2,
            minimum_ever_free_bytes: 1024 - 3 * 112,
            allocation_count: 3,
            deallocation_count: 2,
            refused_count: 0,
        }
    );
    assert!(give(heap, b));
    assert_eq!((heap.stats().free_count, heap.free_bytes()), (1, 1024));
}

#[test]
fn foreign_interior_and_repeated_frees_are_refused_and_counted() {
    fn holds<O: Order>() {
        let mut oracle = Oracle::<Scheme<O, 1>>::new(1024);
        let heap = &mut oracle.heap;
        let (a, b) = (place(heap, 64), place(heap, 64));
        let outside = NonNull::from(&mut 0_u64).cast::<u8>();
        // SAFETY: a live block of 64 bytes; the header in front of it is in the same memory.
        unsafe {
            // A faithful copy of the header in the middle of the block.
            a.add(24).cast::<u64>().write(a.sub(8).cast::<u64>().read());
        }
        let before = heap.stats();
        let mut refused = 0;
        // SAFETY: addresses only, of which none is read but by the heap.
        let interior = unsafe { [a.add(1), a.add(4), a.add(8), a.add(32), a.sub(8), b.add(120)] };
        for wrong in interior.into_iter().chain([outside]) {
            assert!(!give(heap, wrong));
            refused += 1;
            assert_eq!(heap.stats(), HeapStats { refused_count: refused, ..before });
        }
        assert!(give(heap, a));
        let after = heap.stats();
        assert!(!give(heap, a), "a second time");
        assert_eq!(heap.stats(), HeapStats { refused_count: refused + 1, ..after });
        assert!(give(heap, b) && !give(heap, b) && !give(heap, a));
        oracle.assert_sound();
    }
    holds::<BySize>();
    holds::<ByAddress>();
}

#[test]
fn calloc_clears_and_checks_its_product() {
    let mut oracle = Oracle::<Heap4>::new(256);
    let heap = &mut oracle.heap;
    let dirty = place(heap, 100);
    // SAFETY: a live block of 100 bytes.
    unsafe { dirty.write_bytes(0xff, 100) };
    give(heap, dirty);
    let clear = heap.calloc(20, 5).unwrap();
    // SAFETY: a live block of 100 bytes.
    let bytes = unsafe { NonNull::slice_from_raw_parts(clear, 100).as_ref() };
    assert_eq!((clear, bytes), (dirty, &[0; 100][..]));
    for (count, size) in [(usize::MAX / 2 + 1, 2), (usize::MAX, usize::MAX), (0, 4), (4, 0)] {
        assert_eq!(heap.calloc(count, size), None, "{count} * {size}");
    }
}

#[test]
fn heap_3_locks_what_it_wraps() {
    /// The host's own allocator, asked as C asks.
    struct Host {
        live: std::collections::HashMap<NonNull<u8>, Layout>,
    }
    // SAFETY: the blocks of the host's allocator, for as long as they are listed.
    unsafe impl Malloc for Host {
        fn malloc(&mut self, size: usize) -> Option<NonNull<u8>> {
            let layout = Layout::from_size_align(size, 8).ok().filter(|_| size > 0)?;
            // SAFETY: the size is not zero.
            let block = NonNull::new(unsafe { std::alloc::alloc(layout) })?;
            self.live.insert(block, layout);
            Some(block)
        }
        unsafe fn free(&mut self, ptr: NonNull<u8>) -> bool {
            let Some(layout) = self.live.remove(&ptr) else { return false };
            // SAFETY: it was listed with its layout.
            unsafe { std::alloc::dealloc(ptr.as_ptr(), layout) };
            true
        }
    }
    // SAFETY: the pointers are only compared, and freed by whoever has the lock.
    unsafe impl Send for Host {}

    fn hammer<M: Malloc + Send>(heap: &Heap3<M>) {
        thread::scope(|scope| {
            for fill in 1..=4_u8 {
                scope.spawn(move || {
                    for round in 0..if cfg!(miri) { 10 } else { 2000 } {
                        let len = 1 + round % 50;
                        let Some(block) = heap.calloc(len, 1) else { continue };
                        // SAFETY: a live block of `len` bytes, given back once.
                        unsafe {
                            assert!((0..len).all(|at| block.add(at).read() == 0));
                            block.write_bytes(fill, len);
                            assert!((0..len).all(|at| block.add(at).read() == fill));
                            assert!(heap.free(block));
                        }
                    }
                });
            }
        });
    }
    let host = Heap3::new(Host { live: std::collections::HashMap::new() });
    hammer(&host);
    assert_eq!(host.with(|host| host.live.len()), Some(0));
    assert_eq!((host.malloc(0), host.calloc(usize::MAX, 2)), (None, None));
    let block = host.malloc(8).unwrap();
    assert_eq!(host.with(|_| host.malloc(8)), Some(None), "called from inside the lock");
    // SAFETY: given back once; the second time is refused.
    assert!(unsafe { host.free(block) && !host.free(block) });

    let mut buffer = [0_u64; 64];
    let memory = NonNull::slice_from_raw_parts(NonNull::from(&mut buffer).cast::<u8>(), 512);
    let scheme = Heap3::new(Heap4::new());
    // SAFETY: the buffer outlives the heap, which alone uses it.
    scheme.with(|heap| unsafe { heap.add(memory) }).unwrap().unwrap();
    hammer(&scheme);
    let stats = scheme.with(|heap| heap.stats()).unwrap();
    assert_eq!((stats.free_bytes, stats.free_count, stats.refused_count), (512, 1, 0));
    assert_eq!(stats.allocation_count, stats.deallocation_count);
    assert!(stats.allocation_count > 0);
}

#[test]
fn exhausted_and_refilled_heaps_are_whole_again() {
    fn holds<H: RawHeap>() {
        let len_bytes = if cfg!(miri) { 1032 } else { 4104 };
        let mut oracle = Oracle::<H>::new(len_bytes);
        for _ in 0..if cfg!(miri) { 1 } else { 3 } {
            let mut count = 0;
            while oracle.apply(Op::Allocate { size: 50, align_log2: 3 }) {
                count += 1;
            }
            assert_eq!(
                count,
                len_bytes / 64 - usize::from(std::any::type_name::<H>().contains("Thirds"))
            );
            oracle.assert_sound();
            oracle.drain();
            assert_eq!(oracle.free_bytes(), len_bytes);
        }
    }
    holds::<Heap2>();
    holds::<Heap4>();
    holds::<Thirds>();
}

#[test]
fn sizes_and_alignments_at_the_limits_fail_and_change_nothing() {
    fn holds<O: Order>() {
        let mut oracle = Oracle::<Scheme<O, 1>>::new(8192);
        for (size, align) in [
            (isize::MAX as usize - 3, 4),
            (isize::MAX as usize / 2, 1 << 20),
            (u32::MAX as usize / 2 - 7, 1),
            (8185, 1),
            (8, 1 << (usize::BITS - 2)),
            (8000, 4096),
        ] {
            let layout = Layout::from_size_align(size, align).unwrap();
            assert_eq!(oracle.heap.allocate(layout), None, "{layout:?}");
            oracle.assert_sound();
        }
        for size in [0, usize::MAX, usize::MAX - 7, usize::MAX - 15] {
            assert_eq!(oracle.heap.malloc(size), None, "{size}");
        }
        // Alignments up to the memory's size, as far as its address allows.
        for align_log2 in 4..=12 {
            let largest = oracle.heap.largest_free(1 << align_log2);
            assert!(largest >= 8192 - 2 * (1 << align_log2));
            assert_eq!(oracle.apply(Op::Allocate { size: largest, align_log2 }), largest > 0);
            oracle.assert_sound();
            oracle.drain();
        }
    }
    holds::<ByAddress>();
    let mut oracle = Oracle::<Heap2>::new(1024);
    assert!(oracle.apply(Op::Allocate { size: 1016, align_log2: 3 }));
    oracle.drain();
    let memory = NonNull::slice_from_raw_parts(NonNull::<u64>::dangling().cast::<u8>(), 8);
    // SAFETY: refused before any access.
    let error = unsafe { Heap4::init(memory) }.unwrap_err();
    assert_eq!(error, InitError::TooSmall { len_bytes: 8, needed_bytes: 16 });
    let memory = NonNull::slice_from_raw_parts(memory.cast::<u8>(), u32::MAX as usize / 2);
    // SAFETY: as above.
    let error = unsafe { Heap4::init(memory) }.unwrap_err();
    assert!(matches!(error, InitError::TooLarge { .. }), "{error}");
}

#[test]
fn a_memory_with_heap_4_keeps_an_exact_account() {
    static MEMORY: Memory<1> = Memory::new();
    let bytes = crate::kept::bytes(2048);
    let id = MEMORY.add_static::<Heap4>("kernel", bytes, Caps::INTERNAL | Caps::BYTE).unwrap();
    let fresh = MEMORY.region_stats(id).unwrap();
    let layout = |size| Layout::from_size_align(size, 4).unwrap();
    let mut blocks: Vec<_> =
        std::iter::from_fn(|| MEMORY.take(layout(45), Caps::INTERNAL).ok()).collect();
    // The last block has a rest in it that its layout does not tell of.
    for round in 0..100 {
        let index = round * 7 % blocks.len();
        let _ = blocks[index].resize(1 + round * 13 % 60);
        let stats = MEMORY.region_stats(id).unwrap();
        assert_eq!(stats.free_bytes + stats.live_bytes + stats.bookkeeping_bytes, stats.size_bytes);
    }
    drop(blocks);
    let stats = MEMORY.region_stats(id).unwrap();
    assert_eq!((stats.free_bytes, stats.live_bytes, stats.free_count), (fresh.free_bytes, 0, 1));
}

#[test]
fn each_kind_of_planted_corruption_is_found() {
    /// Six blocks of 32 bytes, the first, third and fifth free, the rest of the memory live;
    /// `plant` gets the words of all.
    fn planted<O: Order>(plant: impl Fn(&mut [u32; 48])) -> Corruption {
        let mut oracle = Oracle::<Scheme<O, 1>>::new(192);
        let heap = &mut oracle.heap;
        let blocks: Vec<_> = (0..6).map(|_| place(heap, 24)).collect();
        for index in [4, 2, 0] {
            assert!(give(heap, blocks[index]));
        }
        heap.check(&mut Cursor::default(), usize::MAX).unwrap();
        // SAFETY: the whole of the memory, from the first header on; nobody else looks at it now.
        plant(unsafe { blocks[0].sub(8).cast::<[u32; 48]>().as_mut() });
        let mut cursor = Cursor::default();
        for _ in 0..100 {
            match oracle.heap.check(&mut cursor, 1) {
                Ok(Progress::More) => {}
                Ok(Progress::Done) => panic!("not found"),
                Err(found) => return found,
            }
        }
        panic!("the check does not end");
    }
    fn both(plant: impl Fn(&mut [u32; 48]) + Copy, is_it: impl Fn(Corruption) -> bool) {
        for found in [planted::<BySize>(plant), planted::<ByAddress>(plant)] {
            assert!(is_it(found), "{found:?}");
        }
    }
    const LIVE: u32 = 1 << 31;
    // Each block has eight words, a link or mark and a size in front.
    both(|words| words[1] = 0, |found| matches!(found, Corruption::Size { actual_bytes: 0, .. }));
    both(|words| words[1] = 36, |found| matches!(found, Corruption::Size { .. }));
    both(|words| words[1] = 1 << 20, |found| matches!(found, Corruption::Size { .. }));
    // One byte too many written into the block in front.
    both(|words| words[8] ^= 0x55, |found| matches!(found, Corruption::Mismatch { .. }));
    both(|words| words[9] = 0x5555_5555, |found| matches!(found, Corruption::Size { .. }));
    // The live bit in a free block, and none in a live one.
    both(|words| words[17] |= LIVE, |found| matches!(found, Corruption::Mismatch { .. }));
    both(|words| words[9] &= !LIVE, |found| matches!(found, Corruption::Mismatch { .. }));
    // A free block that its list does not know.
    both(|words| words[0] = u32::MAX, |found| matches!(found, Corruption::Mismatch { .. }));
    both(|words| words[0] = 4096, |found| matches!(found, Corruption::LinkOutside { .. }));
    both(|words| words[0] = 68, |found| matches!(found, Corruption::Misaligned { .. }));
    // A link into a live block.
    both(|words| words[0] = 32, |found| matches!(found, Corruption::Mismatch { .. }));
    // A way back.
    both(|words| words[32] = 64, |found| matches!(found, Corruption::Cycle { limit_count: 3, .. }));
    // By address, two blocks that were passed over.
    let out_of_order = |words: &mut [u32; 48]| (words[16], words[0]) = (0, 128);
    let found = planted::<ByAddress>(out_of_order);
    assert!(matches!(found, Corruption::Mismatch { .. }), "{found:?}");
}

#[test]
fn a_check_starts_over_when_the_heap_changed() {
    let mut oracle = Oracle::<Heap4>::new(512);
    let blocks: Vec<_> = (0..16).map(|_| place(&mut oracle.heap, 24)).collect();
    for index in [1, 3, 5, 7] {
        give(&mut oracle.heap, blocks[index]);
    }
    for steps in 1..20 {
        let mut cursor = Cursor::default();
        let progress = oracle.heap.check(&mut cursor, steps);
        // The blocks where the cursor may stand are live now, and full of nonsense.
        let taken: Vec<_> = (0..4).map(|_| place(&mut oracle.heap, 24)).collect();
        for &block in &taken {
            // SAFETY: a live block of 24 bytes.
            unsafe { block.write_bytes(0xff, 24) };
        }
        assert_eq!(progress, Ok(Progress::More));
        assert_eq!(oracle.heap.check(&mut cursor, 100), Ok(Progress::Done));
        for block in taken {
            give(&mut oracle.heap, block);
        }
    }
}
