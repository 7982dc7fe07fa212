//! The lock-free list under a model checker: every interleaving (and every value that a relaxed
//! load may see) of a few operations, within a bound of preemptions.
//!
//! The very file of the crate is compiled here once more, against the checker's atomics. The
//! checker knows 64-bit hosts, and Miri cannot switch its stacks: there, the threads of
//! `pool_stress.rs` are what looks for races.
#![cfg(all(target_pointer_width = "64", not(miri)))]

#[path = "../src/pool/atomic.rs"]
#[allow(dead_code, unreachable_pub)]
mod atomic;

/// The atomics that the checker watches, with the narrow head of a 32-bit chip.
mod sync {
    pub(super) use loom::sync::atomic::{AtomicU16, AtomicU32, Ordering};
    pub(super) type Word = u32;
    pub(super) use loom::sync::atomic::AtomicU32 as AtomicWord;
}

use atomic::{AtomicList, Tag};
use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::thread;
use sync::{AtomicU16, AtomicU32, AtomicWord, Ordering};

// SAFETY: the cells are what the checker watches: a block that two threads have fails the test.
unsafe impl Sync for Pool {}

/// A list with its links and, for each block, a cell that tells on whoever shares it.
struct Pool {
    list: AtomicList,
    links: Vec<AtomicU16>,
    blocks: Vec<UnsafeCell<u32>>,
    tag: Tag,
}

impl Pool {
    fn new(block_count: u16, tag: Tag) -> Arc<Self> {
        Arc::new(Self {
            list: AtomicList {
                head: AtomicWord::new(0),
                used: AtomicU32::new(0),
                peak: AtomicU32::new(0),
                failures: AtomicU32::new(0),
            },
            links: (0..block_count).map(|_| AtomicU16::new(0)).collect(),
            blocks: (0..block_count).map(|_| UnsafeCell::new(0)).collect(),
            tag,
        })
    }

    fn take(&self) -> Option<u16> {
        let index = self.list.pop(&self.links, self.tag)?;
        self.touch(index);
        Some(index)
    }

    fn give(&self, index: u16) {
        self.touch(index);
        self.list.push(&self.links, self.tag, index);
    }

    fn take_and_give(&self) {
        if let Some(index) = self.take() {
            self.give(index);
        }
    }

    /// A write that is a data race unless the block is this thread's alone.
    fn touch(&self, index: u16) {
        self.blocks[usize::from(index)].with_mut(|block| {
            // SAFETY: the checker fails the test if anybody else is here.
            unsafe { *block += 1 }
        });
    }

    /// All blocks are there, once each, and the counters agree.
    fn assert_whole(&self) {
        assert_eq!(self.list.used.load(Ordering::Relaxed), 0);
        let mut seen = Vec::new();
        while let Some(index) = self.take() {
            assert!(!seen.contains(&index), "block {index} is in the list twice");
            seen.push(index);
        }
        assert_eq!(seen.len(), self.blocks.len(), "lost a block");
        assert!(self.list.peak.load(Ordering::Relaxed) as usize <= self.blocks.len());
    }
}

fn check(preemptions: usize, model: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.check(model);
}

/// Takes two, gives the first back before the second: what moves a head away and back again.
fn shuffle(pool: &Pool) {
    let (first, second) = (pool.take(), pool.take());
    for index in [first, second].into_iter().flatten() {
        pool.give(index);
    }
}

#[test]
fn two_contexts_that_take_and_give() {
    check(3, || {
        let pool = Pool::new(2, Tag::new(2));
        let other = Arc::clone(&pool);
        let thread = thread::spawn(move || shuffle(&other));
        shuffle(&pool);
        thread.join().unwrap();
        pool.assert_whole();
    });
}

#[test]
fn three_contexts_and_two_blocks() {
    check(2, || {
        let pool = Pool::new(2, Tag::new(2));
        let threads: Vec<_> = (0..2)
            .map(|_| {
                let pool = Arc::clone(&pool);
                thread::spawn(move || pool.take_and_give())
            })
            .collect();
        pool.take_and_give();
        for thread in threads {
            thread.join().unwrap();
        }
        pool.assert_whole();
    });
}

#[test]
fn nobody_is_refused_while_a_block_is_free() {
    check(4, || {
        let pool = Pool::new(3, Tag::new(3));
        let other = Arc::clone(&pool);
        // Two contexts hold at most three blocks.
        let thread = thread::spawn(move || {
            let index = other.take().expect("one is free");
            other.give(index);
        });
        let (a, b) = (pool.take().expect("one is free"), pool.take().expect("one is free"));
        pool.give(a);
        pool.give(b);
        thread.join().unwrap();
        pool.assert_whole();
    });
}

#[test]
fn of_two_contexts_that_give_the_same_block_back_one_is_refused() {
    check(4, || {
        let pool = Pool::new(2, Tag::new(2));
        let index = pool.list.pop_marked(&pool.links, pool.tag).unwrap();
        let other = Arc::clone(&pool);
        let thread = thread::spawn(move || other.list.push_marked(&other.links, other.tag, index));
        let mine = pool.list.push_marked(&pool.links, pool.tag, index);
        assert_ne!(mine, thread.join().unwrap(), "taken back twice, or not at all");
        pool.assert_whole();
    });
}

#[test]
#[should_panic(expected = "Causality violation")]
fn without_a_tag_the_checker_finds_the_block_that_is_handed_out_twice() {
    check(4, || {
        let pool = Pool::new(3, Tag { step: 0, ..Tag::new(3) });
        let other = Arc::clone(&pool);
        // Holds up between the load of the head and the exchange, while the other one takes two
        // and gives the first back.
        let thread = thread::spawn(move || {
            let (first, second) = (other.take(), other.take());
            first.into_iter().for_each(|index| other.give(index));
            second.into_iter().for_each(|index| other.touch(index));
        });
        let (first, second) = (pool.take(), pool.take());
        first.into_iter().chain(second).for_each(|index| pool.touch(index));
        thread.join().unwrap();
    });
}
