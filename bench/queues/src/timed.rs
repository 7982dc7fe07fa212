//! Counting the instructions of calls.

use board_virt::{counter, println};

/// Pairs of operations.
const ROUNDS: u32 = 200;

/// Measures `put` and `take` in turns, a call each of a function that is not inlined, and prints
/// the worst of either. Both say whether it went well.
pub(crate) fn pair(table: &str, name: &str, put: fn() -> bool, take: fn() -> bool) {
    let (mut put_max, mut take_max) = (0, 0);
    for round in 0..ROUNDS {
        let start = counter::instructions();
        let is_put = put();
        let between = counter::instructions();
        let is_taken = take();
        let end = counter::instructions();
        assert!(is_put && is_taken, "{name} works");
        // The first ones take into use what nobody had before.
        if round >= ROUNDS / 4 {
            // A difference is one more than the instructions between.
            put_max = put_max.max(between - start - 1);
            take_max = take_max.max(end - between - 1);
        }
    }
    println!(
        "{{\"kind\":\"row\",\"table\":\"{table}\",\"name\":\"{name}\",\"put\":{put_max},\"take\":{take_max}}}"
    );
}
