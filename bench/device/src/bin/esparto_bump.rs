//! Esparto's heap that never frees: heap_1 of FreeRTOS.

#![no_std]
#![no_main]

use esparto::heap::Bump;
use esparto_bench_device::{Ours, program};

program!(Ours<Bump>);
