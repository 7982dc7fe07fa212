//! Esparto's heap_2: best fit, no merging.

#![no_std]
#![no_main]

use esparto::heap::freertos::Heap2;
use esparto_bench_device::{Ours, program};

program!(Ours<Heap2>);
