//! Chip facts.
#![no_std]
#![forbid(unsafe_code)]
