//! Esparto's heap with its hard bound: no deferred work at all.

#![no_std]
#![no_main]

use esparto::heap::{Heap, Realtime};
use esparto_bench_device::{Ours, program};

program!(Ours<Heap<Realtime>>);
