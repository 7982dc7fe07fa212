//! Random operations on every heap, some of them repeated and reordered, against the oracle. Runs on
//! stable Rust: `heap_mutate [OPERATIONS [SEED]]`. The same seed gives the same operations.

#[path = "../heap_ops.rs"]
mod heap_ops;

use oorandom::Rand64;

/// Versions made of each sequence.
const MUTANTS: usize = 8;
/// The most bytes of a new sequence.
const LONGEST_BYTES: u64 = 2000;

fn main() {
    let mut arguments = std::env::args().skip(1).map(|text| {
        text.parse::<u64>().unwrap_or_else(|error| panic!("{text} is not a number: {error}"))
    });
    let op_count = arguments.next().unwrap_or(1_000_000);
    let seed = arguments.next().unwrap_or(1);

    let mut rng = Rand64::new(seed.into());
    let (mut asked_count, mut done_count) = (0, 0);
    while asked_count < op_count {
        let len = rng.rand_range(2..LONGEST_BYTES);
        let mut bytes: Vec<_> = (0..len).map(|_| rng.rand_u64() as u8).collect();
        for _ in 0..MUTANTS {
            let (asked, done) = heap_ops::drive(&bytes);
            asked_count += asked;
            done_count += done;
            mutate(&mut bytes, &mut rng);
        }
    }
    println!(
        "{asked_count} operations, seed {seed}: no panic, no broken promise; {done_count} of them done by the heap"
    );
}

fn below(rng: &mut Rand64, limit: usize) -> usize {
    rng.rand_range(0..limit.max(1) as u64) as usize
}

/// Another heap for mostly the same operations: some bytes are new, and a stretch comes again.
fn mutate(bytes: &mut Vec<u8>, rng: &mut Rand64) {
    bytes[0] = rng.rand_u64() as u8;
    for _ in 0..=below(rng, 4) {
        let at = below(rng, bytes.len());
        bytes[at] = rng.rand_u64() as u8;
    }
    let start = below(rng, bytes.len());
    let end = start + below(rng, bytes.len() - start).min(256);
    let again = bytes[start..end].to_vec();
    let to = 2 + below(rng, bytes.len() - 2);
    bytes.splice(to..to, again);
}
