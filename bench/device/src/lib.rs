//! The harness that every allocator under test is linked with.
//!
//! A program is one file under `src/bin`: it implements [`Subject`] and calls [`program!`]. The host
//! puts a list of jobs in memory, the program does them in order and prints one line of JSON for
//! each on the serial port.

#![no_std]

mod boot;
pub mod freertos;
mod global;
mod interrupts;
#[cfg(not(feature = "size"))]
mod jobs;
#[cfg(not(feature = "size"))]
mod memory;
mod ours;
#[cfg(not(feature = "size"))]
mod report;
mod subject;
#[cfg(not(feature = "size"))]
mod timing;
mod tlsf;
#[cfg(not(feature = "size"))]
mod work;
#[cfg(not(feature = "size"))]
mod worst;

#[doc(hidden)]
pub use boot::Calls;
pub use global::{Global, Start};
pub use ours::Ours;
pub use subject::Subject;
pub use tlsf::Rlsf;

#[cfg(not(feature = "size"))]
#[doc(hidden)]
pub use jobs::run;
