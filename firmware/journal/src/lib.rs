//! The camera's journal: one entry a frame, all of them as JSON, packed, kept until acknowledged.
//!
//! A crate of its own, so that it can be an overlay of its own: nothing that has to stay in flash is
//! in it.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod error;
mod log;

pub use error::JournalError;
pub use log::{Entry, Log, Outbox, Packed};
