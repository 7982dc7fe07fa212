//! Measures Esparto's heaps and their peers on the same work: exact instruction counts on an
//! emulated RISC-V core, how full the memory gets, how small it can be, and the code's size.
//!
//! What is measured and how is told in `bench/README.md`. The programs that run on the core are
//! the workspace `bench/device`: one program for each allocator.

#![deny(unsafe_code)]

mod bound;
mod build;
mod host;
mod job;
mod options;
mod picture;
mod qemu;
mod results;
mod script;
mod suite;
mod table;
mod workload;
mod worst;

pub use options::Options;
pub use suite::run;
