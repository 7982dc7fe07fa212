//! What C and C++ offer, by name. Most of it is in overlays; no caller can tell.

/// A function of C that is passed around.
pub type IntFunction = extern "C" fn(i32) -> i32;

unsafe extern "C" {
    /// Counts down by turns with [`pong`].
    pub safe fn ping(depth: i32, sum: i32) -> i32;
    /// Makes a number of nine digits.
    pub safe fn ping_digits(
        a: i32,
        b: i32,
        c: i32,
        d: i32,
        e: i32,
        f: i32,
        g: i32,
        h: i32,
        i: i32,
    ) -> i32;
    /// What the overlay keeps in its data.
    pub safe fn ping_entries() -> i32;
    /// What it keeps in its zeros.
    pub safe fn ping_zero_sum() -> i32;
    /// An answer in two registers.
    pub safe fn ping_long(value: i64) -> i64;
    /// A function of the overlay's own.
    pub safe fn ping_square() -> IntFunction;
    /// Catches what [`pong`] throws.
    pub safe fn ping_try(value: i32) -> i32;
    /// A jump table.
    pub safe fn ping_switch(value: i32) -> i32;
    /// The other half of `ping`.
    pub safe fn pong(depth: i32, sum: i32) -> i32;
    /// How often it was called.
    pub safe fn pong_calls() -> i32;
    /// Calls a function by way of resident code.
    pub safe fn pong_apply(function: IntFunction, value: i32) -> i32;
    /// Code that runs elsewhere than linked, with a table of constants.
    pub safe fn moving_table(index: i32) -> i32;
    /// The same, calling another overlay.
    pub safe fn moving_through_pong(value: i32) -> i32;
    /// Adds to what the overlay keeps in its data.
    pub fn moving_sum(values: *const i32, count: i32) -> i32;
    /// Relocatable code without data.
    pub safe fn loose_mix(value: i32) -> i32;
    /// One more, from an overlay of 32 KB.
    pub safe fn bulk(value: i32) -> i32;
    /// One more, resident.
    pub safe fn resident_bulk(value: i32) -> i32;
    /// Objects from a factory, used by their interface.
    pub safe fn resident_shapes() -> i32;
    /// How many shapes were made.
    pub safe fn shapes_made() -> i32;
    /// The area of the shape that a constructor made.
    pub safe fn shapes_first_area() -> i32;
}

unsafe extern "C" {
    /// Counted up by constructors, down by a hundred by destructors.
    pub static mut resident_count: i32;
}
