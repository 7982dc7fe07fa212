//! The benchmark driver of Esparto.
fn main() {}
