//! A heap under random operations.

use proptest::prelude::*;

use super::{Op, Oracle, RawHeap};

pub fn ops(count: usize, max_size: usize) -> impl Strategy<Value = Vec<Op>> {
    let size = prop_oneof![3 => 1..=64usize, 1 => 1..=max_size];
    let align = prop_oneof![6 => 0..=3u8, 1 => 4..=9u8];
    let op = prop_oneof![
        5 => (size.clone(), align).prop_map(|(size, align_log2)| Op::Allocate { size, align_log2 }),
        4 => any::<usize>().prop_map(|index| Op::Deallocate { index }),
        2 => (any::<usize>(), size).prop_map(|(index, size)| Op::Resize { index, size }),
    ];
    proptest::collection::vec(op, 1..count)
}

pub fn run<H: RawHeap>(len_bytes: usize, ops: &[Op]) {
    let mut oracle = Oracle::<H>::new(len_bytes);
    for &op in ops {
        oracle.apply(op);
        oracle.assert_sound_between();
    }
    oracle.assert_sound();
    oracle.drain();
}
