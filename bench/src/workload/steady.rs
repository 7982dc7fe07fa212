//! Random sizes, random frees.

use oorandom::Rand32;

use super::pick;
use crate::script::Script;

/// A distribution of sizes and alignments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sizes {
    /// 1 to 64 bytes.
    Small,
    /// 60 % 8–39 bytes, 25 % 40–135, 12 % 128–511, 3 % 512–2047.
    Mix,
    /// Half 1 to 64 bytes, half 1 to 1000.
    Wide,
    /// The mix, aligned to 4 (40 %), 8 (30 %), 16 (20 %) and 32 (10 %).
    Aligned,
}

impl Sizes {
    fn draw(self, random: &mut Rand32) -> (u32, u32) {
        match self {
            Self::Small => (random.rand_range(1..65), 4),
            Self::Wide => {
                let most = if random.rand_range(0..2) == 0 { 64 } else { 1000 };
                (random.rand_range(1..most + 1), 4)
            }
            Self::Mix => {
                let range = match random.rand_range(0..100) {
                    0..60 => 8..40,
                    60..85 => 40..136,
                    85..97 => 128..512,
                    _ => 512..2048,
                };
                (random.rand_range(range), 4)
            }
            Self::Aligned => {
                let align = match random.rand_range(0..10) {
                    0..4 => 4,
                    4..7 => 8,
                    7..9 => 16,
                    _ => 32,
                };
                (Self::Mix.draw(random).0, align)
            }
        }
    }
}

/// Operations before measuring begins, once the level is reached, and the measured ones.
const AGEING_COUNT: usize = 10_000;
const MEASURED_COUNT: usize = 40_000;

/// Random work around a level.
struct Work {
    script: Script,
    live: Vec<u32>,
    sizes: Sizes,
    live_bytes: u64,
}

impl Work {
    /// Below the level allocates, above it frees a random block.
    fn step(&mut self, random: &mut Rand32) {
        if self.script.live_bytes() < self.live_bytes {
            let (size, align) = self.sizes.draw(random);
            self.live.push(self.script.allocate(size, align));
        } else {
            let (at, slot) = pick(random, &self.live);
            self.live.swap_remove(at);
            self.script.free(slot);
        }
    }
}

/// Work that has reached its level and stayed there for a while.
fn aged(random: &mut Rand32, sizes: Sizes, live_bytes: u64) -> Work {
    let mut work = Work { script: Script::default(), live: Vec::new(), sizes, live_bytes };
    while work.script.live_bytes() < live_bytes {
        work.step(random);
    }
    for _ in 0..AGEING_COUNT {
        work.step(random);
    }
    work
}

/// Stays at `live_bytes`.
pub(super) fn steady(random: &mut Rand32, sizes: Sizes, live_bytes: u64) -> Script {
    let mut work = aged(random, sizes, live_bytes);
    work.script.end_warming();
    for _ in 0..MEASURED_COUNT {
        work.step(random);
    }
    work.script
}

/// Reaches and ages the same level, then allocates only, until more is live than `limit_bytes`.
pub(super) fn growing(
    random: &mut Rand32,
    sizes: Sizes,
    live_bytes: u64,
    limit_bytes: u64,
) -> Script {
    let mut script = aged(random, sizes, live_bytes).script;
    while script.live_bytes() <= limit_bytes {
        let (size, align) = sizes.draw(random);
        script.allocate(size, align);
    }
    script
}
