//! Esparto's heap with a cache in front.

#![no_std]
#![no_main]

use esparto::heap::{Heap, Throughput};
use esparto_bench_device::{Ours, program};

program!(Ours<Heap<Throughput>>);
