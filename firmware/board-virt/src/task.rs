//! Tasks: each on a stack of its own, by priority, preempted by interrupts.
//!
//! ```text
//!   interrupt ─┐  registers into the     the boot stack:       registers of the most urgent task
//!   wait ──────┴▶ task's context, not ─▶ handler, scheduler ─▶ that is not waiting, and off it goes
//!                 onto its stack
//! ```
//!
//! A task runs until it waits, or until an interrupt wakes one that is more urgent. Interrupts run
//! on what `main` left of the boot stack, and a task's registers are kept in its control block: of a
//! task's stack nothing is the system's, so that its high-water mark is the task's own, the same
//! every run.
//!
//! [`Crew`] runs tasks until all have ended. Whenever one is interrupted, its stack pointer is
//! looked at, and when it calls, its canary too. [`Blocking`] is how a task waits for events of a bus.

mod context;
mod crew;
mod entry;
mod scheduler;
mod wait;

pub use crew::{Crew, TASK_LIMIT, Table};
pub use scheduler::CONTROL_BYTES;
pub use wait::Blocking;
