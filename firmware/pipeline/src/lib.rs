//! A camera pipeline on real input: photograph → luma → int8 network → report → packed log.
//!
//! A [`Frame`] passes five [`Stage`]s, each at a [`Station`] that keeps what outlives the frame. On
//! a host [`run`] takes one frame after another through all of them; on the core every stage is a
//! task of its own, and frames overlap. Both give one [`FrameResult`] a frame, and must agree to the
//! letter. Frame buffers come from the allocator that the station is given (on the core: pools in
//! external memory); everything else is asked of the global one.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

#[cfg(feature = "native")]
mod native;

mod detect;
mod frame;
mod photograph;
mod pixels;
mod run;
mod stage;
mod station;

pub use detect::Detection;
pub use frame::Frame;
pub use journal::{Entry, Log, Outbox, Packed};
pub use photograph::{FRAME_COUNT, PHOTOGRAPHS, Photograph};
pub use pixels::{LUMA_SIDE_PX, Luma, Rgb};
pub use run::{FrameResult, run};
pub use stage::{PipelineError, Stage};
pub use station::Station;
