//! House rules as checks: who may use whom, front doors, the size of rooms, the words of the tree.
//!
//! Each rule is a function from text (or from what cargo says) to a list of faults, so that its
//! own tests can show it bad examples. `tests/tidy.rs` applies them to this repository.

pub mod coverage;
pub mod layers;
pub mod rooms;
pub mod words;

/// One broken rule: where, what, and the mend.
pub type Fault = String;
