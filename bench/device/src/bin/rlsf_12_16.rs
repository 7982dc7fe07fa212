//! rlsf, a TLSF, in the configuration of its README.

#![no_std]
#![no_main]

use esparto_bench_device::{Rlsf, program};

program!(Rlsf<u16, u16, 12, 16>);
