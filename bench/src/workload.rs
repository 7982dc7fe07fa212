//! The work: what is allocated, in which order. Every seed is fixed.

use oorandom::Rand32;

use crate::script::Script;

mod churn;
mod steady;
mod vectors;

/// How the work of a [`Workload`] is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pattern {
    /// Random frees around a steady level, sizes from a distribution.
    Steady(steady::Sizes),
    /// Vectors that grow by reallocation.
    Vectors,
    /// Events, packets and documents.
    Churn,
}

/// One row of the benchmark.
#[derive(Clone, Debug)]
pub(crate) struct Workload {
    pub(crate) name: &'static str,
    pub(crate) arena_bytes: u32,
    /// Too long for the peers whose work grows with the number of blocks: ours and talc alone.
    pub(crate) large: bool,
    /// The largest alignment asked for.
    pub(crate) max_align: usize,
    pattern: Pattern,
}

/// The runs over which the fill is averaged.
pub(crate) const FILL_SEEDS: u64 = 5;

/// The arena of the ordinary rows.
const ARENA: u32 = 64 << 10;

/// Every workload, in the order of the table.
pub(crate) fn all() -> Vec<Workload> {
    use Pattern::{Churn, Steady, Vectors};
    use steady::Sizes::{Aligned, Mix, Small, Wide};
    let row = |name, arena_bytes, pattern| Workload {
        name,
        arena_bytes,
        large: arena_bytes > ARENA,
        max_align: if pattern == Steady(Aligned) { 32 } else { 4 },
        pattern,
    };
    vec![
        row("small", ARENA, Steady(Small)),
        row("mix", ARENA, Steady(Mix)),
        row("wide", ARENA, Steady(Wide)),
        row("aligned", ARENA, Steady(Aligned)),
        row("vectors", ARENA, Vectors),
        row("churn", ARENA, Churn),
        row("small-400k", 400 << 10, Steady(Small)),
        row("mix-400k", 400 << 10, Steady(Mix)),
        row("wide-400k", 400 << 10, Steady(Wide)),
        row("small-8m", 8 << 20, Steady(Small)),
        row("mix-8m", 8 << 20, Steady(Mix)),
        row("wide-8m", 8 << 20, Steady(Wide)),
    ]
}

impl Workload {
    /// What the steady rows keep live: 26,000 bytes in 64 KiB, and as much of the larger arenas.
    fn level_bytes(&self) -> u64 {
        u64::from(self.arena_bytes) * 26_000 / u64::from(ARENA)
    }

    /// The work that is measured: it fits any sensible allocator.
    pub(crate) fn steady(&self) -> Script {
        let random = &mut Rand32::new(0x5eed);
        match self.pattern {
            Pattern::Steady(sizes) => steady::steady(random, sizes, self.level_bytes()),
            Pattern::Vectors => vectors::steady(random),
            Pattern::Churn => churn::steady(random),
        }
    }

    /// Work that grows until no arena of this size holds it.
    pub(crate) fn growing(&self, seed: u64) -> Script {
        let random = &mut Rand32::new(0xf111 + seed);
        let limit_bytes = u64::from(self.arena_bytes);
        match self.pattern {
            Pattern::Steady(sizes) => {
                steady::growing(random, sizes, self.level_bytes(), limit_bytes)
            }
            Pattern::Vectors => vectors::growing(random, limit_bytes),
            Pattern::Churn => churn::growing(random, limit_bytes),
        }
    }
}

/// One of `items`, and the place of it.
fn pick<T: Copy>(random: &mut Rand32, items: &[T]) -> (usize, T) {
    let at = below(random, items.len());
    (at, items[at])
}

/// A number below `limit`.
fn below(random: &mut Rand32, limit: usize) -> usize {
    random.rand_range(0..u32::try_from(limit).expect("a short list")) as usize
}
