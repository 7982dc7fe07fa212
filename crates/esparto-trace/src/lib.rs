//! The trace format.
#![no_std]
#![forbid(unsafe_code)]
