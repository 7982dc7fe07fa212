//! rlsf, a TLSF, in the configuration of esp-alloc and embedded-alloc.

#![no_std]
#![no_main]

use esparto_bench_device::{Rlsf, program};

program!(Rlsf<usize, usize, 32, 32>);
