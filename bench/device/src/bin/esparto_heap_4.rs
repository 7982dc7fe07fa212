//! Esparto's heap_4: first fit, merging.

#![no_std]
#![no_main]

use esparto::heap::freertos::Heap4;
use esparto_bench_device::{Ours, program};

program!(Ours<Heap4>);
