//! Operations that can be changed one by one and still make sense.

use oorandom::Rand32;

use crate::script::Script;
use crate::workload::below;

/// One operation. Indices wrap around the blocks that are live then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Move {
    Allocate { size_bytes: u32, align_log2: u8 },
    Free { index: u32 },
    Resize { index: u32, size_bytes: u32 },
}

/// The alignment that costs nothing.
pub(super) const PLAIN_LOG2: u8 = 2;

/// The operations as the device does them. Requests that find no memory leave a slot empty there,
/// and what is done to it is left out.
pub(super) fn script(moves: &[Move]) -> Script {
    let mut script = Script::default();
    let mut live: Vec<u32> = Vec::new();
    for &one in moves {
        match one {
            Move::Allocate { size_bytes, align_log2 } => {
                live.push(script.allocate(size_bytes, 1 << align_log2));
            }
            // Without a block it is an allocation, so that operations and moves stay in step.
            Move::Free { .. } | Move::Resize { .. } if live.is_empty() => {
                live.push(script.allocate(1, 1 << PLAIN_LOG2));
            }
            Move::Free { index } => {
                let at = index as usize % live.len();
                script.free(live.swap_remove(at));
            }
            Move::Resize { index, size_bytes } => {
                script.resize(live[index as usize % live.len()], size_bytes);
            }
        }
    }
    script
}

/// A size: mostly small, now and then near the border of a list, or a good part of the arena.
pub(super) fn size(random: &mut Rand32, arena_bytes: u32) -> u32 {
    match random.rand_range(0..8) {
        0..4 => random.rand_range(1..81),
        4 => random.rand_range(1..arena_bytes / 4),
        5 => random.rand_range(100..1200).min(arena_bytes / 3),
        // A power of two or thereabouts, where lists begin and end.
        _ => {
            let border = 8_u32 << below(random, arena_bytes.ilog2() as usize - 3);
            (border + random.rand_range(0..16)).saturating_sub(8).max(1)
        }
    }
}

/// Any operation.
pub(super) fn any(random: &mut Rand32, arena_bytes: u32) -> Move {
    let index = random.rand_u32();
    match random.rand_range(0..20) {
        0..7 => Move::Allocate { size_bytes: size(random, arena_bytes), align_log2: PLAIN_LOG2 },
        7..11 => {
            let align_log2 = 3 + below(random, 8) as u8;
            Move::Allocate { size_bytes: size(random, arena_bytes), align_log2 }
        }
        11..16 => Move::Free { index },
        _ => Move::Resize { index, size_bytes: size(random, arena_bytes) },
    }
}

/// Random operations.
pub(super) fn random(random: &mut Rand32, arena_bytes: u32, count: usize) -> Vec<Move> {
    (0..count).map(|_| any(random, arena_bytes)).collect()
}

/// The same operations but for a few: changed, left out, repeated, moved, or taken from `other`.
pub(super) fn mutated(
    random: &mut Rand32,
    arena_bytes: u32,
    moves: &[Move],
    other: &[Move],
) -> Vec<Move> {
    /// Longer ones are cut at their beginning.
    const MOST: usize = 4000;
    let mut moves = moves.to_vec();
    for _ in 0..=below(random, 4) {
        let at = below(random, moves.len().max(1)).min(moves.len());
        // Most changes near the end: that is where the dearest operation is.
        let at = if random.rand_range(0..2) == 0 {
            moves.len().saturating_sub(1 + below(random, 12))
        } else {
            at
        };
        match random.rand_range(0..8) {
            0..3 if at < moves.len() => moves[at] = nudged(random, arena_bytes, moves[at]),
            3 if at < moves.len() => {
                moves.remove(at);
            }
            4 if at < moves.len() => moves[at] = any(random, arena_bytes),
            5 if !other.is_empty() => {
                let from = below(random, other.len());
                let to = (from + 1 + below(random, 40)).min(other.len());
                moves.splice(at..at, other[from..to].iter().copied());
            }
            6 if at < moves.len() => {
                let to = (at + 1 + below(random, 24)).min(moves.len());
                moves.extend_from_within(at..to);
            }
            _ => {
                let count = 1 + below(random, 6);
                let new = self::random(random, arena_bytes, count);
                moves.splice(at..at, new);
            }
        }
    }
    if moves.len() > MOST {
        moves.drain(..moves.len() - MOST);
    }
    moves
}

/// Nearly the same operation: a little larger or smaller, another block, another alignment.
fn nudged(random: &mut Rand32, arena_bytes: u32, one: Move) -> Move {
    let step = [1, 4, 8, 12, 32, 100][below(random, 6)];
    let up = random.rand_range(0..2) == 0;
    let resized = |size: u32| {
        let size = if up { size.saturating_add(step) } else { size.saturating_sub(step) };
        size.clamp(1, arena_bytes)
    };
    match one {
        Move::Allocate { size_bytes, align_log2 } if random.rand_range(0..3) == 0 => {
            let align_log2 = if up { align_log2 + 1 } else { align_log2.saturating_sub(1) };
            Move::Allocate { size_bytes, align_log2: align_log2.clamp(PLAIN_LOG2, 12) }
        }
        Move::Allocate { size_bytes, align_log2 } => {
            Move::Allocate { size_bytes: resized(size_bytes), align_log2 }
        }
        Move::Free { .. } => Move::Free { index: random.rand_u32() },
        Move::Resize { index, size_bytes } => {
            let index = if random.rand_range(0..2) == 0 { random.rand_u32() } else { index };
            Move::Resize { index, size_bytes: resized(size_bytes) }
        }
    }
}
