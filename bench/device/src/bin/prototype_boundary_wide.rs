//! The boundary bitmap: links of four bytes, for memory beyond 256 KiB.

#![no_std]
#![no_main]

use esparto_bench_device::{Ours, program};
use esparto_bench_structures::{Boundary, Wide};

program!(Ours<Boundary<Wide>>);
