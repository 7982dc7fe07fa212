//! The tests that need nothing but Rust, in one program: linked once.

mod chips;
mod config;
mod entry;
mod report;
mod run;
mod sim;
mod tiers;
mod traces;
