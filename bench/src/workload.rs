//! The work: what is allocated, in which order. Every seed is fixed.

use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use oorandom::Rand32;

use crate::script::Script;

mod boot;
mod churn;
mod recorded;
mod steady;
mod vectors;

/// How the work of a [`Workload`] is made.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Pattern {
    /// Random frees around a steady level, sizes from a distribution.
    Steady(steady::Sizes),
    /// Vectors that grow by reallocation.
    Vectors,
    /// Events, packets and documents.
    Churn,
    /// Start-up: nearly everything stays.
    Boot,
    /// A recorded trace.
    Recorded(PathBuf),
}

/// One row of the benchmark.
#[derive(Clone, Debug)]
pub(crate) struct Workload {
    pub(crate) name: String,
    arena_bytes: u32,
    pattern: Pattern,
}

/// What a workload asks of an allocator.
pub(crate) struct Work {
    pub(crate) name: String,
    pub(crate) arena_bytes: u32,
    /// Too long for those whose work grows with the number of blocks: only the others do it.
    pub(crate) huge: bool,
    /// The work that is measured: it fits any sensible allocator.
    pub(crate) steady: Script,
    /// Work that grows until no arena of this size holds it, several times over. A trace has none.
    pub(crate) growing: Vec<Script>,
}

/// The runs over which the fill is averaged. With five, chance moved it by up to 0.3 points.
const FILL_SEEDS: u64 = 20;

/// The arena of the ordinary rows.
const ARENA: u32 = 64 << 10;

/// Arenas larger than this take hours with a heap whose work grows with the blocks.
const HUGE_FROM: u32 = 1 << 20;

/// What the board sets aside for the arena.
pub(crate) const MAX_ARENA: u32 = 16 << 20;

/// Every workload, in the order of the table.
///
/// # Errors
/// When the folder of the traces cannot be read.
pub(crate) fn all() -> Result<Vec<Workload>> {
    use Pattern::{Boot, Churn, Recorded, Steady, Vectors};
    use steady::Sizes::{Aligned, Mix, Small, Wide};
    let row =
        |name: &str, arena_bytes, pattern| Workload { name: name.to_owned(), arena_bytes, pattern };
    let mut rows = vec![
        row("small", ARENA, Steady(Small)),
        row("mix", ARENA, Steady(Mix)),
        row("wide", ARENA, Steady(Wide)),
        row("aligned", ARENA, Steady(Aligned)),
        row("vectors", ARENA, Vectors),
        row("churn", ARENA, Churn),
        row("boot", ARENA, Boot),
        row("small-400k", 400 << 10, Steady(Small)),
        row("mix-400k", 400 << 10, Steady(Mix)),
        row("wide-400k", 400 << 10, Steady(Wide)),
        row("small-8m", 8 << 20, Steady(Small)),
        row("mix-8m", 8 << 20, Steady(Mix)),
        row("wide-8m", 8 << 20, Steady(Wide)),
    ];
    let traces = Path::new(env!("CARGO_MANIFEST_DIR")).join("../traces");
    for (name, path) in recorded::list(&traces)? {
        rows.push(row(&name, ARENA, Recorded(path)));
    }
    Ok(rows)
}

impl Workload {
    /// Makes its work.
    ///
    /// # Errors
    /// When a trace cannot be read.
    pub(crate) fn work(&self) -> Result<Work> {
        let random = &mut Rand32::new(0x5eed);
        let limit_bytes = u64::from(self.arena_bytes);
        // What the steady rows keep live: 26,000 bytes in 64 KiB, as much of the larger arenas.
        let level_bytes = limit_bytes * 26_000 / u64::from(ARENA);
        let steady = match &self.pattern {
            &Pattern::Steady(sizes) => steady::steady(random, sizes, level_bytes),
            Pattern::Vectors => vectors::steady(random),
            Pattern::Churn => churn::steady(random),
            Pattern::Boot => boot::steady(random),
            Pattern::Recorded(path) => recorded::load(path)?,
        };
        let large = self.arena_bytes > ARENA;
        let growing = (0..if large { 1 } else { FILL_SEEDS }).filter_map(|seed| {
            let random = &mut Rand32::new(0xf111 + seed);
            Some(match self.pattern {
                Pattern::Steady(sizes) => steady::growing(random, sizes, level_bytes, limit_bytes),
                Pattern::Vectors => vectors::growing(random, limit_bytes),
                Pattern::Churn => churn::growing(random, limit_bytes),
                Pattern::Boot => boot::growing(random, limit_bytes),
                Pattern::Recorded(_) => return None,
            })
        });
        Ok(Work {
            name: self.name.clone(),
            arena_bytes: match self.pattern {
                Pattern::Recorded(_) => roomy(&steady)?.max(self.arena_bytes),
                _ => self.arena_bytes,
            },
            huge: self.arena_bytes > HUGE_FROM,
            growing: growing.collect(),
            steady,
        })
    }
}

/// An arena in which a trace has room: twice what it needs at its peak.
fn roomy(script: &Script) -> Result<u32> {
    let bytes = (script.peak_bytes() * 2).next_multiple_of(4096);
    ensure!(
        bytes <= u64::from(MAX_ARENA),
        "the trace has {} bytes live at its peak; the emulated board holds {}",
        script.peak_bytes(),
        MAX_ARENA / 2
    );
    Ok(u32::try_from(bytes).expect("at most the board's"))
}

/// One of `items`, and the place of it.
fn pick<T: Copy>(random: &mut Rand32, items: &[T]) -> (usize, T) {
    let at = below(random, items.len());
    (at, items[at])
}

/// A number below `limit`.
pub(crate) fn below(random: &mut Rand32, limit: usize) -> usize {
    random.rand_range(0..u32::try_from(limit).expect("a short list")) as usize
}
