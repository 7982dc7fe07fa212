//! The first block that fits, found by an index of segments.

#![no_std]
#![no_main]

use esparto_bench_device::{Ours, program};
use esparto_bench_structures::Segments;

program!(Ours<Segments>);
