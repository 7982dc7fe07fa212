//! What an operation may cost, as `docs/heap.md` derives it from the code.

use super::PerKind;

/// The bounds of one heap.
struct Bound {
    subject: &'static str,
    /// They hold for arenas up to this.
    arena_bytes: u32,
    instructions: PerKind<u64>,
}

const BOUNDS: [Bound; 4] = [
    Bound {
        subject: "esparto_realtime",
        arena_bytes: 64 << 10,
        instructions: [244, 330, 168, 168, 168],
    },
    Bound {
        subject: "esparto_realtime",
        arena_bytes: 8 << 20,
        instructions: [284, 370, 208, 208, 208],
    },
    Bound {
        subject: "esparto_throughput",
        arena_bytes: 64 << 10,
        instructions: [500, 560, 420, 168, 168],
    },
    Bound {
        subject: "esparto_throughput",
        arena_bytes: 8 << 20,
        instructions: [500, 560, 420, 208, 208],
    },
];

/// The bounds of `subject` on an arena, if any are stated.
pub(super) fn bound_of(subject: &str, arena_bytes: u32) -> Option<PerKind<u64>> {
    let mut bounds = BOUNDS.iter();
    bounds
        .find(|bound| bound.subject == subject && arena_bytes <= bound.arena_bytes)
        .map(|bound| bound.instructions)
}
