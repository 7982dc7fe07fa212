//! All that a call can carry, through stubs whose miss path makes calls of its own.

use super::{calls, println};

#[repr(C)]
#[derive(Debug, PartialEq, Eq)]
struct Four([i32; 4]);

#[repr(C)]
#[derive(Debug, PartialEq, Eq)]
struct Many([i32; 12]);

unsafe extern "C" {
    safe fn wide_sum(
        a: i32,
        b: i32,
        c: i32,
        d: i32,
        e: i32,
        f: i32,
        g: i32,
        h: i32,
        i: i32,
        j: i32,
        k: i32,
        l: i32,
        m: i32,
        n: i32,
        o: i32,
        p: i32,
        q: i32,
        r: i32,
        s: i32,
        t: i32,
        u: i32,
        v: i32,
    ) -> i32;
    safe fn wide_four(seed: i32, more: i64) -> Four;
    safe fn wide_many(seed: i32) -> Many;
    fn wide_varied(count: i32, ...) -> i32;
    fn wide_deep(depth: i32, values: *const i32) -> i32;
}

/// What `wide_deep` comes to.
fn deep(depth: i32, [first, second, third]: [i32; 3]) -> i32 {
    if depth == 0 {
        return first - second + third;
    }
    deep(depth - 1, [depth, first, second]) + 2 * (first - second) - depth
}

/// Calls each when it is not mapped, and when it is.
pub(crate) fn call_wide() {
    let sum = (1..=22).fold(0_i32, |sum, value| sum.wrapping_mul(3).wrapping_add(value * 7));
    for round in 0..4 {
        evict(round);
        let all = wide_sum(
            7, 14, 21, 28, 35, 42, 49, 56, 63, 70, 77, 84, 91, 98, 105, 112, 119, 126, 133, 140,
            147, 154,
        );
        assert_eq!(all, sum, "22 arguments");
        evict(round);
        let four = Four([11, 11 + 5, 11 * 3, !11]);
        assert_eq!(wide_four(11, 3 << 32 | 5), four, "four registers of an answer");
        evict(round);
        assert_eq!(wide_many(9), Many(core::array::from_fn(|index| 9 * index as i32)));
        evict(round);
        // SAFETY: as many as it says.
        let varied = unsafe { wide_varied(9, 1, 2, 3, 4, 5, 6, 7, 8, 9) };
        assert_eq!(varied, (1..10).fold(0, |sum, value| sum * 5 + value), "as many as it is told");
        for depth in [0, 1, 5, 9] {
            evict(round);
            let values = [100, 23, depth];
            // SAFETY: three values.
            assert_eq!(unsafe { wide_deep(depth, values.as_ptr()) }, deep(depth, values));
        }
    }
    println!("wide {}", super::all().stats().load_count);
}

/// In every other round, another overlay is in its slot.
fn evict(round: i32) {
    if round % 2 == 0 {
        assert_eq!(calls::pong(0, round), round);
    }
}
