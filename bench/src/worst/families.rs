//! States made by hand that are dear for heaps of any kind: memory full but for holes, none of
//! which is large enough; one free block of every size; caches full when memory runs out.

use super::moves::{Move, PLAIN_LOG2};

/// Moves under construction, with the sizes that are live.
#[derive(Default)]
struct Plan {
    moves: Vec<Move>,
    live: Vec<u32>,
}

impl Plan {
    fn allocate(&mut self, size_bytes: u32, align_log2: u8) {
        self.moves.push(Move::Allocate { size_bytes, align_log2 });
        self.live.push(size_bytes);
    }

    fn free(&mut self, at: usize) {
        self.moves.push(Move::Free { index: at as u32 });
        self.live.swap_remove(at);
    }

    /// Frees every block of which `is_hole` says so.
    fn free_where(&mut self, is_hole: impl Fn(u32) -> bool) {
        let mut at = 0;
        while at < self.live.len() {
            if is_hole(self.live[at]) { self.free(at) } else { at += 1 }
        }
    }

    /// Takes all that is left, in ever smaller pieces that never count as holes.
    fn fill(&mut self, arena_bytes: u32) {
        let mut size_bytes = arena_bytes / 2;
        while size_bytes > 0 {
            self.allocate(size_bytes, PLAIN_LOG2);
            self.allocate(size_bytes, PLAIN_LOG2);
            size_bytes /= 2;
        }
        for _ in 0..4 {
            self.allocate(1, PLAIN_LOG2);
        }
    }

    /// Asks for `size_bytes` in every alignment, and gives each block back at once.
    fn ask(&mut self, size_bytes: u32) {
        for align_log2 in PLAIN_LOG2..=12 {
            self.allocate(size_bytes, align_log2);
            let last = self.live.len() - 1;
            self.moves.push(Move::Resize { index: last as u32, size_bytes: size_bytes + 40 });
            let shrunk = size_bytes.div_ceil(2);
            self.moves.push(Move::Resize { index: last as u32, size_bytes: shrunk });
            self.free(last);
        }
    }
}

/// The pins that keep holes apart.
const PIN_BYTES: u32 = 9;

/// Sizes of the holes, as a list's border or not.
const HOLES: [u32; 16] =
    [13, 61, 125, 129, 141, 301, 601, 2047, 2049, 3001, 4095, 4101, 9001, 30_001, 70_001, 500_001];

/// The most holes: more make no operation dearer.
const MOST_HOLES: u32 = 300;

/// Every family for an arena, each with a name.
pub(super) fn all(arena_bytes: u32) -> Vec<(String, Vec<Move>)> {
    let mut all = Vec::new();
    for size_bytes in HOLES.into_iter().filter(|&size| size * 4 < arena_bytes) {
        for cached in [false, true] {
            let name = if cached { "holes behind a cache" } else { "holes" };
            all.push((format!("{name} of {size_bytes}"), holes(arena_bytes, size_bytes, cached)));
        }
    }
    for cached in [false, true] {
        let name = if cached { "ladder behind a cache" } else { "ladder" };
        all.push((name.to_owned(), ladder(arena_bytes, cached)));
    }
    for size_bytes in [601, 2100, 9001].into_iter().filter(|&size| size * 12 < arena_bytes) {
        for short_count in 2..9 {
            let name = format!("{short_count} shorter blocks before one of {size_bytes}");
            all.push((name, behind(arena_bytes, size_bytes, short_count)));
        }
    }
    all
}

/// Leaves blocks of every small size in whatever keeps them aside.
fn cache(plan: &mut Plan, arena_bytes: u32) {
    let first = plan.live.len();
    let mut left_bytes = arena_bytes / 4;
    for size_bytes in (1..141).step_by(4) {
        for _ in 0..(256 / (size_bytes + 4)).max(1) {
            if left_bytes > size_bytes + 8 {
                left_bytes -= size_bytes + 8;
                plan.allocate(size_bytes, PLAIN_LOG2);
            }
        }
    }
    while plan.live.len() > first {
        plan.free(plan.live.len() - 1);
    }
}

/// Full memory with every second block free, asked for a little more than any hole.
fn holes(arena_bytes: u32, size_bytes: u32, cached: bool) -> Vec<Move> {
    let mut plan = Plan::default();
    if cached {
        cache(&mut plan, arena_bytes);
    }
    for _ in 0..(arena_bytes / (size_bytes + PIN_BYTES + 8) + 2).min(MOST_HOLES) {
        plan.allocate(size_bytes, PLAIN_LOG2);
        plan.allocate(PIN_BYTES, PLAIN_LOG2);
    }
    plan.fill(arena_bytes);
    plan.free_where(|size| size == size_bytes);
    for more in [1, 4, 8, 12, 32, 100, size_bytes / 2, size_bytes] {
        plan.ask(size_bytes + more);
    }
    plan.ask(size_bytes - 3);
    plan.ask(size_bytes / 2 + 1);
    // The pins go: every one of them merges with both its neighbours.
    plan.free_where(|size| size == PIN_BYTES);
    plan.moves
}

/// One hole of every size there is a list for, each asked for from below and above.
fn ladder(arena_bytes: u32, cached: bool) -> Vec<Move> {
    let mut plan = Plan::default();
    if cached {
        cache(&mut plan, arena_bytes);
    }
    let mut sizes = Vec::new();
    let mut size_bytes = 12;
    let mut left_bytes = arena_bytes * 3 / 4;
    while left_bytes > size_bytes + PIN_BYTES + 8 {
        left_bytes -= size_bytes + PIN_BYTES + 8;
        sizes.push(size_bytes);
        plan.allocate(size_bytes, PLAIN_LOG2);
        plan.allocate(PIN_BYTES, PLAIN_LOG2);
        size_bytes += (size_bytes / 8).max(4) & !3;
    }
    plan.fill(arena_bytes);
    plan.free_where(|size| sizes.contains(&size));
    for size_bytes in sizes {
        for more in [1, 4, 9] {
            plan.ask(size_bytes + more);
        }
    }
    plan.free_where(|size| size == PIN_BYTES);
    plan.moves
}

/// Full memory with free blocks of one list only: the last to be freed, which are looked at first,
/// are a little too short.
fn behind(arena_bytes: u32, size_bytes: u32, short_count: u32) -> Vec<Move> {
    let mut plan = Plan::default();
    let short_bytes = size_bytes - 24;
    for hole in 0..short_count + 3 {
        plan.allocate(if hole < 3 { size_bytes } else { short_bytes }, PLAIN_LOG2);
        plan.allocate(PIN_BYTES, PLAIN_LOG2);
    }
    plan.fill(arena_bytes);
    plan.free_where(|size| size == size_bytes);
    plan.free_where(|size| size == short_bytes);
    for align_log2 in [PLAIN_LOG2, 3, 5] {
        plan.allocate(size_bytes - 8, align_log2);
    }
    for align_log2 in [PLAIN_LOG2, 4, 6, 8] {
        plan.allocate(size_bytes + 8, align_log2);
    }
    plan.moves
}
