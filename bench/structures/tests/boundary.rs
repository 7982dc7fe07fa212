//! The boundary bitmap in all its shapes, against the oracle of the shipped heaps.

#[path = "../../../crates/esparto/tests/oracle/mod.rs"]
mod oracle;

use esparto_bench_structures::{
    Boundary, Coarse, CoarseCached, Narrow, NarrowCached, Wide, WideCached,
};
use oracle::{Op, exhaust, random};
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_shape_holds(ops in random::ops(250, 900)) {
        random::run::<Boundary<Narrow>>(5000, &ops);
        random::run::<Boundary<NarrowCached>>(5000, &ops);
        random::run::<Boundary<Wide>>(5000, &ops);
        random::run::<Boundary<WideCached>>(5000, &ops);
        random::run::<Boundary<Coarse>>(6000, &ops);
        random::run::<Boundary<CoarseCached>>(8000, &ops);
    }

    #[test]
    fn large_blocks_hold(ops in random::ops(250, 30_000)) {
        random::run::<Boundary<NarrowCached>>(100_000, &ops);
        random::run::<Boundary<Wide>>(100_000, &ops);
    }
}

#[test]
fn every_short_sequence_holds() {
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
    assert_eq!(exhaust::<Boundary<Narrow>>(360, &SMALL, 5), SMALL.len().pow(5));
    exhaust::<Boundary<NarrowCached>>(640, &SMALL, 4);
    exhaust::<Boundary<Wide>>(640, &SMALL, 4);
}
