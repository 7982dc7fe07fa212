//! The segments, against the oracle of the shipped heaps.

#[path = "../../../crates/esparto/tests/oracle/mod.rs"]
mod oracle;

use esparto_bench_structures::Segments;
use oracle::{Op, exhaust, random};
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_blocks_hold(ops in random::ops(250, 900)) {
        random::run::<Segments>(5000, &ops);
    }

    #[test]
    fn large_blocks_hold(ops in random::ops(250, 30_000)) {
        random::run::<Segments>(100_000, &ops);
    }
}

#[test]
fn every_short_sequence_holds() {
    const SMALL: [Op; 8] = [
        Op::Allocate { size: 1, align_log2: 0 },
        Op::Allocate { size: 200, align_log2: 2 },
        Op::Allocate { size: 8, align_log2: 4 },
        Op::Allocate { size: 130, align_log2: 3 },
        Op::Deallocate { index: 0 },
        Op::Deallocate { index: usize::MAX },
        Op::Resize { index: 0, size: 20 },
        Op::Resize { index: 1, size: 255 },
    ];
    assert_eq!(exhaust::<Segments>(1100, &SMALL, 4), SMALL.len().pow(4));
}
