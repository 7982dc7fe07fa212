//! The boundary bitmap: links of four bytes and a cache in front.

#![no_std]
#![no_main]

use esparto_bench_device::{Ours, program};
use esparto_bench_structures::{Boundary, WideCached};

program!(Ours<Boundary<WideCached>>);
