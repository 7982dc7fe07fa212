//! Esparto's heap_5: heap_4 over several stretches, of which it has one here.

#![no_std]
#![no_main]

use esparto::heap::freertos::Heap5;
use esparto_bench_device::{Ours, program};

program!(Ours<Heap5<1>>);
