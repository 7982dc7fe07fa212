//! What an operation may cost at the most: `--bound` derives it from the code, `docs/heap.md` tells of it.

use super::PerKind;

/// The bounds of one heap.
pub(crate) struct Bound {
    pub(crate) subject: &'static str,
    /// They hold for arenas up to this.
    pub(crate) arena_bytes: u32,
    pub(crate) instructions: PerKind<u64>,
    /// Finding a place for a block that has to move as it grows, without what it holds.
    pub(crate) moving: u64,
    /// A call of `settle`.
    pub(crate) settle: u64,
}

/// As `--bound` derives them.
pub(crate) const BOUNDS: [Bound; 4] = [
    Bound {
        subject: "esparto_realtime",
        arena_bytes: 64 << 10,
        instructions: [216, 289, 110, 112, 112],
        moving: 194,
        settle: 3,
    },
    Bound {
        subject: "esparto_realtime",
        arena_bytes: 32 << 20,
        instructions: [232, 313, 118, 120, 120],
        moving: 210,
        settle: 3,
    },
    Bound {
        subject: "esparto_throughput",
        arena_bytes: 64 << 10,
        instructions: [423, 458, 131, 110, 110],
        moving: 198,
        settle: 188,
    },
    Bound {
        subject: "esparto_throughput",
        arena_bytes: 32 << 20,
        instructions: [455, 490, 139, 118, 118],
        moving: 214,
        settle: 196,
    },
];

/// The bounds of `subject` on an arena, if any are stated.
pub(super) fn bound_of(subject: &str, arena_bytes: u32) -> Option<PerKind<u64>> {
    let mut bounds = BOUNDS.iter();
    bounds
        .find(|bound| bound.subject == subject && arena_bytes <= bound.arena_bytes)
        .map(|bound| bound.instructions)
}
