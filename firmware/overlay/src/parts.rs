//! What overlays in C and C++ are held to on every core.

use super::{REFUSED, all, calls, println};

/// Stubs, arguments, data, zeros, function pointers, jump tables.
pub(crate) fn call_c() {
    assert_eq!(calls::ping_digits(9, 8, 7, 6, 5, 4, 3, 2, 1), 123_456_789);
    assert_eq!(calls::ping_entries(), 3);
    assert_eq!(calls::ping_zero_sum(), 0);
    let square = calls::ping_square();
    assert_eq!(calls::pong_calls(), 0);
    assert_eq!(square(12), 144, "the pointer is a stub's: its overlay was evicted");
    assert_eq!(calls::pong_apply(square, 9), 81, "from code that it evicts");
    let switch = [17, 5, 3, 10_000, 4, -9, 42, -1];
    for (value, expected) in (0..).zip(switch) {
        assert_eq!(calls::ping_switch(value), expected);
    }
    println!("c {}", all().stats().load_count);
}

/// Each call evicts its caller, and each return finds it back.
pub(crate) fn recurse() {
    for depth in [0, 1, 2, 7, 12] {
        let turns = depth + depth * (depth + 1) / 2;
        let before = all().stats();
        let sum = calls::ping(depth, 0);
        assert_eq!(sum, turns, "depth {depth}");
        let after = all().stats();
        let restored = after.restore_count - before.restore_count;
        assert_eq!(restored, depth as u32, "each return, once");
    }
    assert_eq!(calls::ping_long(0x1_0000_0001), 0x3_0000_0003, "both registers of an answer");
    println!("recurse {}", all().stats().load_count);
}

/// A jump out of two overlays into a third frame whose code was evicted twice.
pub(crate) fn jump() {
    assert_eq!(calls::ping_try(42), 1042);
    for round in 1..40 {
        assert_eq!(calls::ping_try(round), 1000 + round, "nothing is left behind");
    }
    println!("jump {}", all().stats().load_count);
}

/// Virtual calls, a constructor, a factory.
pub(crate) fn call_cpp() {
    // SAFETY: one context.
    let count = || unsafe { (&raw const calls::resident_count).read() };
    assert_eq!(count(), 5);
    assert_eq!(calls::resident_shapes(), 258);
    assert_eq!(count(), 6, "the constructor ran once");
    assert_eq!(calls::shapes_first_area(), 35);
    for _ in 0..5 {
        assert_eq!(calls::resident_shapes(), 258);
    }
    assert_eq!((calls::shapes_made(), count()), (12, 6));
    let shapes = all().find("shapes").expect("packed");
    all().unload(shapes).expect("nobody is in it");
    assert_eq!(count(), -94, "the destructor ran");
    assert_eq!(calls::shapes_made() as u32, REFUSED, "a call after the end");
    assert_eq!(all().platform().refused_count(), 1);
    all().load(shapes).expect("a new life");
    assert_eq!(calls::shapes_made(), 0);
    println!("c++ {}", all().stats().load_count);
}
