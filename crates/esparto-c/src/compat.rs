//! What the compatibility headers (`esparto/compat/*.h`) need beyond the names of this library.

mod microusc;

pub use microusc::*;
