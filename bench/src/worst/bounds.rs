//! What an operation may cost at the most, as `docs/heap.md` derives it from the code.

use super::PerKind;

/// The bounds of one heap.
struct Bound {
    subject: &'static str,
    /// They hold for arenas up to this.
    arena_bytes: u32,
    instructions: PerKind<u64>,
}

/// Grow and shrink do a part of what a free does without a cache, and are held to that.
const BOUNDS: [Bound; 4] = [
    Bound {
        subject: "esparto_realtime",
        arena_bytes: 64 << 10,
        instructions: [242, 298, 107, 107, 107],
    },
    Bound {
        subject: "esparto_realtime",
        arena_bytes: 32 << 20,
        instructions: [258, 322, 115, 115, 115],
    },
    Bound {
        subject: "esparto_throughput",
        arena_bytes: 64 << 10,
        instructions: [444, 503, 130, 107, 107],
    },
    Bound {
        subject: "esparto_throughput",
        arena_bytes: 32 << 20,
        instructions: [468, 535, 138, 115, 115],
    },
];

/// The bounds of `subject` on an arena, if any are stated.
pub(super) fn bound_of(subject: &str, arena_bytes: u32) -> Option<PerKind<u64>> {
    let mut bounds = BOUNDS.iter();
    bounds
        .find(|bound| bound.subject == subject && arena_bytes <= bound.arena_bytes)
        .map(|bound| bound.instructions)
}
