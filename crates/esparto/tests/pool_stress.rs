//! Four threads on one pool, against an oracle: each block has a word outside of the pool that says
//! who has it. Whoever takes a block finds it nobody's, whoever gives it back finds it still theirs.

use std::sync::Barrier;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use crate::kept::bytes;
use esparto::pool::{BlockPool, Critical, LockFree, Pool, PoolBlock, PoolBox, Shape, Shared};

const THREADS: u32 = 4;
const BLOCKS: usize = 13;
/// Each thread holds up to this many: all together more than there are.
const HELD: usize = 5;

/// A thread's own chance, the same in every run.
struct Chance(u64);

impl Chance {
    fn next(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 33) as usize % below
    }
}

/// Lets all threads do `ops` operations in all; returns how many were takes that found a block.
/// `take` gives a block's number or nothing, `give` takes it back.
fn stress<B: Send>(
    ops: u64,
    index_of: impl Fn(&B) -> usize + Sync,
    take: impl Fn() -> Option<B> + Sync,
    give: impl Fn(B) + Sync,
) -> u64 {
    let owners: [AtomicU32; BLOCKS] = [const { AtomicU32::new(0) }; BLOCKS];
    let (taken, barrier) = (AtomicU64::new(0), Barrier::new(THREADS as usize));
    std::thread::scope(|scope| {
        for thread in 1..=THREADS {
            let (owners, taken, barrier) = (&owners, &taken, &barrier);
            let (index_of, take, give) = (&index_of, &take, &give);
            scope.spawn(move || {
                let mut chance = Chance(0x9e37_79b9_7f4a_7c15 ^ u64::from(thread));
                let mut held: Vec<B> = Vec::with_capacity(HELD);
                let mut own = 0;
                let give_one = |held: &mut Vec<B>, at| {
                    let block = held.swap_remove(at);
                    let owner = owners[index_of(&block)].swap(0, Ordering::Relaxed);
                    assert_eq!(owner, thread, "somebody else got a block that was in use");
                    give(block);
                };
                barrier.wait();
                for _ in 0..ops / u64::from(THREADS) {
                    if held.len() < HELD && (held.is_empty() || chance.next(2) == 0) {
                        let Some(block) = take() else { continue };
                        let owner = owners[index_of(&block)].swap(thread, Ordering::Relaxed);
                        assert_eq!(owner, 0, "handed out twice");
                        held.push(block);
                        own += 1;
                    } else {
                        let at = chance.next(held.len());
                        give_one(&mut held, at);
                    }
                }
                while !held.is_empty() {
                    give_one(&mut held, 0);
                }
                taken.fetch_add(own, Ordering::Relaxed);
            });
        }
    });
    taken.into_inner()
}

/// A value that shows when it was torn or shared.
type Value = [u64; 4];

fn typed<A: Shared>(pool: &'static Pool<Value, BLOCKS, A>, ops: u64) {
    // Of a new pool, the first block comes first.
    let first = (&raw const **pool.allocate([0; 4]).as_ref().unwrap()).addr();
    let count = AtomicU64::new(0);
    let taken = stress(
        ops,
        |value: &PoolBox<'_, Value, BLOCKS, A>| {
            ((&raw const **value).addr() - first) / size_of::<Value>()
        },
        || {
            let stamp = count.fetch_add(1, Ordering::Relaxed);
            pool.allocate([stamp; 4]).ok()
        },
        |value| {
            assert!(value.iter().all(|word| *word == value[0]), "two wrote to one block");
            drop(value);
        },
    );
    let stats = pool.stats();
    assert!(taken > ops / 4, "{taken} takes of {ops} operations");
    assert_eq!(stats.used_count, 0);
    assert!(stats.peak_count <= BLOCKS);
    // All blocks are still there, once each.
    let all: Vec<_> = (0..BLOCKS).map(|n| pool.allocate([n as u64; 4]).unwrap()).collect();
    assert!(all.iter().enumerate().all(|(n, value)| **value == [n as u64; 4]));
    assert!(pool.allocate([0; 4]).is_err());
}

fn block<A: Shared>(pool: &'static BlockPool<A>, ops: u64) {
    let shape = Shape::new(32, BLOCKS).unwrap();
    pool.init_static(bytes(BlockPool::<A>::needed_bytes(shape)), shape).unwrap();
    let first = pool.allocate().unwrap();
    pool.deallocate(first).unwrap();
    let first = first.addr().get();
    let refused = AtomicU32::new(0);
    let taken = stress(
        ops,
        |block: &PoolBlock<'_, A>| (block.as_ptr().addr() - first) / 32,
        || pool.take().ok(),
        |block| {
            // Now and then also a pointer that is none.
            let inside = std::ptr::NonNull::from(&block[8]).cast();
            if block.as_ptr().addr() % 96 == 0 {
                assert!(pool.deallocate(inside).is_err());
                refused.fetch_add(1, Ordering::Relaxed);
            }
            drop(block);
        },
    );
    let stats = pool.stats();
    assert!(taken > ops / 4, "{taken} takes of {ops} operations");
    assert_eq!((stats.used_count, stats.corruption_count), (0, 0));
    assert_eq!(stats.refused.total_count(), refused.into_inner());
    let mut all: Vec<_> = (0..BLOCKS).map(|_| pool.allocate().unwrap()).collect();
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), BLOCKS);
    assert!(pool.allocate().is_err());
}

const SUITE_OPS: u64 = if cfg!(miri) { 400 } else { 1_000_000 };

#[test]
fn a_million_operations_of_four_threads_without_a_lock() {
    static TYPED: Pool<Value, BLOCKS, LockFree> = Pool::new();
    static BLOCK: BlockPool<LockFree> = BlockPool::new();
    typed(&TYPED, SUITE_OPS);
    block(&BLOCK, SUITE_OPS);
}

#[test]
fn a_million_operations_of_four_threads_in_critical_sections() {
    static TYPED: Pool<Value, BLOCKS, Critical> = Pool::new();
    static BLOCK: BlockPool<Critical> = BlockPool::new();
    typed(&TYPED, SUITE_OPS / 4);
    block(&BLOCK, SUITE_OPS / 4);
}

/// `cargo test --release -p esparto pool_stress:: -- --ignored`
#[test]
#[ignore = "a soak of a minute or so, by its own command"]
fn a_hundred_million_operations_of_four_threads_without_a_lock() {
    static TYPED: Pool<Value, BLOCKS, LockFree> = Pool::new();
    static BLOCK: BlockPool<LockFree> = BlockPool::new();
    typed(&TYPED, 100_000_000);
    block(&BLOCK, 100_000_000);
}
