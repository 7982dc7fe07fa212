//! Bytes as operations on a heap, held against the oracle of the core's own tests. A part of both
//! heap fuzzers, and not of the library: the oracle has to hand out memory, which is unsafe.

#[path = "../../crates/esparto/tests/oracle/mod.rs"]
mod oracle;

use esparto::heap::freertos::{Heap2, Heap4};
use esparto::heap::{Bump, Heap, LinkedList, OnChip, RawHeap, Realtime, Throughput};
use oracle::{Op, Oracle};

/// What the bytes of one operation are, after the two that choose heap and memory.
const OP_BYTES: usize = 4;

/// Drives one heap: the first byte chooses it, the second how much memory it gets, and every four
/// bytes behind are an operation. Everything is checked after each. Says how many operations the
/// heap was asked for, and how many of them it did.
///
/// # Panics
/// When a promise is broken.
pub(crate) fn drive(bytes: &[u8]) -> (u64, u64) {
    let [heap, len, ops @ ..] = bytes else { return (0, 0) };
    // From what a control block just leaves room in, to where large blocks have lists of their own.
    let len_bytes = [512, 1000, 4096, 40_000][usize::from(len % 4)] + usize::from(len / 4) * 8;
    match heap % 9 {
        0 => run::<Heap<Realtime>>(len_bytes, ops),
        // A host's cache has more lists than the smallest memory has words.
        1 => run::<Heap<Throughput>>(len_bytes + 512, ops),
        2 => run::<Heap<OnChip<Realtime>>>(len_bytes, ops),
        3 => run::<Heap<OnChip<Throughput>>>(len_bytes, ops),
        4 => run::<LinkedList>(len_bytes, ops),
        5 => run::<Heap4>(len_bytes, ops),
        6 => run::<Heap2>(len_bytes, ops),
        // So much that its blocks of 1 to 2 KiB are coarse.
        7 => run::<Heap<Throughput>>(len_bytes + (512 << 10), ops),
        _ => run::<Bump>(len_bytes, ops),
    }
}

fn run<H: RawHeap>(len_bytes: usize, ops: &[u8]) -> (u64, u64) {
    let mut oracle = Oracle::<H>::new(len_bytes);
    let (mut asked_count, mut done_count) = (0, 0);
    for bytes in ops.as_chunks::<OP_BYTES>().0 {
        asked_count += 1;
        done_count += u64::from(oracle.apply(op(*bytes, len_bytes)));
        oracle.assert_sound();
    }
    oracle.drain();
    (asked_count, done_count)
}

/// Any four bytes are an operation; most are small and loosely aligned.
fn op([kind, index, low, high]: [u8; OP_BYTES], len_bytes: usize) -> Op {
    let wide = usize::from(u16::from_le_bytes([low, high]));
    let size = match kind >> 4 {
        0..8 => usize::from(low % 64) + 1,
        8..12 => usize::from(low) + 1,
        12..15 => wide % len_bytes + 1,
        _ => wide % 64 + 1,
    };
    let align_log2 = if high < 200 { high % 4 } else { high % 14 };
    match kind % 16 {
        // Near the largest size that there is.
        0 if kind >> 4 == 15 => Op::Allocate { size: isize::MAX as usize - wide, align_log2 },
        0..8 => Op::Allocate { size, align_log2 },
        8..13 => Op::Deallocate { index: index.into() },
        _ => Op::Resize { index: index.into(), size },
    }
}
