//! Vectors that grow by doubling, some trimmed at their end, with small blocks in between.

use oorandom::Rand32;

use super::{below, pick};
use crate::script::Script;

/// A vector: where it is, how large it is, how large it will be.
#[derive(Clone, Copy)]
struct Vector {
    slot: u32,
    size_bytes: u32,
    end_bytes: u32,
}

fn start(random: &mut Rand32, script: &mut Script) -> Vector {
    let element_bytes = [1, 4, 8, 12, 24][below(random, 5)];
    // What `Vec` asks for first: eight bytes' worth, or four elements.
    let size_bytes = if element_bytes == 1 { 8 } else { 4 * element_bytes };
    // Most stay short: the square of a uniform number.
    let part = random.rand_range(0..256);
    let end_bytes = 8 + part * part * 2000 / 65_536;
    Vector { slot: script.allocate(size_bytes, 4), size_bytes, end_bytes }
}

/// Grows a vector; `false` when it has its end, which one in two trims.
fn grow(random: &mut Rand32, script: &mut Script, vector: &mut Vector) -> bool {
    if vector.size_bytes < vector.end_bytes {
        vector.size_bytes *= 2;
        script.resize(vector.slot, vector.size_bytes);
        return true;
    }
    if vector.size_bytes > vector.end_bytes && below(random, 2) == 0 {
        vector.size_bytes = vector.end_bytes;
        script.resize(vector.slot, vector.size_bytes);
    }
    vector.end_bytes = 0;
    false
}

/// The vectors at once, and the small blocks.
const VECTOR_COUNT: usize = 30;
const SMALL_COUNT: usize = 100;

/// A steady number of vectors, each freed at a random time after its end.
pub(super) fn steady(random: &mut Rand32) -> Script {
    let mut script = Script::default();
    let mut vectors: Vec<Vector> = (0..VECTOR_COUNT).map(|_| start(random, &mut script)).collect();
    let mut small: Vec<u32> =
        (0..SMALL_COUNT).map(|_| script.allocate(random.rand_range(8..40), 4)).collect();
    let mut step = |script: &mut Script| {
        if below(random, 4) == 0 {
            let (at, slot) = pick(random, &small);
            script.free(slot);
            small[at] = script.allocate(random.rand_range(8..40), 4);
            return;
        }
        let at = below(random, VECTOR_COUNT);
        if vectors[at].end_bytes == 0 {
            script.free(vectors[at].slot);
            vectors[at] = start(random, script);
        } else {
            grow(random, script, &mut vectors[at]);
        }
    };
    for _ in 0..5_000 {
        step(&mut script);
    }
    script.end_warming();
    for _ in 0..25_000 {
        step(&mut script);
    }
    script
}

/// More and more vectors: one in two outlives its end.
pub(super) fn growing(random: &mut Rand32, limit_bytes: u64) -> Script {
    let mut script = Script::default();
    let mut vectors: Vec<Vector> = Vec::new();
    while script.live_bytes() <= limit_bytes {
        match below(random, 8) {
            0 => vectors.push(start(random, &mut script)),
            1 => {
                script.allocate(random.rand_range(8..40), 4);
            }
            _ if vectors.is_empty() => {}
            _ => {
                let at = below(random, vectors.len());
                if !grow(random, &mut script, &mut vectors[at]) {
                    let ended = vectors.swap_remove(at);
                    if below(random, 2) == 0 {
                        script.free(ended.slot);
                    }
                }
            }
        }
    }
    script
}
