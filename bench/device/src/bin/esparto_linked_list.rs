//! Esparto's list sorted by address: first fit, merging, no header.

#![no_std]
#![no_main]

use esparto::LinkedList;
use esparto_bench_device::{Ours, program};

program!(Ours<LinkedList>);
