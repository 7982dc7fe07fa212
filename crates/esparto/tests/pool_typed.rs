//! Pools of one type: values, boxes, who may use them, what they cost.

use std::cell::Cell;
use std::collections::BTreeSet;

use esparto::Corruption;
use esparto::heap::{Cursor, Progress};
use esparto::pool::{Access, Critical, Exclusive, Full, LockFree, Pool, PoolBox, Single};
use proptest::prelude::*;

const CASES: u32 = if cfg!(miri) { 1 } else { 128 };

/// Counts itself down when it is dropped.
struct Counted<'c>(&'c Cell<i32>, u64);

impl<'c> Counted<'c> {
    fn new(live: &'c Cell<i32>, value: u64) -> Self {
        live.set(live.get() + 1);
        Self(live, value)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

/// Holds a pool against a set of what must be live: every sequence of takes and gives.
fn run<A: Access>(ops: &[Option<usize>]) {
    let live = Cell::new(0);
    let pool: Pool<Counted<'_>, 5, A> = Pool::new();
    let mut boxes: Vec<PoolBox<'_, _, 5, A>> = Vec::new();
    let (mut peak, mut failures, mut value) = (0, 0, 0);
    // What was given back last comes first.
    let mut given: Vec<usize> = Vec::new();
    for op in ops {
        match *op {
            None => {
                value += 1;
                match pool.allocate(Counted::new(&live, value)) {
                    Ok(counted) => {
                        let addr = (&raw const *counted).addr();
                        if let Some(last) = given.pop() {
                            assert_eq!(addr, last, "last in, first out");
                        }
                        boxes.push(counted);
                    }
                    Err(Full(rejected)) => {
                        assert_eq!(boxes.len(), 5, "refused while a block is free");
                        assert_eq!(rejected.1, value, "gives the value back");
                        failures += 1;
                    }
                }
            }
            Some(index) if !boxes.is_empty() => {
                let counted = boxes.remove(index % boxes.len());
                given.push((&raw const *counted).addr());
            }
            Some(_) => {}
        }
        peak = peak.max(boxes.len());
        assert_eq!(live.get() as usize, boxes.len());
        let addrs: BTreeSet<usize> = boxes.iter().map(|b| (&raw const **b).addr()).collect();
        assert_eq!(addrs.len(), boxes.len(), "two values in one block");
        assert!(boxes.windows(2).all(|pair| pair[0].1 != pair[1].1));
        let stats = pool.stats();
        assert_eq!(
            (stats.used_count, stats.peak_count, stats.failure_count),
            (boxes.len(), peak, failures)
        );
    }
    drop(boxes);
    assert_eq!((live.get(), pool.stats().used_count), (0, 0));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: CASES, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_sequence_holds(ops in prop::collection::vec(prop::option::weighted(0.45, 0usize..5), 0..if cfg!(miri) { 25 } else { 120 })) {
        run::<Single>(&ops);
        run::<Critical>(&ops);
        run::<LockFree>(&ops);
    }
}

#[test]
fn every_short_sequence_holds() {
    // Take, give the oldest, give the second, give the third.
    const OPS: [Option<usize>; 4] = [None, Some(0), Some(1), Some(2)];
    let depth = if cfg!(miri) { 2 } else { 8 };
    let count = OPS.len().pow(depth);
    for number in 0..count {
        let ops: Vec<_> =
            (0..depth).map(|digit| OPS[number / OPS.len().pow(digit) % OPS.len()]).collect();
        run::<Single>(&ops);
        run::<LockFree>(&ops);
    }
    assert_eq!(count, 4_usize.pow(depth));
}

#[test]
fn a_pool_is_a_static_and_is_shared_when_its_type_says_so() {
    static TASKS: Pool<[u64; 4], 8, Critical> = Pool::new();
    static ALL: Pool<[u64; 4], 8, LockFree> = Pool::new();
    fn is_shared<T: Send + Sync>(_: &T) {}
    is_shared(&TASKS);
    is_shared(&ALL);
    let held = TASKS.allocate([7; 4]).unwrap();
    // A box goes to another task, and back to its pool from there.
    std::thread::spawn(move || assert_eq!(held[3], 7)).join().unwrap();
    assert_eq!(TASKS.stats().used_count, 0);
    assert_eq!(ALL.stats().used_count, 0);
}

#[test]
fn a_block_in_use_has_nothing_but_the_value() {
    let pool: Pool<[u8; 24], 10> = Pool::new();
    let boxes: Vec<_> = (0..10).map(|n| pool.allocate([n; 24]).unwrap()).collect();
    let mut addrs: Vec<_> = boxes.iter().map(|b| (&raw const **b).addr()).collect();
    addrs.sort_unstable();
    assert!(addrs.windows(2).all(|pair| pair[1] - pair[0] == 24), "blocks lie side by side");
    assert!(boxes.iter().enumerate().all(|(n, b)| **b == [n as u8; 24]));
    // A head and four counters, whatever the number of blocks.
    assert_eq!(size_of::<Pool<[u32; 8], 100>>() - 100 * 32, 20);
    assert_eq!(size_of::<Pool<[u32; 8], 1000, Critical>>() - 1000 * 32, 20);
}

#[test]
fn small_and_empty_values_work() {
    let bytes: Pool<u8, 300> = Pool::new();
    let held: Vec<_> = (0..300).map(|n| bytes.allocate(n as u8).unwrap()).collect();
    assert!(held.iter().enumerate().all(|(n, byte)| **byte == n as u8));
    assert!(bytes.allocate(0).is_err());
    let units: Pool<(), 2, LockFree> = Pool::new();
    let held = (units.allocate(()).unwrap(), units.allocate(()).unwrap());
    assert_eq!(units.allocate(()).err(), Some(Full(())));
    drop(held);
    assert!(units.allocate(()).is_ok());
}

#[test]
fn a_large_value_is_made_in_place() {
    let pool: Pool<[u8; 4096], 2> = Pool::new();
    let mut vacant = pool.take().unwrap();
    assert_eq!(pool.stats().used_count, 1);
    // SAFETY: bytes of the value's own place, all written.
    unsafe { vacant.as_mut_ptr().cast::<u8>().write_bytes(9, 4096) };
    // SAFETY: just written.
    let frame = unsafe { vacant.assume_init() };
    assert!(frame.iter().all(|&byte| byte == 9));
    drop(frame);
    drop(pool.take());
    assert_eq!(pool.stats().used_count, 0, "a vacant block goes back too");
}

#[test]
fn values_come_out_and_raw_pointers_come_back() {
    let live = Cell::new(0);
    let pool: Pool<Counted<'_>, 2> = Pool::new();
    let counted = pool.allocate(Counted::new(&live, 3)).ok().unwrap().into_inner();
    assert_eq!((counted.1, live.get(), pool.stats().used_count), (3, 1, 0));
    let raw = pool.allocate(counted).ok().unwrap().into_raw();
    assert_eq!((live.get(), pool.stats().used_count), (1, 1));
    // SAFETY: from `into_raw` of a box of this pool, once.
    drop(unsafe { PoolBox::from_raw(&pool, raw) });
    assert_eq!((live.get(), pool.stats().used_count), (0, 0));
}

#[test]
fn a_value_that_panics_when_it_is_dropped_still_gives_its_block_back() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("as planned");
        }
    }
    static POOL: Pool<Bomb, 1, Critical> = Pool::new();
    let bomb = POOL.allocate(Bomb).ok().unwrap();
    assert!(std::thread::spawn(move || drop(bomb)).join().is_err());
    assert_eq!(POOL.stats().used_count, 0);
}

/// Checks step by step; returns how many steps it took.
fn check_all<T, A: Exclusive>(pool: &Pool<T, 4, A>) -> Result<usize, Corruption> {
    let mut cursor = Cursor::default();
    for steps in 1..=5 {
        if pool.check(&mut cursor, 1)? == Progress::Done {
            return Ok(steps);
        }
    }
    panic!("more steps than blocks");
}

#[test]
fn a_check_ends_and_finds_what_was_written_after_a_free() {
    let pool: Pool<[usize; 2], 4> = Pool::new();
    assert_eq!(check_all(&pool), Ok(1), "nothing was ever taken");
    let boxes: Vec<_> = (0..4).map(|n| pool.allocate([n; 2]).unwrap()).collect();
    let raw = boxes.into_iter().map(PoolBox::into_raw).collect::<Vec<_>>();
    let third = raw[2].cast::<u32>();
    for ptr in raw {
        // SAFETY: from `into_raw` of a box of this pool, once.
        drop(unsafe { PoolBox::from_raw(&pool, ptr) });
    }
    assert_eq!(check_all(&pool), Ok(4), "one step a block");
    let plant = |word: u32| {
        // SAFETY: the memory is there, and free: this is the very fault to be found.
        unsafe { third.write(word) };
        check_all(&pool).unwrap_err()
    };
    // SAFETY: as above.
    let link = unsafe { third.read() };
    assert!(matches!(plant(0), Corruption::Mismatch { expected: 4, actual: 2, .. }));
    assert!(matches!(plant(0xffff_0000), Corruption::LinkOutside { .. }));
    assert!(matches!(plant(link + 1), Corruption::Misaligned { .. }));
    // The fourth block links to the third: a circle.
    assert!(matches!(
        plant(link + 2 * size_of::<[usize; 2]>() as u32),
        Corruption::Cycle { limit_count: 4, .. }
    ));
    // SAFETY: as above.
    unsafe { third.write(link) };
    assert_eq!(check_all(&pool), Ok(4));
}

#[test]
fn a_check_starts_over_when_the_pool_changed() {
    let pool: Pool<[u32; 2], 4, Critical> = Pool::new();
    let boxes: Vec<_> = (0..4).map(|n| pool.allocate([n; 2]).unwrap()).collect();
    drop(boxes);
    let mut cursor = Cursor::default();
    assert_eq!(pool.check(&mut cursor, 2), Ok(Progress::More));
    // The same number of blocks in another order, with nonsense in the one the cursor stands at.
    let (a, b) = (pool.allocate([u32::MAX; 2]).unwrap(), pool.allocate([u32::MAX; 2]).unwrap());
    let c = pool.allocate([u32::MAX; 2]).unwrap();
    assert_eq!(pool.check(&mut cursor, 1), Ok(Progress::Done));
    drop((a, b, c));
    assert_eq!(pool.check(&mut cursor, 2), Ok(Progress::More));
    let (a, b) = (pool.allocate([u32::MAX; 2]).unwrap(), pool.allocate([u32::MAX; 2]).unwrap());
    drop((a, b));
    assert_eq!(pool.check(&mut cursor, 4), Ok(Progress::Done));
}
