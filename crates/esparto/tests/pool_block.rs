//! Block pools: the oracle, bad input, set-up and end, memory of any capability, the log.

use std::collections::{BTreeMap, BTreeSet};
use std::mem::MaybeUninit;
use std::ptr::NonNull;

use crate::kept::bytes;
use esparto::heap::{Cursor, Progress};
use esparto::pool::{
    Access, BlockPool, Critical, DeinitError, FreeError, InitError, LockFree, PoolStats, Refused,
    Shape, ShapeError, Single, Storage, TakeError,
};
use esparto::{AllocError, Caps, Corruption, LinkedList, Memory};
use proptest::prelude::*;

const CASES: u32 = if cfg!(miri) { 1 } else { 128 };
const SRAM: Caps = Caps::INTERNAL.union(Caps::BYTE).union(Caps::WORD).union(Caps::ATOMIC);
const PSRAM: Caps = Caps::EXTERNAL.union(Caps::BYTE).union(Caps::WORD);

fn live<A: Access>(block_bytes: usize, block_count: usize) -> BlockPool<A> {
    let shape = Shape::new(block_bytes, block_count).unwrap();
    let pool = BlockPool::new();
    pool.init_static(bytes(BlockPool::<A>::needed_bytes(shape)), shape).unwrap();
    pool
}

fn offset(ptr: NonNull<u8>, bytes: usize) -> NonNull<u8> {
    NonNull::new(ptr.as_ptr().wrapping_add(bytes)).unwrap()
}

#[derive(Clone, Copy, Debug)]
enum Op {
    Take,
    /// Give back the n-th live block.
    Give(usize),
    /// Give back the n-th block that was given back already.
    GiveAgain(usize),
    /// Give back what is so far behind the n-th live block's start.
    Inside(usize, usize),
    /// Give back what is so far behind (or in front of) the pool.
    Foreign(isize),
}

const BLOCK: usize = 24;
const COUNT: usize = 5;

/// Holds a pool against a shadow set: what is live, what it is filled with, what was refused.
fn run<A: Access>(ops: &[Op]) {
    let mut pool = live::<A>(BLOCK, COUNT);
    let mut live: BTreeMap<NonNull<u8>, u8> = BTreeMap::new();
    let mut seen: BTreeSet<NonNull<u8>> = BTreeSet::new();
    let mut expected = PoolStats { block_bytes: BLOCK, block_count: COUNT, ..Default::default() };
    let mut fill = 0;
    for op in ops {
        let nth = |set: Vec<NonNull<u8>>, n: usize| set.get(n % set.len().max(1)).copied();
        match *op {
            Op::Take => match pool.allocate() {
                Ok(block) => {
                    assert!(block.addr().get().is_multiple_of(8));
                    fill += 1;
                    // SAFETY: a live block of this many bytes.
                    unsafe { block.write_bytes(fill, BLOCK) };
                    assert_eq!(live.insert(block, fill), None, "handed out twice");
                    seen.insert(block);
                }
                Err(error) => {
                    assert_eq!(error, TakeError::Exhausted { block_count: COUNT });
                    assert_eq!(live.len(), COUNT, "refused while a block is free");
                    expected.failure_count += 1;
                }
            },
            Op::Give(n) => {
                if let Some(block) = nth(live.keys().copied().collect(), n) {
                    live.remove(&block);
                    assert_eq!(pool.deallocate(block), Ok(()));
                }
            }
            Op::GiveAgain(n) => {
                let dead = seen.iter().filter(|block| !live.contains_key(block)).copied();
                if let Some(block) = nth(dead.collect(), n) {
                    let addr = block.addr().get();
                    assert_eq!(pool.deallocate(block), Err(FreeError::Repeated { addr }));
                    expected.refused.repeated_count += 1;
                }
            }
            Op::Inside(n, offset_bytes) => {
                if let Some(block) = nth(seen.iter().copied().collect(), n) {
                    let inside = offset(block, offset_bytes);
                    let addr = inside.addr().get();
                    let error = FreeError::Interior { addr, offset_bytes };
                    assert_eq!(pool.deallocate(inside), Err(error));
                    expected.refused.interior_count += 1;
                }
            }
            Op::Foreign(distance) => {
                let Some(first) = seen.first() else { continue };
                let end = if distance < 0 { 0 } else { COUNT * BLOCK };
                let outside = offset(*first, end.wrapping_add_signed(distance));
                let addr = outside.addr().get();
                assert_eq!(pool.deallocate(outside), Err(FreeError::Foreign { addr }));
                expected.refused.foreign_count += 1;
            }
        }
        expected.used_count = live.len();
        expected.peak_count = expected.peak_count.max(live.len());
        assert_eq!(pool.stats(), expected);
        for (block, fill) in &live {
            // SAFETY: a live block of this many bytes, all written.
            let bytes = unsafe { std::slice::from_raw_parts(block.as_ptr(), BLOCK) };
            assert!(bytes.iter().all(|byte| byte == fill), "a block in use was written");
        }
        let (mut cursor, mut steps) = (Cursor::default(), 1);
        while pool.check_mut(&mut cursor, 1).unwrap() == Progress::More {
            steps += 1;
        }
        assert!(steps <= COUNT);
    }
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        4 => Just(Op::Take),
        3 => (0..COUNT).prop_map(Op::Give),
        1 => (0..COUNT).prop_map(Op::GiveAgain),
        1 => (0..COUNT, 1..BLOCK).prop_map(|(n, offset)| Op::Inside(n, offset)),
        1 => prop_oneof![Just(-1), -200_isize..0, 0..200_isize, Just(isize::MAX - 4096)]
            .prop_map(Op::Foreign),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: CASES, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_sequence_holds(ops in prop::collection::vec(op(), 0..if cfg!(miri) { 15 } else { 150 })) {
        run::<Single>(&ops);
        run::<Critical>(&ops);
        run::<LockFree>(&ops);
    }
}

#[test]
fn every_short_sequence_holds() {
    const OPS: [Op; 7] = [
        Op::Take,
        Op::Give(0),
        Op::Give(1),
        Op::GiveAgain(0),
        Op::GiveAgain(1),
        Op::Inside(0, 4),
        Op::Foreign(-(BLOCK as isize)),
    ];
    let depth = if cfg!(miri) { 2 } else { 6 };
    for number in 0..OPS.len().pow(depth) {
        let ops: Vec<_> =
            (0..depth).map(|digit| OPS[number / OPS.len().pow(digit) % OPS.len()]).collect();
        run::<Single>(&ops);
        // The same state machine behind another lock; the lock-free one is another.
        run::<LockFree>(&ops);
    }
}

#[test]
fn a_pool_is_last_in_first_out() {
    fn holds<A: Access>() {
        let pool = live::<A>(32, 4);
        let blocks: Vec<_> = (0..4).map(|_| pool.allocate().unwrap()).collect();
        pool.deallocate(blocks[1]).unwrap();
        pool.deallocate(blocks[3]).unwrap();
        assert_eq!(pool.allocate(), Ok(blocks[3]));
        assert_eq!(pool.allocate(), Ok(blocks[1]));
    }
    holds::<Single>();
    holds::<Critical>();
    holds::<LockFree>();
}

#[test]
fn shapes_that_cannot_be_are_refused_with_figures() {
    let error = |bytes, count| Shape::new(bytes, count).unwrap_err();
    let word = size_of::<usize>();
    assert_eq!(error(0, 4), ShapeError::Zero { block_bytes: 0, block_count: 4 });
    assert_eq!(error(64, 0), ShapeError::Zero { block_bytes: 64, block_count: 0 });
    assert_eq!(error(1, 4), ShapeError::BlockTooSmall { block_bytes: 1, min_bytes: word });
    assert_eq!(
        error(word - 1, 4),
        ShapeError::BlockTooSmall { block_bytes: word - 1, min_bytes: word }
    );
    assert_eq!(error(8, 65_535), ShapeError::TooMany { block_count: 65_535, limit_count: 65_534 });
    assert!(Shape::new(8, 65_534).is_ok());
    // The products wrap to 0, to 16, and to a little less than the address space.
    for (bytes, count) in
        [(usize::MAX / 2 + 1, 2), (usize::MAX / 2 + 9, 2), (usize::MAX - 3, 1), (usize::MAX / 3, 3)]
    {
        assert_eq!(
            error(bytes, count),
            ShapeError::TooLarge { block_bytes: bytes, block_count: count }
        );
    }
    let shape = Shape::new(32, 4).unwrap();
    assert_eq!(shape.aligned_to(24), Err(ShapeError::Align { align_bytes: 24 }));
    assert_eq!(shape.aligned_to(0), Err(ShapeError::Align { align_bytes: 0 }));
    assert_eq!(
        shape.aligned_to(64),
        Err(ShapeError::BlockTooSmall { block_bytes: 32, min_bytes: 64 })
    );
    assert_eq!(Shape::new(40, 4).unwrap().aligned_to(32).unwrap().block_bytes(), 64);
    assert_eq!(Shape::new(15, 4).unwrap().block_bytes(), 16);
    assert_eq!(
        error(1, 4).to_string(),
        format!("blocks of 1 bytes are too small: make them {word}")
    );
}

#[test]
fn blocks_are_aligned_as_the_shape_says() {
    let shape = Shape::new(100, 8).unwrap().aligned_to(64).unwrap();
    let pool: BlockPool = BlockPool::new();
    // From every start: the blocks are moved up to the first aligned address.
    let memory = bytes(BlockPool::<Single>::needed_bytes(shape) + 1);
    pool.init_static(&mut memory[1..], shape).unwrap();
    for _ in 0..8 {
        assert!(pool.allocate().unwrap().addr().get().is_multiple_of(64));
    }
}

#[test]
fn a_live_pool_is_not_set_up_again() {
    fn holds<A: Access>() {
        let pool = live::<A>(64, 4);
        let block = pool.allocate().unwrap();
        let shape = Shape::new(32, 2).unwrap();
        let again = pool.init_static(bytes(256), shape);
        assert_eq!(again, Err(InitError::AlreadyInitialised));
        assert_eq!(pool.stats().used_count, 1);
        assert_eq!((pool.shape().unwrap().block_bytes(), pool.deallocate(block)), (64, Ok(())));
    }
    holds::<Single>();
    holds::<Critical>();
    holds::<LockFree>();
}

#[test]
fn memory_that_does_not_do_is_refused_with_figures() {
    let shape = Shape::new(64, 4).unwrap();
    let pool: BlockPool = BlockPool::new();
    // Four blocks and a word of bits.
    assert_eq!(
        pool.init_static(bytes(259), shape),
        Err(InitError::TooSmall { len_bytes: 259, needed_bytes: 260 })
    );
    let memory = NonNull::from(bytes(512)).cast::<u8>();
    let part = |start, len| NonNull::slice_from_raw_parts(offset(memory, start), len);
    let init = |blocks, table| {
        // SAFETY: static memory of the test's own; blocks and table do not overlap.
        unsafe { pool.init(Storage { blocks, table }, shape) }
    };
    let start_addr = memory.addr().get() + 4;
    assert_eq!(
        init(part(4, 256), part(264, 4)),
        Err(InitError::Misaligned { start_addr, align_bytes: 8 })
    );
    assert_eq!(
        init(part(0, 256), part(256, 3)),
        Err(InitError::TooSmall { len_bytes: 3, needed_bytes: 4 })
    );
    assert!(matches!(init(part(0, 256), part(257, 4)), Err(InitError::Misaligned { .. })));
    assert_eq!(pool.stats(), PoolStats::default());
    assert_eq!(init(part(0, 256), part(256, 4)), Ok(()));
}

#[test]
fn use_before_set_up_and_after_the_end_is_refused() {
    fn refused<A: Access>(pool: &BlockPool<A>, stale: NonNull<u8>) {
        assert_eq!(pool.allocate(), Err(TakeError::NotInitialised));
        assert_eq!(pool.take().unwrap_err(), TakeError::NotInitialised);
        assert_eq!(pool.deallocate(stale), Err(FreeError::NotInitialised));
        assert_eq!(pool.stats(), PoolStats::default());
        assert_eq!(pool.shape(), None);
    }
    fn holds<A: Access>() {
        let mut pool = BlockPool::<A>::new();
        refused(&pool, NonNull::from(bytes(8)).cast());
        assert_eq!(pool.deinit_mut(), Err(DeinitError::NotInitialised));
        let shape = Shape::new(64, 4).unwrap();
        pool.init_static(bytes(BlockPool::<A>::needed_bytes(shape)), shape).unwrap();
        let block = pool.allocate().unwrap();
        assert_eq!(pool.deinit_mut(), Err(DeinitError::InUse { used_count: 1 }));
        assert_eq!(pool.deallocate(block), Ok(()));
        let storage = pool.deinit_mut().unwrap();
        assert_eq!(storage.blocks.len(), 256);
        refused(&pool, block);
        // The same memory again, for other blocks.
        // SAFETY: the pool let go of it, and nobody else has it.
        unsafe { pool.init(storage, Shape::new(128, 2).unwrap()).unwrap() };
        assert_eq!(pool.stats().free_count(), 2);
    }
    holds::<Single>();
    holds::<Critical>();
    holds::<LockFree>();
}

#[test]
fn a_shared_pool_ends_when_nothing_is_in_use_or_by_force() {
    static POOL: BlockPool<Critical> = BlockPool::new();
    assert_eq!(POOL.deinit(), Err(DeinitError::NotInitialised));
    let shape = Shape::new(16, 3).unwrap();
    POOL.init_static(bytes(64), shape).unwrap();
    let block = POOL.take().unwrap();
    assert_eq!(POOL.deinit(), Err(DeinitError::InUse { used_count: 1 }));
    drop(block);
    POOL.deinit().unwrap();
    POOL.init_static(bytes(64), shape).unwrap();
    let lost = POOL.allocate().unwrap();
    // SAFETY: nobody uses the lost block any more.
    unsafe { POOL.deinit_forced().unwrap() };
    assert_eq!(POOL.deallocate(lost), Err(FreeError::NotInitialised));
}

#[test]
fn a_block_of_another_pool_is_foreign() {
    fn holds<A: Access>() {
        let (one, other) = (live::<A>(64, 4), live::<A>(64, 4));
        let block = one.allocate().unwrap();
        let addr = block.addr().get();
        assert_eq!(other.deallocate(block), Err(FreeError::Foreign { addr }));
        let refused = Refused { foreign_count: 1, ..Refused::default() };
        assert_eq!((other.stats().refused, one.stats().used_count), (refused, 1));
        assert_eq!(one.deallocate(block), Ok(()));
    }
    holds::<Single>();
    holds::<Critical>();
    holds::<LockFree>();
}

#[test]
fn a_pointer_that_may_reach_less_than_the_block_is_enough_to_give_it_back() {
    let pool = live::<Single>(64, 2);
    let mut block = pool.allocate().unwrap();
    // SAFETY: a live block; a reference to one byte of it.
    let byte = NonNull::from(unsafe { block.as_mut() });
    assert_eq!(pool.deallocate(byte), Ok(()));
    assert_eq!(pool.allocate(), Ok(block));
}

#[test]
fn owned_blocks_give_themselves_back() {
    let pool = live::<Critical>(32, 2);
    let (mut a, b) = (pool.take().unwrap(), pool.take().unwrap());
    assert_eq!((a.len(), b.len()), (32, 32));
    a.fill(MaybeUninit::new(5));
    assert_eq!(pool.take().unwrap_err(), TakeError::Exhausted { block_count: 2 });
    drop(a);
    assert_eq!(pool.stats().used_count, 1);
    std::thread::scope(|scope| {
        scope.spawn(move || drop(b));
    });
    assert_eq!(pool.stats().used_count, 0);
}

#[test]
fn an_owned_block_is_nobody_elses_to_give_back() {
    fn holds<A: Access>() {
        let mut pool = live::<A>(32, 3);
        let block = pool.take().unwrap();
        // Safe code can name the address, and cannot get the block a second time with it.
        let raw = NonNull::from(&block[0]).cast::<u8>();
        let addr = raw.addr().get();
        assert_eq!(pool.deallocate(raw), Err(FreeError::Repeated { addr }));
        let others = [pool.take().unwrap(), pool.take().unwrap()];
        assert!(others.iter().all(|other| other.as_ptr() != block.as_ptr()));
        assert!(pool.take().is_err());
        drop(block);
        assert_eq!(pool.stats().used_count, 2);
        drop(others);
        assert_eq!(pool.check_mut(&mut Cursor::default(), 9), Ok(Progress::Done));
        // And once it went back, it may be had either way.
        let raw = pool.allocate().unwrap();
        assert_eq!(pool.deallocate(raw), Ok(()));
        assert_eq!(pool.stats().refused.total_count(), 1);
    }
    holds::<Single>();
    holds::<Critical>();
    holds::<LockFree>();
}

#[test]
fn blocks_lie_where_the_policy_says_and_the_table_inside() {
    static MEMORY: Memory<2> = Memory::new();
    static POOL: BlockPool<LockFree> = BlockPool::new();
    let sram = MEMORY.add_static::<LinkedList>("sram", bytes(1024), SRAM).unwrap();
    let psram = MEMORY.add_static::<LinkedList>("psram", bytes(8192), PSRAM).unwrap();
    let before = [sram, psram].map(|id| MEMORY.region_stats(id).unwrap().live_bytes);
    let shape = Shape::new(256, 20).unwrap();
    POOL.init_in(&MEMORY, Caps::EXTERNAL, shape).unwrap();
    let live = [sram, psram].map(|id| MEMORY.region_stats(id).unwrap().live_bytes);
    assert_eq!(live[1] - before[1], 5120, "blocks");
    assert_eq!(live[0] - before[0], 40, "two bytes of links a block");
    let start_addr = MEMORY.region_stats(psram).unwrap().start_addr;
    assert!((start_addr..start_addr + 8192).contains(&POOL.allocate().unwrap().addr().get()));

    // What does not fit leaves nothing behind, whichever part it was.
    let other: BlockPool<Critical> = BlockPool::new();
    let error = other.init_in(&MEMORY, Caps::EXTERNAL, Shape::new(256, 100).unwrap()).unwrap_err();
    assert!(matches!(error, InitError::NoMemory(AllocError::TooLarge { .. })), "{error}");
    let error = other.init_in(&MEMORY, Caps::DMA, shape).unwrap_err();
    assert!(matches!(error, InitError::NoMemory(AllocError::NoRegion { .. })), "{error}");
    let room = MEMORY.caps_stats(Caps::INTERNAL).largest_free_bytes;
    let large = std::alloc::Layout::from_size_align(room, 4).unwrap();
    let filler = MEMORY.allocate(large, Caps::INTERNAL).unwrap();
    let error = other.init_in(&MEMORY, Caps::EXTERNAL, Shape::new(8, 300).unwrap()).unwrap_err();
    assert!(matches!(error, InitError::NoMemory(AllocError::Exhausted { .. })), "{error}");
    // SAFETY: allocated above with this layout.
    unsafe { MEMORY.deallocate(filler, large) };
    assert_eq!(POOL.init_in(&MEMORY, Caps::EXTERNAL, shape), Err(InitError::AlreadyInitialised));
    assert_eq!([sram, psram].map(|id| MEMORY.region_stats(id).unwrap().live_bytes), live);

    // And all goes back.
    other.init_in(&MEMORY, SRAM, Shape::new(16, 8).unwrap()).unwrap();
    let storage = other.deinit().unwrap();
    let shape = Shape::new(16, 8).unwrap();
    let table = BlockPool::<Critical>::table_layout(shape);
    // SAFETY: from this memory with these layouts; the pool has ended.
    unsafe { storage.give_back(&MEMORY, shape.blocks_layout(), table) };
    assert_eq!([sram, psram].map(|id| MEMORY.region_stats(id).unwrap().live_bytes), live);
}

#[test]
fn what_is_written_after_a_free_is_found_and_harms_nobody() {
    let pool = live::<Critical>(32, 6);
    let blocks: Vec<_> = (0..4).map(|_| pool.allocate().unwrap()).collect();
    pool.deallocate(blocks[0]).unwrap();
    pool.deallocate(blocks[1]).unwrap();
    let plant = |word: u32| {
        // SAFETY: the memory is there, and free: this is the very fault to be found.
        unsafe { blocks[1].cast::<u32>().write(word) };
        pool.check(&mut Cursor::default(), 9).unwrap_err()
    };
    assert!(matches!(plant(0), Corruption::Mismatch { expected: 2, actual: 1, .. }));
    assert!(matches!(plant(77), Corruption::LinkOutside { .. }));
    assert!(matches!(plant(2), Corruption::Cycle { limit_count: 2, .. }));
    // A link to a block in use: the next take but one would hand it out again.
    assert!(matches!(plant(3), Corruption::Mismatch { expected: 0, actual: 1, .. }));
    assert_eq!(pool.allocate(), Ok(blocks[1]));
    let fresh = pool.allocate().unwrap();
    assert!(!blocks.contains(&fresh), "handed out a block in use");
    assert_eq!(pool.stats().corruption_count, 1);
    // A link to nowhere.
    pool.deallocate(blocks[1]).unwrap();
    // SAFETY: as above.
    unsafe { blocks[1].cast::<u32>().write(0xdead_beef) };
    assert_eq!(pool.allocate(), Ok(blocks[1]));
    let last = pool.allocate().unwrap();
    assert!(!blocks.contains(&last) && last != fresh);
    assert_eq!(pool.allocate(), Err(TakeError::Exhausted { block_count: 6 }));
    assert_eq!(pool.stats().corruption_count, 2);
    // Blocks 2 and 3 were never touched by all this.
    assert_eq!((pool.deallocate(blocks[2]), pool.deallocate(blocks[3])), (Ok(()), Ok(())));
}

#[test]
fn the_log_has_its_seven_values_and_the_utilization() {
    let pool = live::<Single>(32, 200);
    for _ in 0..25 {
        pool.allocate().unwrap();
    }
    let lines = "Block size: 32 bytes\n\
                 Total blocks: 200\n\
                 Free blocks: 175\n\
                 Used blocks: 25\n\
                 Total memory: 6400 bytes\n\
                 Used memory: 800 bytes\n\
                 Free memory: 5600 bytes\n\
                 Utilization: 12.5%";
    let stats = pool.stats();
    assert_eq!(stats.to_string(), format!("=== Pool Statistics ===\n{lines}"));
    assert_eq!(stats.titled("UART").to_string(), format!("=== UART Pool Statistics ===\n{lines}"));
    let permille = |used_count, block_count| {
        PoolStats { used_count, block_count, ..PoolStats::default() }.utilization_permille()
    };
    assert_eq!(
        [permille(0, 0), permille(1, 3), permille(2, 3), permille(3, 3)],
        [0, 333, 667, 1000]
    );
    assert_eq!(permille(1, 2000), 1, "half a tenth is rounded up");
}

#[test]
fn the_presets_are_those_of_the_guide() {
    let sizes = [Shape::SMALL, Shape::MEDIUM, Shape::LARGE, Shape::ISR]
        .map(|shape| (shape.block_bytes(), shape.block_count()));
    assert_eq!(sizes, [(32, 200), (256, 50), (1024, 10), (64, 20)]);
}

#[test]
fn one_bit_a_block_or_two_bytes_without_a_lock() {
    let shape = Shape::new(64, 1000).unwrap();
    // A bit a block and one more, in words.
    assert_eq!(BlockPool::<Single>::table_layout(shape).size(), 128);
    assert_eq!(BlockPool::<Critical>::table_layout(shape).size(), 128);
    assert_eq!(BlockPool::<LockFree>::table_layout(shape).size(), 2000);
}
