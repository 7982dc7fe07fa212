//! A camera pipeline on real input: photograph → luma → int8 network → report → packed log.
//!
//! The same code runs on the emulated core and on the host; [`run`] gives one [`FrameResult`] a
//! frame, and the two must agree to the letter. Frame buffers come from the allocator that the
//! caller passes (on the core: external memory); everything else is asked of the global one.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod detect;
mod frame;
mod log;
mod photograph;
mod run;
mod stage;

pub use detect::Detection;
pub use frame::{LUMA_SIDE_PX, Luma, Rgb};
pub use log::{Entry, Log, Packed};
pub use photograph::{FRAME_COUNT, PHOTOGRAPHS, Photograph};
pub use run::{FrameResult, run};
pub use stage::{PipelineError, Platform, Stage};
