//! The boundary bitmap: links of two bytes.

#![no_std]
#![no_main]

use esparto_bench_device::{Ours, program};
use esparto_bench_structures::{Boundary, Narrow};

program!(Ours<Boundary<Narrow>>);
