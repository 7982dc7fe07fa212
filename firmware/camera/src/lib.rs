//! The camera: what its programs have in common.
//!
//! ```text
//!  timer interrupt ──readings──▶ bus ──▶ trigger ──frames──▶ decode ▶ scale ▶ detect ▶ report ▶ compress
//!                 └──seconds───▶ bus ──▶ health                (each a task, with a stack of its own)
//! ```
//!
//! - `memory`: all memory there is, and the pools that frames and events live in.
//! - `events`: the bus, and the interrupt that posts to it. `desk`: frames between two stages.
//! - `stages`: the tasks. `health`: the task that watches all of it, by its `sources`.
//! - `soak`: `marks` that must not grow. [`Plan`]: how many frames there are, and when.
//! - [`run()`]: start, work, end; [`run_with`] with a [`Guard`] around it and around each stage.
//!
//! Lines on the serial line, for people and for the host's tools:
//! `region ID NAME RANGE (CAPS)` and `account …` at the start; `progress DONE/TOTAL WHAT` on the
//! way; `result …` for each frame, the same text as the host prints; `health …` each so often, and
//! whenever something begins or is over; `stack …`, `total …`, `trace …` and `ok`
//! at the end. Anything else is a failure, and the emulator exits with 1.
#![no_std]

mod desk;
mod events;
mod guard;
mod health;
mod marks;
mod memory;
mod plan;
mod run;
mod soak;
mod sources;
mod stages;

pub use guard::Guard;
pub use pipeline::Stage;
pub use plan::Plan;
pub use run::{run, run_with};
