//! The development commands of Esparto.
fn main() {}
