//! Tiers: which pool, when the heap, back to where, and what the figures say.

use std::alloc::Layout;
use std::collections::BTreeMap;
use std::ptr::{NonNull, null_mut};

use crate::kept::{bytes, kept};
use esparto::pool::FreeError;
use esparto::tiers::{
    AllocError, Class, ClassStats, DeinitError, InitError, Spill, Tiers, TiersStats, Unhealthy,
};
use esparto::{Caps, LinkedList, Memory, Policy, RegionId};
use proptest::prelude::*;

const CASES: u32 = if cfg!(miri) { 1 } else { 128 };
const SRAM: Caps =
    Caps::INTERNAL.union(Caps::BYTE).union(Caps::WORD).union(Caps::ATOMIC).union(Caps::ISR_SAFE);
const PSRAM: Caps = Caps::EXTERNAL.union(Caps::BYTE).union(Caps::WORD);

type Heap = Memory<2>;

/// A memory for a test.
fn memory(sram_bytes: usize, psram_bytes: usize) -> &'static Heap {
    let memory: &Heap = kept(Memory::new());
    memory.add_static::<LinkedList>("sram", bytes(sram_bytes), SRAM).unwrap();
    if psram_bytes != 0 {
        memory.add_static::<LinkedList>("psram", bytes(psram_bytes), PSRAM).unwrap();
    }
    memory
}

fn live_bytes(memory: &Heap, region: u8) -> usize {
    memory.region_stats(RegionId(region)).unwrap().live_bytes
}

fn layout(size: usize) -> Layout {
    Layout::from_size_align(size, 4).unwrap()
}

const FEW: [Class; 3] =
    [Class::new("Small", 32, 2), Class::new("Medium", 128, 2), Class::new("Large", 512, 1)];

fn few(memory: &'static Heap) -> Tiers<'static, 3, 2> {
    let tiers = Tiers::new(memory, FEW);
    tiers.init().unwrap();
    tiers
}

fn used<const C: usize>(tiers: &Tiers<'_, C, 2>) -> [usize; C] {
    tiers.stats().classes.map(|class| class.used_count)
}

fn give<const C: usize>(
    tiers: &Tiers<'_, C, 2>,
    block: NonNull<u8>,
    size: usize,
) -> Result<(), FreeError> {
    // SAFETY: every caller gives back what it took from these tiers with this layout, or a pointer
    // into a pool, which is checked.
    unsafe { tiers.deallocate(block.as_ptr(), layout(size)) }
}

fn give_block<const C: usize>(tiers: &Tiers<'_, C, 2>, ptr: *mut u8) -> Result<(), FreeError> {
    // SAFETY: as above.
    unsafe { tiers.deallocate_block(ptr) }
}

#[test]
fn a_request_takes_the_smallest_class_that_it_fits() {
    let tiers = few(memory(8192, 0));
    for (size, expected) in
        [(1, [1, 0, 0]), (32, [2, 0, 0]), (33, [2, 1, 0]), (128, [2, 2, 0]), (129, [2, 2, 1])]
    {
        tiers.allocate(layout(size)).unwrap();
        assert_eq!(used(&tiers), expected, "{size}");
    }
    // The order in which classes are named means nothing.
    let [small, medium, large] = FEW;
    let tiers = Tiers::new(memory(8192, 0), [large, small, medium]);
    tiers.init().unwrap();
    tiers.allocate(layout(30)).unwrap();
    assert_eq!(used(&tiers), [0, 1, 0]);
}

#[test]
fn what_no_class_has_goes_on_to_the_heap_by_itself() {
    let memory = memory(8192, 0);
    let tiers = few(memory);
    let before = live_bytes(memory, 0);
    let from_heap = |size| {
        let block = tiers.allocate(layout(size)).unwrap();
        assert!(!tiers.contains(block.as_ptr()));
        block
    };
    let oversize = from_heap(513);
    assert_eq!((tiers.stats().oversize_count, live_bytes(memory, 0) - before), (1, 516));
    let pooled = [tiers.allocate(layout(9)).unwrap(), tiers.allocate(layout(9)).unwrap()];
    let exhausted = from_heap(9);
    assert_eq!(tiers.stats().classes[0].failure_count, 1);
    assert_eq!(tiers.stats().fallback_count, 2);
    // One way back for all of them.
    for (block, size) in [(pooled[1], 9), (oversize, 513), (exhausted, 9), (pooled[0], 9)] {
        assert_eq!(give(&tiers, block, size), Ok(()));
    }
    assert_eq!(live_bytes(memory, 0), before);
    assert_eq!((used(&tiers), tiers.stats().fallback_count), ([0; 3], 0));
    // More alignment than a block has is the heap's too.
    let wide = Layout::from_size_align(16, 64).unwrap();
    let block = tiers.allocate(wide).unwrap();
    assert!(block.addr().get().is_multiple_of(64) && !tiers.contains(block.as_ptr()));
    // SAFETY: just taken with this layout.
    unsafe { tiers.deallocate(block.as_ptr(), wide).unwrap() };
}

#[test]
fn a_class_may_spill_into_the_next_larger_one() {
    let tiers = Tiers::new(memory(8192, 0), FEW).spilling(Spill::NextClass);
    tiers.init().unwrap();
    for expected in [[1, 0, 0], [2, 0, 0], [2, 1, 0], [2, 2, 0], [2, 2, 1], [2, 2, 1]] {
        tiers.allocate(layout(20)).unwrap();
        assert_eq!(used(&tiers), expected);
    }
    let failures = tiers.stats().classes.map(|class| class.failure_count);
    assert_eq!(failures, [1, 0, 0], "counted once, where the request belongs");
}

#[test]
fn nothing_is_had_when_the_heap_fails_too_or_for_no_bytes() {
    let tiers = Tiers::new(memory(1024, 0), [Class::new("Only", 64, 1)]);
    tiers.init().unwrap();
    let error = tiers.allocate(layout(5000)).unwrap_err();
    assert!(matches!(error, AllocError::Heap(esparto::AllocError::TooLarge { .. })), "{error}");
    let error = tiers.allocate(layout(0)).unwrap_err();
    assert_eq!(error, AllocError::Heap(esparto::AllocError::ZeroSize));
    let mut blocks = vec![];
    let error = loop {
        match tiers.allocate(layout(64)) {
            Ok(block) => blocks.push(block),
            Err(error) => break error,
        }
    };
    assert!(matches!(error, AllocError::Heap(esparto::AllocError::Exhausted { .. })), "{error}");
    assert!(blocks.len() > 1);
    assert_eq!(tiers.stats().fallback_count, blocks.len() - 1, "a failure is no block");
    for block in blocks {
        assert_eq!(give(&tiers, block, 64), Ok(()));
    }
    // SAFETY: null is nobody's.
    assert_eq!(unsafe { tiers.deallocate(null_mut(), layout(64)) }, Ok(()));
    assert_eq!(give_block(&tiers, null_mut()), Ok(()));
    assert!(!tiers.contains(std::ptr::null()));
    assert_eq!(tiers.deinit(), Ok(()));
}

#[test]
fn wrong_frees_into_a_pool_are_refused_and_counted() {
    let (one, other) = (few(memory(8192, 0)), few(memory(8192, 0)));
    let block = one.allocate(layout(100)).unwrap();
    let addr = block.addr().get();
    let inside = NonNull::new(block.as_ptr().wrapping_add(8)).unwrap();
    let interior = FreeError::Interior { addr: addr + 8, offset_bytes: 8 };
    assert_eq!(give(&one, inside, 100), Err(interior));
    assert_eq!(give_block(&other, block.as_ptr()), Err(FreeError::Foreign { addr }));
    assert_eq!(give(&one, block, 100), Ok(()));
    assert_eq!(give(&one, block, 100), Err(FreeError::Repeated { addr }));
    let refused = one.stats().classes.map(|class| class.refused.total_count());
    assert_eq!((refused, other.stats().classes[1].refused.total_count()), ([0, 2, 0], 0));
    assert_eq!((one.stats().classes[1].free_count, used(&one)), (1, [0; 3]));
    // A static is in no pool, and in no region of the heap: counted there, and left alone.
    static ELSEWHERE: u8 = 0;
    let elsewhere = NonNull::from(&ELSEWHERE);
    assert_eq!(give(&one, elsewhere, 100), Ok(()));
}

#[test]
fn set_up_and_end_have_named_errors_and_leak_nothing() {
    let memory = memory(8192, 0);
    let before = live_bytes(memory, 0);
    let tiers = Tiers::new(memory, FEW);
    assert_eq!(tiers.allocate(layout(8)), Err(AllocError::NotInitialised));
    assert_eq!(tiers.allocate_block(layout(8)), Err(AllocError::NotInitialised));
    assert_eq!(tiers.deinit(), Err(DeinitError::NotInitialised));
    tiers.init().unwrap();
    let after = live_bytes(memory, 0);
    assert!(after - before >= 2 * 32 + 2 * 128 + 512);
    assert_eq!(tiers.init(), Err(InitError::AlreadyInitialised));
    assert_eq!(live_bytes(memory, 0), after);
    let (pooled, heaped) =
        (tiers.allocate(layout(8)).unwrap(), tiers.allocate(layout(600)).unwrap());
    assert_eq!(tiers.deinit(), Err(DeinitError::InUse { block_count: 1, fallback_count: 1 }));
    assert_eq!(give(&tiers, pooled, 8), Ok(()));
    assert_eq!(tiers.deinit(), Err(DeinitError::InUse { block_count: 0, fallback_count: 1 }));
    assert_eq!(give(&tiers, heaped, 600), Ok(()));
    assert_eq!(tiers.deinit(), Ok(()));
    assert_eq!(live_bytes(memory, 0), before);
    assert_eq!(tiers.deinit(), Err(DeinitError::NotInitialised));
    // Again, and by force.
    tiers.init().unwrap();
    let stale = tiers.allocate(layout(8)).unwrap();
    // SAFETY: nobody uses the stale block any more.
    unsafe { tiers.deinit_forced().unwrap() };
    assert_eq!(live_bytes(memory, 0), before);
    assert_eq!(give(&tiers, stale, 8), Err(FreeError::NotInitialised), "use after the end");
    assert_eq!(give_block(&tiers, stale.as_ptr()), Err(FreeError::NotInitialised));
    assert_eq!(live_bytes(memory, 0), before);
}

#[test]
fn a_class_that_does_not_fit_leaves_nothing_behind() {
    let memory = memory(4096, 0);
    let before = live_bytes(memory, 0);
    let error = Tiers::new(memory, Class::SERVICE).init().unwrap_err();
    assert!(matches!(error, InitError::NoMemory { name: "Small", .. }), "{error}");
    let classes = [Class::new("Small", 32, 10), Class::new("Huge", 1024, 10)];
    let error = Tiers::new(memory, classes).init().unwrap_err();
    assert!(matches!(error, InitError::NoMemory { name: "Huge", .. }), "{error}");
    let classes = [Class::new("Small", 32, 10), Class::new("Tiny", 1, 10)];
    let tiers = Tiers::new(memory, classes);
    let error = tiers.init().unwrap_err();
    assert!(matches!(error, InitError::Class { name: "Tiny", .. }), "{error}");
    let overflow = [Class::new("Many", usize::MAX / 4, 65_000)];
    assert!(matches!(Tiers::new(memory, overflow).init(), Err(InitError::Class { .. })));
    assert_eq!(live_bytes(memory, 0), before);
    assert_eq!(tiers.allocate(layout(8)), Err(AllocError::NotInitialised));
}

#[test]
fn a_count_of_zero_turns_a_class_off() {
    let mut classes = FEW;
    classes[1].block_count = 0;
    let tiers = Tiers::new(memory(8192, 0), classes);
    tiers.init().unwrap();
    let block = tiers.allocate(layout(100)).unwrap();
    assert!(!tiers.contains(block.as_ptr()), "off: the heap's");
    assert_eq!((used(&tiers), tiers.stats().health()), ([0; 3], Ok(())), "and healthy");
    assert_eq!(give(&tiers, block, 100), Ok(()));
    // All off is the heap alone.
    let none = Tiers::new(memory(8192, 0), FEW.map(|class| Class { block_count: 0, ..class }));
    none.init().unwrap();
    let block = none.allocate(layout(8)).unwrap();
    assert_eq!((give(&none, block, 8), none.deinit()), (Ok(()), Ok(())));
}

#[test]
fn pools_and_heap_lie_where_their_policies_say() {
    let memory = memory(4096, 65_536);
    let before = [live_bytes(memory, 0), live_bytes(memory, 1)];
    let tiers = Tiers::new(memory, [Class::new("Frame", 4096, 4)])
        .stored_in(Policy::require(Caps::EXTERNAL))
        .falling_back_to(Policy::require(Caps::INTERNAL));
    tiers.init().unwrap();
    assert_eq!(live_bytes(memory, 1) - before[1], 4 * 4096);
    assert!(live_bytes(memory, 0) - before[0] <= 8, "nothing but the bits is internal");
    let internal = live_bytes(memory, 0);
    let error = tiers.allocate(layout(5000)).unwrap_err();
    assert!(matches!(error, AllocError::Heap(esparto::AllocError::TooLarge { .. })), "{error}");
    for _ in 0..4 {
        tiers.allocate(layout(64)).unwrap();
    }
    tiers.allocate(layout(64)).unwrap();
    assert_eq!(live_bytes(memory, 0) - internal, 64);
}

#[test]
fn pools_alone_leave_the_heap_to_the_caller() {
    let memory = memory(8192, 0);
    let tiers = few(memory);
    let before = live_bytes(memory, 0);
    let block = tiers.allocate_block(layout(500)).unwrap().unwrap();
    assert_eq!(tiers.allocate_block(layout(500)), Ok(None));
    assert_eq!(tiers.allocate_block(layout(513)), Ok(None));
    assert_eq!((tiers.stats().classes[2].failure_count, tiers.stats().oversize_count), (1, 1));
    assert_eq!((live_bytes(memory, 0), tiers.stats().fallback_count), (before, 0));
    assert_eq!(give_block(&tiers, block.as_ptr()), Ok(()));
}

#[test]
fn figures_count_and_reset() {
    let tiers = few(memory(8192, 0));
    let blocks: Vec<_> = (0..3).map(|_| tiers.allocate(layout(16)).unwrap()).collect();
    give(&tiers, blocks[0], 16).unwrap();
    let expected = ClassStats {
        name: "Small",
        block_bytes: 32,
        block_count: 2,
        used_count: 1,
        peak_count: 2,
        alloc_count: 2,
        free_count: 1,
        failure_count: 1,
        refused: esparto::pool::Refused::default(),
        corruption_count: 0,
    };
    assert_eq!((tiers.stats().classes[0], expected.unused_count()), (expected, 1));
    tiers.reset_stats();
    let reset =
        ClassStats { peak_count: 1, alloc_count: 0, free_count: 0, failure_count: 0, ..expected };
    assert_eq!(tiers.stats().classes[0], reset, "the mark is what is in use");
    tiers.allocate(layout(16)).unwrap();
    assert_eq!(tiers.stats().classes[0].peak_count, 2);
}

#[test]
fn health_names_what_is_wrong() {
    let memory = memory(16_384, 0);
    let tiers = Tiers::new(memory, [Class::new("Small", 32, 10), Class::new("Large", 512, 10)]);
    assert_eq!(tiers.stats().health(), Err(Unhealthy::NotInitialised));
    tiers.init().unwrap();
    let blocks: Vec<_> = (0..9).map(|_| tiers.allocate(layout(500)).unwrap()).collect();
    assert_eq!(tiers.stats().health(), Ok(()), "nine of ten are not more than nine tenths");
    let last = tiers.allocate(layout(500)).unwrap();
    let full = Unhealthy::Full { name: "Large", used_count: 10, block_count: 10 };
    assert_eq!(tiers.stats().health(), Err(full));
    let fallback = tiers.allocate(layout(500)).unwrap();
    give(&tiers, last, 500).unwrap();
    let failures = Unhealthy::Failures { name: "Large", failure_count: 1 };
    assert_eq!(tiers.stats().health(), Err(failures));
    assert_eq!(failures.to_string(), "1 requests of class Large went on to the heap");
    tiers.reset_stats();
    assert_eq!(tiers.stats().health(), Ok(()));
    // Written to after the free, and noticed at the second take from there.
    give(&tiers, blocks[8], 500).unwrap();
    // SAFETY: the memory is there, and free: this is the very fault to be found.
    unsafe { blocks[8].cast::<u32>().write(u32::MAX) };
    assert_eq!(tiers.allocate(layout(500)), Ok(blocks[8]));
    let _ = tiers.allocate(layout(500)).unwrap();
    assert_eq!(tiers.stats().health(), Err(Unhealthy::Corrupt { name: "Large" }));
    assert_eq!(give(&tiers, fallback, 500), Ok(()));
}

#[test]
fn the_log_has_the_documented_form() {
    let class = |(name, block_bytes, block_count, used_count, failure_count)| ClassStats {
        name,
        block_bytes,
        block_count,
        used_count,
        failure_count,
        peak_count: 0,
        alloc_count: 0,
        free_count: 0,
        refused: esparto::pool::Refused::default(),
        corruption_count: 0,
    };
    let stats = TiersStats {
        is_initialised: true,
        oversize_count: 0,
        fallback_count: 0,
        classes: [
            ("Small", 64, 100, 45, 2),
            ("Medium", 256, 50, 12, 0),
            ("Large", 1024, 20, 3, 0),
            ("XLarge", 4096, 10, 1, 0),
        ]
        .map(class),
    };
    assert_eq!(
        stats.to_string(),
        "Memory Pool Statistics:\n  \
           Small (64B):   45/100 used, 2 heap fallbacks\n  \
           Medium (256B): 12/50 used, 0 heap fallbacks\n  \
           Large (1KB):   3/20 used, 0 heap fallbacks\n  \
           XLarge (4KB):  1/10 used, 0 heap fallbacks"
    );
    let long = TiersStats { classes: [class(("Photographs", 1500, 2, 0, 0))], ..stats_of(&stats) };
    assert_eq!(
        long.to_string(),
        "Memory Pool Statistics:\n  Photographs (1500B): 0/2 used, 0 heap fallbacks"
    );
}

fn stats_of<const C: usize>(stats: &TiersStats<C>) -> TiersStats<1> {
    TiersStats {
        is_initialised: stats.is_initialised,
        oversize_count: stats.oversize_count,
        fallback_count: stats.fallback_count,
        classes: [stats.classes[0]],
    }
}

#[test]
fn the_presets_are_those_documented() {
    let sizes = |classes: &[Class]| -> Vec<_> {
        classes.iter().map(|class| (class.block_bytes, class.block_count)).collect()
    };
    assert_eq!(sizes(&Class::SERVICE), [(64, 100), (256, 50), (1024, 20), (4096, 10)]);
    assert_eq!(sizes(&Class::MULTI_SIZE), [(32, 100), (128, 50), (512, 20)]);
    // 80,640 bytes of blocks fit where they say they do.
    let tiers = Tiers::new(memory(82_000, 0), Class::SERVICE);
    tiers.init().unwrap();
    assert_eq!(tiers.stats().health(), Ok(()));
}

#[cfg(all(feature = "allocator-api2-v0_3", feature = "allocator-api2-v0_4"))]
#[test]
fn collections_live_in_tiers() {
    let mut classes = FEW;
    // Growing needs the next buffer before the last goes back.
    classes[2].block_count = 2;
    let tiers = Tiers::new(memory(16_384, 0), classes);
    tiers.init().unwrap();
    let mut small = allocator_api2_v0_3::vec::Vec::new_in(&tiers);
    let mut large = allocator_api2_v0_4::vec::Vec::new_in(&tiers);
    for n in 0..500_u32 {
        small.push(n as u8);
        large.push(n);
    }
    assert!(
        small.iter().zip(&large).enumerate().all(|(n, (&a, &b))| a == n as u8 && b == n as u32)
    );
    let before = (used(&tiers), tiers.stats().fallback_count);
    assert_eq!(before, ([0, 0, 1], 1), "512 bytes in a pool, 2 KB on the heap");
    drop((small, large));
    assert_eq!((used(&tiers), tiers.stats().fallback_count), ([0; 3], 0));
    let empty: allocator_api2_v0_4::vec::Vec<u32, _> =
        allocator_api2_v0_4::vec::Vec::new_in(&tiers);
    drop(empty);
}

#[derive(Clone, Copy, Debug)]
enum Op {
    Take(usize),
    Give(usize),
}

proptest! {
    #![proptest_config(ProptestConfig { cases: CASES, failure_persistence: None, ..ProptestConfig::default() })]

    /// Against a shadow map: nothing overlaps, nothing is written, all goes back to where it was.
    #[test]
    fn any_sequence_holds(ops in prop::collection::vec(
        prop_oneof![
            3 => (1..700_usize).prop_map(Op::Take),
            2 => (0..20_usize).prop_map(Op::Give),
        ],
        0..if cfg!(miri) { 15 } else { 150 },
    )) {
        let memory = memory(8192, 0);
        let tiers = few(memory);
        let before = live_bytes(memory, 0);
        let mut live: BTreeMap<NonNull<u8>, (usize, u8)> = BTreeMap::new();
        let mut fill = 0_u8;
        for op in ops {
            match op {
                Op::Take(size) => {
                    let Ok(block) = tiers.allocate(layout(size)) else { continue };
                    if let Some((start, (len, _))) = live.range(..=block).next_back() {
                        prop_assert!(start.addr().get() + len <= block.addr().get());
                    }
                    if let Some((next, _)) = live.range(block..).next() {
                        prop_assert!(block.addr().get() + size <= next.addr().get());
                    }
                    fill = fill.wrapping_add(1);
                    // SAFETY: a live block of this many bytes.
                    unsafe { block.write_bytes(fill, size) };
                    live.insert(block, (size, fill));
                }
                Op::Give(n) => {
                    let Some(&block) = live.keys().nth(n % live.len().max(1)) else { continue };
                    let (size, fill) = live.remove(&block).unwrap();
                    // SAFETY: a live block of this many bytes, all written.
                    let bytes = unsafe { std::slice::from_raw_parts(block.as_ptr(), size) };
                    prop_assert!(bytes.iter().all(|&byte| byte == fill));
                    prop_assert_eq!(give(&tiers, block, size), Ok(()));
                }
            }
            let in_pools = live.keys().filter(|block| tiers.contains(block.as_ptr())).count();
            prop_assert_eq!(used(&tiers).iter().sum::<usize>(), in_pools);
            prop_assert_eq!(tiers.stats().fallback_count, live.len() - in_pools);
        }
        for (block, (size, _)) in live {
            prop_assert_eq!(give(&tiers, block, size), Ok(()));
        }
        prop_assert_eq!(live_bytes(memory, 0), before);
        prop_assert_eq!(tiers.deinit(), Ok(()));
    }
}

#[test]
fn a_block_gives_itself_back_to_where_it_came_from_and_moves_with_its_size() {
    let memory = memory(16 << 10, 0);
    let tiers = few(memory);
    let live_before = live_bytes(memory, 0);
    let mut block = tiers.take(layout(5)).unwrap();
    block.iter_mut().zip(*b"hello").for_each(|(to, from)| _ = to.write(from));
    for size in [200, 3000, 5] {
        block.resize(size).unwrap();
        assert_eq!((block.len(), block.layout().size()), (size, size));
        // SAFETY: the first five bytes were written above, and move along.
        let kept: Vec<u8> = block[..5].iter().map(|byte| unsafe { byte.assume_init() }).collect();
        assert_eq!(kept, b"hello");
    }
    assert!(block.resize(1 << 20).is_err() && block.len() == 5, "it is as it was");
    drop(block);
    assert!(tiers.stats().classes.iter().all(|class| class.used_count == 0));
    assert_eq!((tiers.stats().fallback_count, live_bytes(memory, 0)), (0, live_before));
}

/// The marks are kept by where the free list is, not by counting: hold them to counting.
#[test]
fn high_water_marks_and_counts_are_those_of_counting() {
    let memory = memory(64 << 10, 0);
    let tiers = Tiers::new(memory, [Class::new("Small", 32, 100)]);
    tiers.init().unwrap();
    let (mut held, mut seed) = (Vec::new(), 7_u32);
    let (mut used, mut peak, mut counts) = (0, 0, [0, 0]);
    for step in 0..if cfg!(miri) { 400 } else { 4000 } {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        if step % 97 == 0 {
            tiers.reset_stats();
            (peak, counts) = (used, [0, 0]);
        }
        // Drifts up and down, so that old marks are passed and new ones made.
        let does_take = (seed >> 16) % 100 < if step / 300 % 2 == 0 { 60 } else { 40 };
        if does_take {
            if let Ok(Some(block)) = tiers.allocate_block(layout(8)) {
                held.push(block);
                (used, counts[0]) = (used + 1, counts[0] + 1);
                peak = peak.max(used);
            }
        } else if !held.is_empty() {
            let block = held.swap_remove((seed >> 8) as usize % held.len());
            // SAFETY: taken above, and given back once.
            unsafe { tiers.deallocate_block(block.as_ptr()) }.unwrap();
            (used, counts[1]) = (used - 1, counts[1] + 1);
        }
        let class = tiers.stats().classes[0];
        assert_eq!((class.used_count, class.peak_count), (used, peak), "step {step}");
        assert_eq!([class.alloc_count, class.free_count], counts, "step {step}");
    }
}
